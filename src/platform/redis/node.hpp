// One server as the client sees it: a connection to it, another for reads it answers as a replica,
// its breaker, its metrics and which scripts it has. Everything runs on one executor.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/metrics/metrics.hpp"
#include "platform/redis/connection.hpp"
#include "platform/redis/options.hpp"
#include "platform/resilience/circuit_breaker.hpp"

namespace madang::redis {

class Node final : public Connection::Owner {
 public:
  using Sent = Connection::Sent;
  using Failure = Connection::Failure;

  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void on_answer(Node& node, Call&& call, Value&& value) = 0;
    virtual void on_failure(Node& node, Call&& call, Failure failure) = 0;
    /// A connection that was open, or was to be, is not.
    virtual void on_down(Node& node) = 0;
    /// After the answers of one read.
    virtual void on_heard(Node& node) = 0;
  };

  Node(asio::any_io_executor executor, Address address, const ClientOptions& options, Owner& owner,
       Random& random, runtime::TaskGroup& tasks, metrics::Registry& registry);
  ~Node() override;

  void start() { main_->start(); }
  void close();

  /// Takes `call` when it answers `yes`. `down`: not connected, or its breaker is open.
  Sent send(Call& call);
  /// The same with leave to enter a slot that is being moved here.
  Sent send_asking(Call& call);
  /// As a replica.
  Sent send_read(Call& call);
  /// Past the breaker: to find out about the cluster.
  Sent ask(Call& call) { return main_->send(call); }
  /// From on_answer(), for a script that was not there: loads it first, unless that was done since.
  Sent send_with_script(Call& call);

  const Address& address() const { return address_; }
  const std::string& name() const { return name_; }
  std::size_t outstanding() const;
  bool up() const { return main_->state() == Connection::State::open; }
  /// Not known to be away.
  bool hopeful() const { return main_->state() != Connection::State::down; }
  /// Why it was last down.
  const std::string& trouble() const { return trouble_; }

  std::vector<Node*> replicas;  // when it is a master
  std::size_t next_replica = 0;

 private:
  struct Metrics;
  struct Loaded {  // SCRIPT LOAD as a command of a connection
    std::uint64_t opened = 0;
    std::uint64_t number = 0;
  };

  Sent send_on(Connection& connection, Call& call, bool asking = false);
  Connection& reader();
  void settle(Call& call, bool success);
  void show();

  // Connection::Owner
  void on_answer(Connection& connection, Call&& call, Value&& value) override;
  void on_failure(Connection& connection, Call&& call, Failure failure) override;
  bool on_push(Connection& connection, Value value) override;
  void on_state(Connection& connection, Connection::State state, std::string_view why) override;
  void on_heard(Connection& connection) override;

  const asio::any_io_executor executor_;
  const Address address_;
  const std::string name_;
  const ClientOptions& options_;
  Owner& owner_;
  Random& random_;
  runtime::TaskGroup& tasks_;
  std::unique_ptr<Metrics> metrics_;
  bool breaker_closed_ = true;  // its state without its lock: only this thread changes it
  resilience::CircuitBreaker breaker_;
  std::shared_ptr<Connection> main_;
  std::shared_ptr<Connection> reader_;  // from the first read it is asked as a replica
  Connection* answering_ = nullptr;     // while on_answer() runs
  std::unordered_map<std::string, Loaded> loaded_[2];  // by SHA; of main_, of reader_
  std::string trouble_;
};

}  // namespace madang::redis
