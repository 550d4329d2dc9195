// What nodes say to each other about listeners, as bytes.
//
//   version 1 | kind | origin (8) | wakes:  n x (account 8, newest 8)
//                                 | hints:  length of the type 1, type, n x account 8
//                                 | missed: nothing
//
// Numbers are little-endian. Another version, or anything that does not fit, is not read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"

namespace madang::realtime {

struct RelayMessage {
  enum class Kind : char {
    wakes = 'w',
    hints = 'h',
    missed = 'm',  // the origin could not say everything: look again
  };
  struct Wake {
    Id account = 0;
    Id newest = 0;
  };
  static constexpr std::size_t max_items = 4'096;

  Kind kind = Kind::missed;
  std::uint64_t origin = 0;  // the node, so that it does not hear itself
  std::vector<Wake> wakes;
  std::string type;
  std::vector<Id> accounts;
};

std::string encode(const RelayMessage& message);
std::optional<RelayMessage> decode_relay_message(std::string_view bytes);

}  // namespace madang::realtime
