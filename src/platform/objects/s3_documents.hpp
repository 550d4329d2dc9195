// The two XML documents we read from S3: errors and listings. A scanner for just these, without
// recursion: whatever a server sends costs its length and no more. Source: "Error responses" and
// "ListObjectsV2", Amazon S3 API Reference.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace madang::objects {

/// The `Code` of an error document; empty when it is none.
std::string s3_error_code(std::string_view document);

struct Listing {
  struct Item {
    std::string key;
    Time modified;
  };
  std::vector<Item> items;  // in the order of their keys
  bool truncated = false;   // more follow the last one
};

/// A listing with `encoding-type=url`. Nothing when it is none, or is cut off.
std::optional<Listing> parse_listing(std::string_view document);

/// `Sun, 22 Nov 2026 02:43:55 GMT`
std::optional<Time> parse_http_date(std::string_view text);

}  // namespace madang::objects
