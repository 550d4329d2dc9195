// The scripts by which feeds in Redis learn what was seen.
#include "modules/social/feed_redis_lua.hpp"

namespace madang::social::feed_lua {

// KEYS: the feed, its views, the bucket's views. ARGV: when, the youngest, life of the views in ms,
// most of them, the viewer, posts.
const std::string_view mark = R"lua(
local seen, youngest = tonumber(ARGV[1]), tonumber(ARGV[2])
local head = head_of(KEYS[1])
local records = head and records_of(KEYS[1])
local room = tonumber(ARGV[4]) - call('HLEN', KEYS[2])
local views, lapsed = {}, false
for i = 6, #ARGV do
  local known, again = false, false
  if head then known, again = see(head, records, views, ARGV[i], seen, youngest) end
  lapsed = lapsed or again
  if not known then
    local before = tonumber(call('HGET', KEYS[2], ARGV[i]) or 0)
    if before == 0 and room > 0 or before > seen then
      call('HSET', KEYS[2], ARGV[i], ARGV[1])
      room = room - (before == 0 and 1 or 0)
    end
  end
end
append(KEYS[1], views)
if lapsed and warm(head) then clear_to(KEYS[1], head, seen) end
call('PEXPIRE', KEYS[2], ARGV[3])
call('ZADD', KEYS[3], seen, ARGV[5])
call('PEXPIRE', KEYS[3], ARGV[3])
return 1
)lua";

// KEYS: the feed, its views, the bucket's views. ARGV: now, the youngest, the viewer, posts and
// when each was seen. These are in SQL now.
const std::string_view settle = R"lua(
local now, youngest = tonumber(ARGV[1]), tonumber(ARGV[2])
local head = head_of(KEYS[1])
local records = head and records_of(KEYS[1])
local views = {}
for i = 4, #ARGV, 2 do
  local seen = tonumber(ARGV[i + 1])
  local kept = call('HGET', KEYS[2], ARGV[i])
  if kept and tonumber(kept) >= seen then call('HDEL', KEYS[2], ARGV[i]) end
  if head then see(head, records, views, ARGV[i], seen, youngest) end
end
append(KEYS[1], views)
-- Saving drops forgotten views from SQL: the feed must not judge as if it had them.
if head and warm(head) then clear_to(KEYS[1], head, now) end
if call('HLEN', KEYS[2]) == 0 then call('ZREM', KEYS[3], ARGV[3]) end
return 1
)lua";

}  // namespace madang::social::feed_lua
