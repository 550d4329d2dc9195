#include "platform/redis/slot_map.hpp"

#include <charconv>

namespace madang::redis {

namespace {

using Type = Value::Type;

template <class T>
bool read_whole(std::string_view text, T& number) {
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stopped == end;
}

bool is_slot(const Value& value) {
  return value.type == Type::integer && value.integer >= 0 && value.integer < slot_count;
}

/// `?` and an empty host: the node does not know its own, so it is where we asked.
std::optional<Address> read_node(const Value& node, const Address& asked) {
  if (node.type != Type::array || node.items.size() < 2) return {};
  const Value& host = node.items[0];
  const Value& port = node.items[1];
  if (host.type != Type::text && !host.is_nil()) return {};
  if (port.type != Type::integer || port.integer < 1 || port.integer > 65'535) return {};
  const bool unknown = host.text.empty() || host.text == "?";
  return Address{unknown ? asked.host : host.text, static_cast<std::uint16_t>(port.integer)};
}

std::optional<SlotRange> read_range(const Value& value, const Address& asked) {
  if (value.type != Type::array || value.items.size() < 3) return {};
  if (!is_slot(value.items[0]) || !is_slot(value.items[1])) return {};
  SlotRange range;
  range.first = static_cast<std::uint16_t>(value.items[0].integer);
  range.last = static_cast<std::uint16_t>(value.items[1].integer);
  if (range.last < range.first) return {};
  for (std::size_t i = 2; i < value.items.size(); ++i) {
    auto node = read_node(value.items[i], asked);
    if (!node) return {};
    if (i == 2) {
      range.master = std::move(*node);
    } else {
      range.replicas.push_back(std::move(*node));
    }
  }
  return range;
}

}  // namespace

std::optional<std::vector<SlotRange>> read_cluster_slots(const Value& answer,
                                                         const Address& asked) {
  if (answer.type != Type::array) return {};
  std::vector<SlotRange> ranges;
  for (const Value& item : answer.items) {
    auto range = read_range(item, asked);
    if (!range) return {};
    ranges.push_back(std::move(*range));
  }
  return ranges;
}

std::optional<Address> read_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos) return {};
  Address address;
  if (!read_whole(text.substr(colon + 1), address.port) || address.port == 0) return {};
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  address.host = host;
  return address;
}

std::optional<Redirect> read_redirect(const Value& error, const Address& asked) {
  const std::string_view text = error.text;
  const auto first = text.find(' ');
  const auto last = text.rfind(' ');
  if (first == text.npos || first == last) return {};
  Redirect redirect;
  if (!read_whole(text.substr(first + 1, last - first - 1), redirect.slot)) return {};
  auto to = read_address(text.substr(last + 1));
  if (!to || redirect.slot >= slot_count) return {};
  redirect.to = std::move(*to);
  if (redirect.to.host.empty() || redirect.to.host == "?") redirect.to.host = asked.host;
  return redirect;
}

}  // namespace madang::redis
