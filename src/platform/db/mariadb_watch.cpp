#include "platform/db/mariadb_watch.hpp"

#include <algorithm>

#include "platform/log/log.hpp"

namespace madang::db::mariadb {

Watch::Watch(const MariaDbOptions& options) : options_(options) {
  thread_ = std::jthread([this] { serve(); });
}

Watch::~Watch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

Watch::Guard::Guard(Watch& watch, Connection& connection, Steady::time_point until, After after)
    : watch_(watch), connection_(connection), until_(until), after_(after), id_(connection.id()) {
  const std::lock_guard lock(watch_.mutex_);
  watch_.guards_.push_back(this);
  if (until_ >= watch_.next_) return;
  watch_.next_ = until_;
  watch_.changed_.notify_one();
}

bool Watch::Guard::end() {
  const std::lock_guard lock(watch_.mutex_);
  if (watched_) std::erase(watch_.guards_, this);
  watched_ = false;
  return fired_;
}

void Watch::end_all(const MariaDbHost& host) {
  const std::lock_guard lock(mutex_);
  for (Guard* guard : guards_) {
    if (guard->fired_ || guard->connection_.host().label() != host.label()) continue;
    guard->fired_ = true;
    guard->connection_.abandon();
  }
}

void Watch::serve() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto now = Steady::now();
    if (next_ == Steady::time_point::max()) {
      changed_.wait(lock);
    } else if (now < next_) {
      changed_.wait_until(lock, next_);
    } else {
      std::vector<Victim> victims;
      next_ = Steady::time_point::max();
      for (Guard* guard : guards_) {
        if (guard->until_ > now) {
          next_ = std::min(next_, guard->until_);
        } else if (!guard->fired_) {
          guard->fired_ = true;
          guard->connection_.abandon();
          if (guard->after_ == After::kill)
            victims.push_back({guard->connection_.host(), guard->id_});
        }
      }
      lock.unlock();
      kill(victims);
      lock.lock();
    }
  }
}

// As a favour to the server, which would work on: the caller has its answer already. Only the first
// of a host that does not even answer this is tried.
void Watch::kill(const std::vector<Victim>& victims) {
  std::string silent;
  for (const Victim& victim : victims) {
    if (victim.host.label() == silent) continue;
    try {
      Connection(options_, victim.host, Connection::Use::probe)
          .run(("kill hard connection " + std::to_string(victim.id)).c_str());
    } catch (const SqlError& error) {
      if (std::string_view(error.what()).contains("(MariaDB 1094)")) continue;  // gone already
      silent = victim.host.label();
      log::warn("db", "kill_failed", {{"error", std::string_view(error.what())}});
    }
  }
}

}  // namespace madang::db::mariadb
