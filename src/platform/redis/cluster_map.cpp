// How the cluster's map is kept: asked for by one coroutine, so never twice at once.
#include <algorithm>
#include <set>
#include <utility>

#include "platform/log/log.hpp"
#include "platform/redis/cluster.hpp"

namespace madang::redis {

namespace {

constexpr std::size_t asked_at_most = 4;  // nodes of one refresh

std::size_t below(Random& random, std::size_t bound) {
  return static_cast<std::size_t>(resilience::uniform(random) * static_cast<double>(bound));
}

}  // namespace

void Cluster::want_map() {
  if (std::exchange(wanted_, true)) return;
  map_timer_.cancel();
}

Task<> Cluster::keep_map(Cluster* self) {
  const auto& options = self->options_;
  int failed = 0;
  while (!self->closed_) {
    self->wanted_ = false;
    const auto began = Steady::now();
    const bool good = co_await self->refresh();
    if (self->closed_) co_return;
    self->let_go();
    failed = good ? 0 : failed + 1;
    if (!good) {
      const Problem problem = busy("redis_unavailable", self->trouble_).error();
      if (!std::exchange(self->tried_, true)) self->fail_pausing(problem);
    }
    // Not at once again whatever happens; after failures with growing pauses; else when wanted.
    const auto not_before = began + self->rest_after(failed);
    while (!self->closed_ && Steady::now() < not_before) {
      self->map_timer_.expires_at(not_before);
      co_await self->map_timer_.async_wait(in_tuple);
    }
    while (good && !self->wanted_ && !self->closed_ && Steady::now() < began + options.map_period) {
      self->map_timer_.expires_at(began + options.map_period);
      co_await self->map_timer_.async_wait(in_tuple);
    }
  }
}

/// Half to one and a half of the interval, so that many instances do not ask together.
Steady::duration Cluster::rest_after(int failed) {
  const auto rest = options_.map_interval * (1 << std::min(failed, 4));
  const double share = 0.5 + resilience::uniform(random_);
  return std::chrono::microseconds(
      static_cast<std::int64_t>(share * 1000 * static_cast<double>(rest.count())));
}

/// Asks some of the nodes, one after the other, until one tells. False: none does.
Task<bool> Cluster::refresh() {
  const std::vector<Node*> nodes = candidates();
  for (Node* node : nodes) {
    const bool told = co_await learn_from(*node);
    if (told || closed_) co_return told;
  }
  if (nodes.empty()) trouble_ = "no node is named";
  co_return false;
}

/// Those that are connected first, in random order; the named ones too.
std::vector<Node*> Cluster::candidates() {
  std::vector<Node*> out;
  for (const auto& [name, node] : nodes_) out.push_back(node.get());
  for (std::size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[below(random_, i)]);
  std::ranges::partition(out, [](const Node* node) { return node->up(); });
  if (out.size() > asked_at_most) out.resize(asked_at_most);
  if (!has_map_ || standalone_ || out.empty() || !out.front()->up()) {
    for (const Address& seed : options_.seeds) {
      Node* node = &node_at(seed);
      if (std::ranges::find(out, node) == out.end()) out.push_back(node);
    }
  }
  return out;
}

Task<Result<Value>> Cluster::ask(Node& node, Command command) {
  const auto now = Steady::now();
  auto gathering = std::make_shared<Gathering>(1);
  Call call{std::move(command), Deadline(now + options_.map_patience), now, gathering};
  call.waits = static_cast<std::uint8_t>(options_.max_waits);  // not to be put off
  if (node.ask(call) != Node::Sent::yes) {
    co_return fail(Kind::unavailable, "redis_unavailable", node.trouble());
  }
  Results results = co_await gathering->collect();
  co_return std::move(results.front());
}

Task<bool> Cluster::learn_from(Node& node) {
  Command ask_slots = Command::read("CLUSTER").arg("SLOTS");
  const Result<Value> slots = co_await ask(node, std::move(ask_slots));
  if (closed_) co_return false;
  // What a server that is no cluster says.
  if (!slots && slots.error().detail.contains("cluster support disabled")) {
    Command ask_role = Command::read("ROLE");
    const Result<Value> role = co_await ask(node, std::move(ask_role));
    if (closed_) co_return false;
    if (role && !role->items.empty() && role->items.front().text == "master") {
      apply_standalone(node);
      co_return true;
    }
    trouble_ = node.name() + (role ? " is a replica; its master is wanted" : " does not answer");
    co_return false;
  }
  if (!slots) {
    const std::string& known = node.trouble();
    trouble_ = node.name() + ": " + (known.empty() ? slots.error().detail : known);
    co_return false;
  }
  const auto ranges = read_cluster_slots(*slots, node.address());
  if (!ranges || ranges->empty()) {
    trouble_ = node.name() + " knows no slots: it is no member of a cluster yet";
    co_return false;
  }
  apply_ranges(*ranges);
  co_return true;
}

void Cluster::apply_ranges(const std::vector<SlotRange>& ranges) {
  standalone_ = false;
  // Those of nodes that are no masters any more too: they may be so again, by a MOVED.
  for (const auto& [name, node] : nodes_) node->replicas.clear();
  slots_.fill(nullptr);
  masters_.clear();
  std::vector<Node*> in_use;
  for (const SlotRange& range : ranges) {
    Node* master = &node_at(range.master);
    if (std::ranges::find(masters_, master) == masters_.end()) {
      masters_.push_back(master);
      in_use.push_back(master);
      for (const Address& address : range.replicas) {
        master->replicas.push_back(&node_at(address));
        in_use.push_back(master->replicas.back());
      }
      master->start();
    }
    std::fill(slots_.begin() + range.first, slots_.begin() + range.last + 1, master);
  }
  mapped(in_use);
}

void Cluster::apply_standalone(Node& node) {
  standalone_ = true;
  slots_.fill(&node);
  masters_.assign(1, &node);
  for (const auto& [name, other] : nodes_) other->replicas.clear();
  mapped({&node});
}

void Cluster::mapped(const std::vector<Node*>& in_use) {
  for (auto at = nodes_.begin(); at != nodes_.end();) {
    if (std::ranges::find(in_use, at->second.get()) != in_use.end()) {
      ++at;
      continue;
    }
    leaving_.push_back(std::move(at->second));
    at = nodes_.erase(at);
  }
  trouble_.clear();
  tried_ = true;
  if (!std::exchange(has_map_, true)) {
    log::info("redis", "connected", {{"masters", masters_.size()}, {"cluster", !standalone_}});
  }
  for (auto& call : std::exchange(waiting_for_map_, {})) {
    route(std::move(call), Steady::now());
  }
}

/// Nodes that left the map go when they have answered what they were asked.
void Cluster::let_go() {
  std::erase_if(leaving_, [](const std::unique_ptr<Node>& node) {
    if (node->outstanding() > 0 && node->up()) return false;
    node->close();
    return true;
  });
}

Node& Cluster::node_at(const Address& address) {
  auto& node = nodes_[address.text()];
  if (!node) {
    Node::Owner& owner = *this;
    node = std::make_unique<Node>(executor_, address, options_, owner, random_, tasks_, registry_);
  }
  return *node;
}

std::string Cluster::trouble() const {
  if (!has_map_) return trouble_;
  if (std::ranges::find(slots_, nullptr) != slots_.end()) return "some slots have no master";
  for (const Node* node : masters_) {
    if (!node->up()) {
      return node->name() + " is not connected" +
             (node->trouble().empty() ? "" : ": " + node->trouble());
    }
  }
  return {};
}

std::vector<Address> Cluster::masters() const {
  std::vector<Address> out;
  for (const Node* node : masters_) out.push_back(node->address());
  return out;
}

}  // namespace madang::redis
