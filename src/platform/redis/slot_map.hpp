// Which node serves which slot, as CLUSTER SLOTS tells it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "platform/redis/connection.hpp"
#include "platform/redis/resp.hpp"

namespace madang::redis {

struct SlotRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  // included
  Address master;
  std::vector<Address> replicas;
};

/// Nothing when it is not an answer to CLUSTER SLOTS. `asked` stands for nodes that name no host.
std::optional<std::vector<SlotRange>> read_cluster_slots(const Value& answer, const Address& asked);

/// `MOVED 3999 127.0.0.1:6381`, `ASK ...`; nothing when it does not read so.
struct Redirect {
  std::uint16_t slot = 0;
  Address to;
};
std::optional<Redirect> read_redirect(const Value& error, const Address& asked);

/// `host:port`, `[::1]:port`
std::optional<Address> read_address(std::string_view text);

}  // namespace madang::redis
