#include "platform/db/mariadb.hpp"

#include <charconv>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "platform/db/mariadb_readers.hpp"
#include "platform/db/mariadb_writers.hpp"
#include "platform/log/log.hpp"

namespace madang::db {

namespace {

class MariaDbDatabase final : public Database {
 public:
  MariaDbDatabase(const MariaDbOptions& options, metrics::Registry& registry)
      : cluster_(options, registry),
        writers_(options, cluster_, registry),
        primary_readers_("db_readers", mariadb::Readers::From::primary, options, cluster_,
                         registry) {
    if (options.hosts.size() > 1)
      replica_readers_.emplace("db_replicas", mariadb::Readers::From::replicas, options, cluster_,
                               registry);
    await_replica(options.patience);
  }

  ~MariaDbDatabase() override { shut(); }

  void on_commit(std::function<void()> listener) override {
    writers_.on_commit(std::move(listener));
  }

  std::string committed() const override { return cluster_.horizon().text(); }
  void observe(std::string_view token) override { cluster_.horizon().advance(token); }

  std::optional<WriteFault> write_fault() override {
    if (auto fault = cluster_.write_fault()) return fault;
    return writers_.fault();
  }

  bool refuses_writes() override { return writers_.queue().refuses(); }

  void close() override { shut(); }

 protected:
  Task<std::optional<Problem>> submit_write(Deadline deadline, Lane lane, HotRow hot,
                                            const Body* body) override {
    return writers_.queue().submit(deadline, lane, body, hot);
  }

  Task<std::optional<Problem>> submit_read(Deadline deadline, Freshness freshness, ReadLane lane,
                                           const Body* body) override {
    const bool replica = freshness == Freshness::any && replica_readers_ && cluster_.has_replicas();
    mariadb::Readers& readers = replica ? *replica_readers_ : primary_readers_;
    return readers.queue().submit(deadline, lane, body);
  }

  std::optional<Problem> wait_write(Lane lane, const Body* body) override {
    refuse_own_thread(writers_.is_current_thread());
    return writers_.queue().wait(lane, body);
  }

  // Who waits in a thread of ours works on what was just written.
  std::optional<Problem> wait_read(const Body* body) override {
    refuse_own_thread(primary_readers_.is_current_thread());
    return primary_readers_.queue().wait(Lane::interactive, body);
  }

 private:
  // A body that waits for a thread of its own pool may wait for ever.
  static void refuse_own_thread(bool own) {
    if (own) throw std::logic_error("a transaction body may not ask the database for another");
  }

  // Who is started while the last replica is away need not be started again. Later nobody waits for
  // one: what is known to be so is refused at once.
  void await_replica(std::chrono::milliseconds longest) {
    const auto until = Deadline::after(longest);
    for (bool told = false; cluster_.lacks_replica() && !until.passed();) {
      if (!std::exchange(told, true)) log::warn("db", "waiting_for_replica");
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  void shut() {
    if (replica_readers_) replica_readers_->close();
    primary_readers_.close();
    writers_.close();
  }

  mariadb::Cluster cluster_;
  mariadb::Writers writers_;
  mariadb::Readers primary_readers_;
  std::optional<mariadb::Readers> replica_readers_;
};

std::unexpected<Problem> bad_url(const std::string& why) {
  return fail(Kind::invalid, "bad_configuration",
              "database.url must be mysql://user@host:port,host:port/database: " + why);
}

Result<MariaDbHost> parse_host(std::string_view text) {
  MariaDbHost host;
  const std::size_t colon = text.rfind(':');
  host.name = text.substr(0, colon);
  if (colon != text.npos) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), host.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || host.port == 0)
      return bad_url("'" + std::string(text) + "' has no port between 1 and 65535");
  }
  if (host.name.empty()) return bad_url("a host's name is missing");
  return host;
}

}  // namespace

Result<MariaDbOptions> parse_mariadb_url(std::string_view url) {
  MariaDbOptions options;
  std::string_view rest = url;
  for (const std::string_view scheme : {"mysql://", "mariadb://"})
    if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
  if (rest.size() == url.size()) return bad_url("it does not begin with mysql://");
  const std::size_t at = rest.rfind('@');
  if (at == rest.npos || at == 0) return bad_url("the user's name is missing");
  options.user = rest.substr(0, at);
  if (options.user.contains(':')) return bad_url("the password belongs into database.password");
  rest.remove_prefix(at + 1);
  const std::size_t slash = rest.find('/');
  if (slash == rest.npos || slash + 1 == rest.size())
    return bad_url("the database's name is missing");
  options.database = rest.substr(slash + 1);
  std::string_view hosts = rest.substr(0, slash);
  for (;;) {
    const std::string_view one = hosts.substr(0, hosts.find(','));
    auto host = parse_host(one);
    if (!host) return std::unexpected(host.error());
    options.hosts.push_back(std::move(*host));
    if (one.size() == hosts.size()) return options;
    hosts.remove_prefix(one.size() + 1);
  }
}

std::unique_ptr<Database> open_mariadb(const MariaDbOptions& options, metrics::Registry& registry) {
  return std::make_unique<MariaDbDatabase>(options, registry);
}

}  // namespace madang::db
