#include "platform/db/mariadb_cluster.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "platform/db/mariadb_connection.hpp"
#include "platform/log/log.hpp"

namespace madang::db::mariadb {

namespace {

/// How far back the primary's positions are remembered: lag beyond is shown as this much.
constexpr auto history_length = std::chrono::seconds(60);
/// A semi-sync time-out from here on counts as endless: a day, in milliseconds.
constexpr std::uint64_t endless = 86'400'000;

/// The whole text.
template <class T>
std::optional<T> number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

/// domain-server-sequence
struct Gtid {
  std::uint32_t domain = 0;
  std::uint32_t server = 0;
  std::uint64_t sequence = 0;
  std::string text() const {
    return std::to_string(domain) + "-" + std::to_string(server) + "-" + std::to_string(sequence);
  }
};

/// What is none is left out.
std::vector<Gtid> parse_gtids(std::string_view text) {
  std::vector<Gtid> out;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const std::size_t first = one.find('-');
    const std::size_t last = one.rfind('-');
    if (first == one.npos || last == first) continue;
    const auto domain = number<std::uint32_t>(one.substr(0, first));
    const auto server = number<std::uint32_t>(one.substr(first + 1, last - first - 1));
    const auto sequence = number<std::uint64_t>(one.substr(last + 1));
    if (domain && server && sequence) out.push_back({*domain, *server, *sequence});
  }
  return out;
}

bool is_on(std::string_view value) {
  return value == "1" || value == "ON";
}

}  // namespace

Position parse_position(std::string_view text) {
  Position out;
  for (const Gtid& gtid : parse_gtids(text)) {
    auto& sequence = out[gtid.domain];
    sequence = std::max(sequence, gtid.sequence);
  }
  return out;
}

bool reached(const Position& have, const Position& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
    const auto found = have.find(entry.first);
    return found != have.end() && found->second >= entry.second;
  });
}

void Horizon::advance(std::string_view text) {
  const auto gtids = parse_gtids(text);
  if (gtids.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const Gtid& gtid : gtids) {
    auto& latest = latest_[gtid.domain];
    if (latest.first < gtid.sequence) latest = {gtid.sequence, gtid.text()};
  }
  text_.clear();
  for (const auto& [domain, latest] : latest_) text_ += (text_.empty() ? "" : ",") + latest.second;
}

std::string Horizon::text() const {
  const std::lock_guard lock(mutex_);
  return text_;
}

Cluster::Cluster(const MariaDbOptions& options, metrics::Registry& registry)
    : options_(options),
      failovers_(registry.counter("madang_db_failovers_total", "Times the primary moved")) {
  for (const MariaDbHost& host : options.hosts) {
    const metrics::Labels labels{{"host", host.label()}};
    auto member = std::make_unique<Member>();
    member->host = host;
    member->up = &registry.gauge("madang_db_host_up", "1: the host answers", labels);
    member->writable =
        &registry.gauge("madang_db_host_writable", "1: the host takes writes", labels);
    member->lag = &registry.gauge("madang_db_replica_lag_seconds",
                                  "How old what a replica shows may be", labels);
    members_.push_back(std::move(member));
  }
  for (auto& member : members_)
    member->thread = std::jthread([this, &member = *member] { serve(member); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    return std::all_of(members_.begin(), members_.end(), [](auto& m) { return m->asked; });
  });
  std::string fault;
  if (primary_ == nullptr)
    fault = "no database takes writes: " + describe();
  else if (!primary_->look.unsafe.empty())
    fault = "the database at " + primary_->host.label() +
            " does not keep database.durability = replicated: " + primary_->look.unsafe;
  if (fault.empty()) return;
  stopping_ = true;
  lock.unlock();
  changed_.notify_all();
  for (auto& member : members_) member->thread.join();
  throw std::runtime_error(fault);
}

Cluster::~Cluster() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& member : members_)
    if (member->thread.joinable()) member->thread.join();
}

void Cluster::serve(Member& member) {
  for (;;) {
    Look look = look_at(member);
    member.silent = look.reachable ? 0 : member.silent + 1;
    std::unique_lock lock(mutex_);
    keep(member, std::move(look));
    if (member.silent == 1 || std::exchange(member.broken, false))
      for (const auto& listener : listeners_) listener(member.host);
    changed_.wait_for(lock, options_.probe_interval,
                      [&] { return stopping_ || std::exchange(member.again, false); });
    if (stopping_) break;
  }
  member.connection.reset();
}

