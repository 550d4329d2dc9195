// The page, served from inside the binary.
#pragma once

#include "app/web_assets.hpp"
#include "platform/http/message.hpp"

namespace madang::app {

/// The file at that path, or the page itself for every path of the page's own routes; nothing for
/// files that are not there.
/// `policy`: page_policy()'s. `https`: browsers heed some headers only there, and complain
/// elsewhere.
std::optional<http::Response> serve_page(const http::Request& request,
                                         std::span<const WebAsset> assets, bool https,
                                         const std::string& policy);

/// The page's Content-Security-Policy. `object_origin`: where else it may upload to and show
/// pictures from; empty: nowhere.
std::string page_policy(std::string_view object_origin);

}  // namespace madang::app
