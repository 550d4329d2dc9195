// Whose word about the client's address is believed.
#pragma once

#include <array>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/http/message.hpp"

namespace madang::http {

class TrustedProxies {
 public:
  /// Addresses or CIDR blocks. Throws std::invalid_argument.
  explicit TrustedProxies(const std::vector<std::string>& entries);

  bool empty() const { return blocks_.empty(); }
  bool contains(const boost::asio::ip::address& address) const;
  /// The right-most address of X-Forwarded-For that is not a trusted proxy; the peer's own when
  /// there is none that can be read. `peer` is trusted.
  std::string client_of(const Request& request, const std::string& peer) const;

 private:
  using Bytes = std::array<unsigned char, 16>;  // IPv4 as mapped IPv6
  struct Block {
    Bytes bytes;
    unsigned prefix;  // bits of the 128
  };
  static Bytes bytes_of(const boost::asio::ip::address& address);

  std::vector<Block> blocks_;
};

/// As text, IPv4-mapped IPv6 as IPv4.
std::string address_text(const boost::asio::ip::address& address);

}  // namespace madang::http
