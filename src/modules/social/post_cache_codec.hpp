// How leases and values of the shared cache of posts are written. Internal to it
// (post_cache_redis.hpp says which key has what).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modules/social/post_cache_store.hpp"

namespace madang::social {

std::string lease_text(std::uint64_t lease);
std::optional<std::uint64_t> parse_lease(std::string_view text);

std::string encode_post(const CachedPost& post);
/// Null: it is none.
std::shared_ptr<const CachedPost> decode_post(Id id, std::string_view bytes);

std::string encode_ids(const std::vector<Id>& ids);
std::vector<Id> decode_ids(std::string_view bytes);

}  // namespace madang::social
