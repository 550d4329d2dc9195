#include <string>

#include "modules/social/feed_redis_scripts.hpp"

namespace madang::social {

std::size_t feed_bucket(Id viewer) {
  // splitmix64's finaliser: the low bits of ids are far from even.
  auto x = static_cast<std::uint64_t>(viewer);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return static_cast<std::size_t>((x ^ (x >> 31)) % feed_buckets);
}

std::string FeedKeys::bucket(std::size_t bucket) {
  return "feed2:{f" + std::to_string(bucket) + "}";
}
std::string FeedKeys::former_bucket(std::size_t bucket) {
  return "feed1:{f" + std::to_string(bucket) + "}";
}
std::string FeedKeys::unsaved_in(std::size_t bucket) {
  return FeedKeys::bucket(bucket) + ":v";
}
std::string FeedKeys::reign(std::size_t bucket) {
  return FeedKeys::bucket(bucket) + ":r";
}
std::string FeedKeys::feed(Id viewer) {
  return bucket(feed_bucket(viewer)) + ':' + std::to_string(viewer);
}
std::string FeedKeys::views(Id viewer) {
  return feed(viewer) + ":v";
}

}  // namespace madang::social
