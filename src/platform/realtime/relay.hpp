// How a hub reaches the listeners of other nodes. What travels are wakes and hints alone: a node
// that is told reads SQL. They may be lost; then every node is told to look again, some time later.
#pragma once

#include <span>
#include <string_view>

#include "base/ids.hpp"

namespace madang::realtime {

class Relay {
 public:
  virtual ~Relay() = default;
  // Any thread; they never wait. Not sent back to this node.
  /// Stored messages of the account up to `newest` can be read.
  virtual void wake(Id account, Id newest) = 0;
  virtual void hint(std::span<const Id> accounts, std::string_view type) = 0;
};

/// How far a message goes.
enum class Reach : unsigned char {
  everywhere,  // to every node with listeners
  here,        // each node publishes it by itself, or it came from another
};

}  // namespace madang::realtime
