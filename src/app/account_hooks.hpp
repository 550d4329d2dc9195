// What identity asks of the modules above it.
#pragma once

#include <array>
#include <mutex>
#include <utility>
#include <vector>

#include "modules/identity/events.hpp"
#include "modules/identity/identity.hpp"
#include "modules/media/media.hpp"
#include "modules/notifications/notifications.hpp"
#include "modules/social/events.hpp"
#include "modules/social/post_cache.hpp"
#include "modules/social/storage_reports.hpp"
#include "modules/social/upkeep.hpp"
#include "platform/events/parked.hpp"

namespace madang::app {

class AccountHooks final : public identity::AccountHooks {
 public:
  AccountHooks(social::PostCache& cache, const Clock& clock) : cache_(cache), clock_(clock) {}

  void created(db::Transaction& tx, Id account) override { social::insert_profile(tx, account); }

  void withdrawn(db::Transaction& tx, Id account) override {
    social::set_profile_visible(tx, account, false);
  }

  void suspended(db::Transaction& tx, Id account, Id admin) override {
    social::set_profile_visible(tx, account, false);
    social::resolve_open_reports(tx, account, social::ReportState::suspended, admin, clock_.now());
  }

  void restored(db::Transaction& tx, Id account) override {
    social::set_profile_visible(tx, account, true);
  }

  Result<std::optional<std::string>> change_avatar(db::Transaction& tx, Id account,
                                                   std::optional<Id> media) override {
    const Time now = clock_.now();
    if (!media) {
      media::release(tx, account, now);
      return std::optional<std::string>();
    }
    auto claimed =
        media::claim(tx, account, std::span(&*media, 1), media::Purpose::avatar, account, now);
    if (!claimed) return std::unexpected(claimed.error());
    media::release_others(tx, account, *media, now);
    const auto views = media::views(tx, std::span(&*media, 1));
    const auto view = views.find(*media);
    return view == views.end() ? std::nullopt : std::optional(view->second.url);
  }

  Task<> changed(Id account) override {
    co_await cache_.forget_author(account);
    co_await cache_.forget_viewer(account);
  }
  void changed_blocking(Id account) override {
    cache_.forget_account_blocking(account, take_touched());
  }

  bool erase(db::Transaction& tx, Id account, std::int64_t limit) override {
    const Time now = clock_.now();
    std::vector<Id> touched;
    const bool erased = social::erase_account(tx, account, limit, now, touched);
    add_touched(touched);
    if (!erased || !media::erase(tx, account, limit, now) ||
        !notifications::erase(tx, account, limit))
      return false;
    events::erase_parked(tx, account, removals);
    return true;
  }

 private:
  /// Whoever keeps something of the account must still hear that it goes.
  static constexpr std::array removals{identity::account_withdrawn, social::post_deleted,
                                       social::comment_deleted, social::post_unliked,
                                       social::account_unfollowed};

  void add_touched(const std::vector<Id>& posts) {
    const std::lock_guard lock(mutex_);
    touched_.insert(touched_.end(), posts.begin(), posts.end());
  }
  std::vector<Id> take_touched() {
    const std::lock_guard lock(mutex_);
    return std::exchange(touched_, {});
  }

  social::PostCache& cache_;
  const Clock& clock_;
  std::mutex mutex_;
  std::vector<Id> touched_;  // posts that lost likes or comments in an erasure
};

}  // namespace madang::app
