#include "platform/http/proxies.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "platform/http/ascii.hpp"

namespace madang::http {

namespace ip = boost::asio::ip;

namespace {

std::optional<ip::address> parse_address(std::string_view text) {
  boost::system::error_code ec;
  const ip::address address = ip::make_address(std::string(text), ec);
  if (ec) return std::nullopt;
  return address;
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`
std::optional<ip::address> parse_hop(std::string_view text) {
  text = trim_blanks(text);
  if (text.starts_with('[')) return parse_address(text.substr(1, text.find(']') - 1));
  if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
  return parse_address(text);
}

bool same_prefix(const unsigned char* a, const unsigned char* b, unsigned bits) {
  const unsigned whole = bits / 8;
  if (!std::equal(a, a + whole, b)) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

}  // namespace

std::string address_text(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return ip::make_address_v4(ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

TrustedProxies::TrustedProxies(const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    const std::size_t slash = entry.find('/');
    const auto address = parse_address(std::string_view(entry).substr(0, slash));
    if (!address) throw std::invalid_argument("not an address or a CIDR block: " + entry);
    const unsigned width = address->is_v4() ? 32 : 128;
    unsigned prefix = width;
    if (slash != std::string::npos) {
      const char* first = entry.data() + slash + 1;
      const char* last = entry.data() + entry.size();
      const auto [end, error] = std::from_chars(first, last, prefix);
      if (error != std::errc() || end != last || prefix > width) {
        throw std::invalid_argument("not a CIDR block: " + entry);
      }
    }
    blocks_.push_back({bytes_of(*address), prefix + (128 - width)});
  }
}

TrustedProxies::Bytes TrustedProxies::bytes_of(const ip::address& address) {
  const ip::address_v6 wide =
      address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()) : address.to_v6();
  return wide.to_bytes();
}

bool TrustedProxies::contains(const ip::address& address) const {
  const Bytes bytes = bytes_of(address);
  return std::any_of(blocks_.begin(), blocks_.end(), [&](const Block& block) {
    return same_prefix(bytes.data(), block.bytes.data(), block.prefix);
  });
}

std::string TrustedProxies::client_of(const Request& request, const std::string& peer) const {
  std::string client = peer;
  for (auto header = request.headers.rbegin(); header != request.headers.rend(); ++header) {
    if (!same_token(header->first, "X-Forwarded-For")) continue;
    std::string_view hops = header->second;
    while (true) {
      const std::size_t comma = hops.rfind(',');
      const auto hop = parse_hop(comma == std::string_view::npos ? hops : hops.substr(comma + 1));
      if (!hop) return client;  // nothing left of a hop that cannot be read is vouched for
      client = address_text(*hop);
      if (!contains(*hop)) return client;
      if (comma == std::string_view::npos) break;
      hops = hops.substr(0, comma);
    }
  }
  return client;
}

}  // namespace madang::http
