// Any bytes as what a Redis server answers: read the same however they are cut, within the limits;
// and any command we send is read back as it was.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "platform/redis/command.hpp"
#include "platform/redis/resp.hpp"

namespace {

using madang::redis::Command;
using madang::redis::RespLimits;
using madang::redis::RespParser;
using madang::redis::Value;

constexpr RespLimits limits{.depth = 8, .items = 200, .bulk = 512, .answer = 4096, .line = 128};

void require(bool holds) {
  if (!holds) std::abort();
}

struct Sizes {
  std::size_t items = 0;
  std::size_t text = 0;
};

void measure(const Value& value, std::size_t depth, Sizes& sizes) {
  require(depth <= limits.depth);
  sizes.items += value.items.size();
  sizes.text += value.text.size();
  for (const Value& item : value.items) {
    require(item.type != Value::Type::push);
    measure(item, depth + 1, sizes);
  }
}

void describe(const Value& value, std::string& told) {
  told += std::to_string(static_cast<int>(value.type)) + ' ' + std::to_string(value.integer) + ' ' +
          std::to_string(value.real) + ' ' + value.text + '[';
  for (const Value& item : value.items) describe(item, told);
  told += ']';
}

std::string read_all(std::string_view bytes, std::size_t step) {
  RespParser parser(limits);
  std::string told;
  while (!bytes.empty()) {
    // Fresh memory each time, so that a stale view is caught.
    const std::vector<char> fresh(
        bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(step, bytes.size())));
    bytes.remove_prefix(fresh.size());
    std::string_view piece(fresh.data(), fresh.size());
    while (!piece.empty()) {
      const auto answer = parser.next(piece);
      if (!answer) return told + "refused";
      require(*answer || piece.empty());
      if (!*answer) continue;
      Sizes sizes;
      measure(**answer, 0, sizes);
      require(sizes.items <= limits.items && sizes.text <= limits.answer);
      describe(**answer, told);
    }
  }
  return told;
}

void send_and_read(std::string_view text) {
  Command command = Command::read("ECHO");
  std::vector<std::string_view> parts;
  while (parts.size() < 20) {
    parts.push_back(text.substr(0, text.find('\0')));
    command.add_key(parts.back());
    if (parts.back().size() == text.size()) break;
    text.remove_prefix(parts.back().size() + 1);
  }
  std::string wire;
  command.append_to(wire);
  require(wire.size() <= command.wire_size());
  RespParser parser;
  std::string_view left = wire;
  const auto read = parser.next(left);
  require(read && *read && left.empty());
  const auto& items = (*read)->items;
  require(items.size() == parts.size() + 1 && items[0].text == "ECHO");
  for (std::size_t i = 0; i < parts.size(); ++i) require(items[i + 1].text == parts[i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string whole = read_all(input, input.size());
  for (const std::size_t step : {std::size_t(1), std::size_t(7), std::size_t(300)}) {
    require(read_all(input, step) == whole);
  }
  send_and_read(input);
  return 0;
}
