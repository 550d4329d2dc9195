// Any bytes as what another node says about listeners: read within its bounds or not at all, and
// what is read is written again as it was.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "platform/realtime/relay_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace madang::realtime;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto message = decode_relay_message(bytes);
  if (!message) return 0;
  if (message->wakes.size() > RelayMessage::max_items) std::abort();
  if (message->accounts.size() > RelayMessage::max_items) std::abort();
  if (encode(*message) != bytes) std::abort();
  return 0;
}
