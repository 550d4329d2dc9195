// The sources of the scripts of feed_redis_scripts.hpp, where it is said how a feed lies in Redis.
// What FeedScripts puts before them (feed_redis_scripts.cpp) has the names that they share.
#pragma once

#include <string_view>

namespace madang::social::feed_lua {

// Of one feed: feed_redis_build.cpp, feed_redis_views.cpp
extern const std::string_view touch, begin, finish, abandon;
extern const std::string_view mark, settle;
// Of a bucket: feed_redis_push.cpp, feed_redis_sweep.cpp
extern const std::string_view push, remove;
extern const std::string_view sweep, drop;

}  // namespace madang::social::feed_lua
