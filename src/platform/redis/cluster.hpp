// The cluster as one server: sends each command to the node of its slot and follows what nodes
// answer about it. One server that is no cluster works the same. Everything runs on one executor.
#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/redis/node.hpp"
#include "platform/redis/slot_map.hpp"
#include "platform/resilience/retry.hpp"

namespace madang::redis {

class Cluster final : public Node::Owner {
 public:
  /// All outlive it.
  Cluster(asio::any_io_executor executor, const ClientOptions& options, Random& random,
          runtime::TaskGroup& tasks, metrics::Registry& registry);
  ~Cluster() override;

  /// Begins to ask for the slot map.
  void start();
  /// For good: what is on its way fails with redis_closed. To be destroyed after its tasks.
  void close();

  /// `now` is not long ago.
  void submit(Call&& call, Steady::time_point now);

  /// Ask for the slot map as soon as that may be done again.
  void want_map();
  /// Who serves the slot; null: unknown.
  Node* master_of(std::uint16_t slot) const { return slots_[slot]; }
  bool has_map() const { return has_map_; }
  /// No cluster: one server with all slots.
  bool standalone() const { return standalone_; }
  /// What is wrong, in one line; empty: every slot has a master that is connected.
  std::string trouble() const;
  std::vector<Address> masters() const;

 private:
  struct Metrics;
  enum class Budget : std::uint8_t { free, counted };

  // Commands (cluster.cpp)
  void route(Call&& call, Steady::time_point now);
  Node* master_for(const Call& call);
  Node* replica_for(const Call& call, Node& master);
  void dispatch(Node& node, Call&& call, bool replica);
  void redirect(Node& node, Call&& call, const Value& error);
  void reload(Node& node, Call&& call);
  /// After a pause, when there is time and leave for one; else it ends with `problem`.
  void later(Call&& call, Budget budget, Problem problem);
  void finish(Call&& call, Result<Value>&& result);
  void fail_pausing(const Problem& problem);
  void expire_waiting(Steady::time_point now);

  // Node::Owner
  void on_answer(Node& node, Call&& call, Value&& value) override;
  void on_failure(Node& node, Call&& call, Node::Failure failure) override;
  void on_down(Node& node) override;
  void on_heard(Node& node) override;

  // The map (cluster_map.cpp)
  static Task<> keep_map(Cluster* self);
  static Task<> keep_pauses(Cluster* self);
  Task<bool> refresh();
  Task<Result<Value>> ask(Node& node, Command command);
  Task<bool> learn_from(Node& node);
  std::vector<Node*> candidates();
  Steady::duration rest_after(int failed);
  void apply_ranges(const std::vector<SlotRange>& ranges);
  void apply_standalone(Node& node);
  void mapped(const std::vector<Node*>& in_use);
  void let_go();
  Node& node_at(const Address& address);

  const asio::any_io_executor executor_;
  const ClientOptions& options_;
  Random& random_;
  runtime::TaskGroup& tasks_;
  metrics::Registry& registry_;
  std::unique_ptr<Metrics> metrics_;
  resilience::RetryBudget budget_;
  std::unordered_map<std::string, std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Node>> leaving_;  // no longer in the map; some still answer
  std::array<Node*, slot_count> slots_{};
  std::vector<Node*> masters_;
  std::size_t next_master_ = 0;
  std::multimap<Steady::time_point, Call> pausing_;
  std::deque<Call> waiting_for_map_;  // only before the first answer, or failure, of all
  bool has_map_ = false;
  bool tried_ = false;
  bool standalone_ = false;
  bool wanted_ = true;
  bool closed_ = false;
  std::string trouble_ = "not asked yet";
  asio::steady_timer map_timer_;
  asio::steady_timer pause_timer_;
};

}  // namespace madang::redis
