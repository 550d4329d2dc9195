// The page, served from inside the binary.
#pragma once

#include "app/web_assets.hpp"
#include "platform/http/message.hpp"

namespace madang::app {

/// The file at that path, or the page itself for every path of the page's own routes; nothing for
/// files that are not there.
/// `https`: browsers heed some headers only there, and complain elsewhere.
std::optional<http::Response> serve_page(const http::Request& request,
                                         std::span<const WebAsset> assets, bool https);

}  // namespace madang::app