// A connection that fails is no verdict: its host is asked once more on a new one. A host that is
// gone refuses that at once; one that hangs has been silent for twice the time-out.
Cluster::Look Cluster::look_at(Member& member) {
  for (;;) {
    const bool fresh = !member.connection;
    try {
      if (fresh)
        member.connection =
            std::make_unique<Connection>(options_, member.host, Connection::Use::probe);
      return ask(*member.connection);
    } catch (const std::exception& error) {
      member.connection.reset();
      if (!fresh) {
        const std::lock_guard lock(mutex_);
        member.trusted_since = Steady::now();
        member.broken = true;
        continue;
      }
      Look look;
      look.fault = error.what();
      return look;
    }
  }
}

Cluster::Look Cluster::ask(Connection& connection) {
  Look look;
  const auto row =
      connection.rows("select @@read_only, @@gtid_current_pos, @@gtid_binlog_pos").at(0);
  look.reachable = true;
  look.writable = !is_on(row.at(0));
  look.position = parse_position(row.at(1) + "," + row.at(2));
  if (look.writable && options_.durability == Durability::replicated)
    look_at_safety(connection, look);
  return look;
}

void Cluster::look_at_safety(Connection& connection, Look& look) {
  const auto settings =
      connection
          .rows(
              "select @@rpl_semi_sync_master_enabled, @@rpl_semi_sync_master_wait_point, "
              "@@rpl_semi_sync_master_timeout, @@rpl_semi_sync_master_wait_no_slave, "
              "@@sync_binlog, @@innodb_flush_log_at_trx_commit, @@log_bin")
          .at(0);
  const auto demand = [&](bool holds, const char* setting) {
    if (holds) return;
    if (!look.unsafe.empty()) look.unsafe += ", ";
    look.unsafe += setting;
  };
  demand(is_on(settings.at(6)), "log_bin must be set");
  demand(is_on(settings.at(0)), "rpl_semi_sync_master_enabled must be ON");
  demand(settings.at(1) == "AFTER_SYNC", "rpl_semi_sync_master_wait_point must be AFTER_SYNC");
  demand(number<std::uint64_t>(settings.at(2)).value_or(0) >= endless,
         "rpl_semi_sync_master_timeout must be endless (18446744073709551615)");
  demand(is_on(settings.at(3)), "rpl_semi_sync_master_wait_no_slave must be ON");
  demand(settings.at(4) == "1", "sync_binlog must be 1");
  demand(settings.at(5) == "1", "innodb_flush_log_at_trx_commit must be 1");
  std::uint64_t clients = 0;
  for (const auto& row : connection.rows("show global status like 'Rpl_semi_sync_master_clients'"))
    clients = number<std::uint64_t>(row.at(1)).value_or(0);
  look.acknowledged = clients > 0;
}

void Cluster::keep(Member& member, Look look) {
  if (look.reachable != member.look.reachable || !member.asked) {
    if (look.reachable && member.asked)
      log::info("db", "host_up", {{"host", member.host.label()}, {"writable", look.writable}});
    if (!look.reachable)
      log::warn("db", "host_down", {{"host", member.host.label()}, {"error", look.fault}});
  }
  member.look = std::move(look);
  member.asked = true;
  member.up->Set(member.look.reachable ? 1 : 0);
  member.writable->Set(member.look.writable ? 1 : 0);
  choose_primary();
  if (primary_ == &member) {
    const auto now = Steady::now();
    history_.emplace_back(now, member.look.position);
    while (now - history_.front().first > history_length) history_.pop_front();
  }
  note_obstacle();
  show_lag();
  changed_.notify_all();
}

// The one that takes writes. When a second does so too (an old primary that came back and was not
// fenced) it is not believed: whoever is followed already stays.
void Cluster::choose_primary() {
  if (primary_ != nullptr && primary_->look.writable) return;
  primary_ = nullptr;
  Member* found = nullptr;
  for (auto& member : members_) {
    if (!member->asked) return;  // at the start: everybody is heard first
    if (!member->look.writable) continue;
    if (found != nullptr) return;
    found = member.get();
  }
  if (found == nullptr) return;
  primary_ = found;
  if (last_primary_ != nullptr && last_primary_ != found) {
    failovers_.Increment();
    history_.clear();
    log::warn("db", "primary_moved",
              {{"from", last_primary_->host.label()}, {"to", found->host.label()}});
  }
  last_primary_ = found;
}

