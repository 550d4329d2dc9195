// People: profiles, follows, blocks, mutes, search. Routes and rules.
#pragma once

#include <functional>

#include "modules/social/context.hpp"

namespace madang::social {

class People {
 public:
  /// `on_follows_changed`: after the commit and before the answer; the account's feed is another
  /// now.
  People(Context context, std::function<Task<>(Id)> on_follows_changed)
      : context_(context), on_follows_changed_(std::move(on_follows_changed)) {}
  void mount(http::Api& api);

 private:
  using PersonPage = http::Page<Person>;

  Task<Result<UserProfile>> by_id(http::Call& call);
  Task<Result<UserProfile>> by_handle(http::Call& call);
  Task<Result<PersonPage>> search(http::Call& call, PeopleQuery query);
  Task<Result<PersonPage>> followers(http::Call& call, http::PageQuery query);
  Task<Result<PersonPage>> following(http::Call& call, http::PageQuery query);
  Task<Result<FollowState>> follow(http::Call& call);
  Task<Result<FollowState>> unfollow(http::Call& call);
  Task<Result<BlockState>> block(http::Call& call);
  Task<Result<BlockState>> unblock(http::Call& call);
  Task<Result<MuteState>> mute(http::Call& call);
  Task<Result<MuteState>> unmute(http::Call& call);

  using Edges = std::vector<Edge> (*)(db::Transaction&, Id, Id, std::optional<Edge>, std::int64_t);
  Task<Result<PersonPage>> edge_page(http::Call& call, http::PageQuery query, Edges edges);
  Task<Result<FollowState>> set_follow(http::Call& call, bool wanted);
  Task<Result<BlockState>> set_block(http::Call& call, bool wanted);
  Task<Result<MuteState>> set_mute(http::Call& call, bool wanted);

  Context context_;
  std::function<Task<>(Id)> on_follows_changed_;
};

}  // namespace madang::social
