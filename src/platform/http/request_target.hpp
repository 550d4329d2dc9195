// The request target (RFC 9112 section 3.2): origin form, absolute form and `*`.
#pragma once

#include <string_view>

#include "platform/http/message.hpp"

namespace madang::http {

/// host[:port] as far as characters go: nothing that would end or begin another part of a URL.
bool is_authority(std::string_view text);

/// Sets target, path and query. False when the form or a character is not acceptable.
bool split_target(std::string_view target, std::string_view method, Request& request);

}  // namespace madang::http