// What write_fault() calls it; empty when writes are possible.
std::string_view Cluster::obstacle() const {
  if (primary_ == nullptr) {
    const auto count = [this](bool Look::* what) {
      return std::count_if(members_.begin(), members_.end(),
                           [what](auto& member) { return member->look.*what; });
    };
    if (count(&Look::writable) > 1) return "database_two_primaries";
    return count(&Look::reachable) > 0 ? "database_read_only" : "database_unreachable";
  }
  if (options_.durability != Durability::replicated) return {};
  if (!primary_->look.unsafe.empty()) return "database_unsafe";
  return primary_->look.acknowledged ? "" : "database_without_replica";
}

void Cluster::note_obstacle() {
  if (obstacle().empty())
    obstructed_since_.reset();
  else if (!obstructed_since_)
    obstructed_since_ = Steady::now();
}

bool Cluster::obstructed_for_long() const {
  return obstructed_since_ && Steady::now() - *obstructed_since_ >= CommitHealth::patience;
}

std::optional<WriteFault> Cluster::write_fault() {
  const std::lock_guard lock(mutex_);
  if (!obstructed_for_long()) return {};
  return WriteFault{obstacle()};
}

void Cluster::show_lag() {
  for (auto& member : members_) {
    const auto lag = member.get() == primary_ ? Steady::duration::zero() : lag_of(*member);
    member->lag->Set(std::chrono::duration<double>(lag).count());
  }
}

// By the log's positions and this process's own clock: how long ago the primary was seen at the
// first position that the replica has not reached.
Cluster::Steady::duration Cluster::lag_of(const Member& member) const {
  if (!member.look.reachable) return history_length;
  for (auto at = history_.rbegin(); at != history_.rend(); ++at) {
    if (!reached(member.look.position, at->second)) continue;
    if (at == history_.rbegin()) return {};
    return Steady::now() - std::prev(at)->first;
  }
  return history_.empty() ? Steady::duration::zero() : Steady::duration(history_length);
}

std::optional<MariaDbHost> Cluster::primary(Steady::time_point until) {
  std::unique_lock lock(mutex_);
  if (!obstructed_for_long())
    changed_.wait_until(lock, until, [this] { return primary_ != nullptr || stopping_; });
  if (primary_ == nullptr) return {};
  return primary_->host;
}

std::optional<MariaDbHost> Cluster::replica() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const Member& member = *members_[++turn_ % members_.size()];
    if (&member == primary_ || !member.look.reachable || member.look.writable) continue;
    if (lag_of(member) <= options_.max_lag) return member.host;
  }
  return {};
}

bool Cluster::has_replicas() {
  return members_.size() > 1 && [this] {
    const std::lock_guard lock(mutex_);
    return std::any_of(members_.begin(), members_.end(), [this](auto& member) {
      return member.get() != primary_ && member->look.reachable && !member->look.writable &&
             lag_of(*member) <= options_.max_lag;
    });
  }();
}

std::optional<std::string> Cluster::write_obstacle() {
  const std::lock_guard lock(mutex_);
  const std::string_view why = obstacle();
  if (why == "database_unsafe") return "the primary database does not keep writes as it should.";
  if (why == "database_without_replica") return "no replica is there to keep writes safe.";
  return {};
}

bool Cluster::lacks_replica() {
  const std::lock_guard lock(mutex_);
  return obstacle() == "database_without_replica";
}

bool Cluster::outlived(const Connection& connection) {
  const std::lock_guard lock(mutex_);
  return std::any_of(members_.begin(), members_.end(), [&](auto& member) {
    return member->host.label() == connection.host().label() &&
           connection.since() < member->trusted_since;
  });
}

void Cluster::on_silence(std::function<void(const MariaDbHost&)> listener) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(std::move(listener));
}

void Cluster::suspect(const MariaDbHost& host) {
  {
    const std::lock_guard lock(mutex_);
    for (auto& member : members_) {
      if (member->host.label() != host.label()) continue;
      member->again = true;
      member->look.reachable = member->look.writable = false;
      if (primary_ == member.get()) primary_ = nullptr;
    }
    note_obstacle();
  }
  changed_.notify_all();
}

std::string Cluster::describe() const {
  std::string out;
  int writable = 0;
  for (const auto& member : members_) {
    if (!out.empty()) out += "; ";
    out += member->host.label();
    if (!member->look.reachable) {
      out += " does not answer: " + member->look.fault;
    } else if (!member->look.writable) {
      out += " is read-only (a replica?)";
    } else {
      out += " takes writes";
      ++writable;
    }
  }
  return writable > 1 ? "more than one claims to be the primary: " + out : out;
}

}  // namespace madang::db::mariadb
