// The scripts by which feeds in Redis are cleared away.
#include "modules/social/feed_redis_lua.hpp"

namespace madang::social::feed_lua {

// KEYS: the bucket, its views, what the bucket was in the former format. ARGV: now, feeds not read
// since then go, how many to look at, how many records of each, views from before then are
// anybody's to save, how many of the former format go. How many entries it freed, how many feeds
// there are, and viewers with their views.
const std::string_view sweep = R"lua(
local base = KEYS[1] .. ':'
local now, depth = tonumber(ARGV[1]), tonumber(ARGV[4])
local freed = 0
-- Nobody reads these again, and without a TTL they would stay for ever. First, for it asks for no
-- memory, of which there may be none.
for _, viewer in ipairs(call('ZRANGE', KEYS[3], 0, ARGV[6] - 1)) do
  call('UNLINK', KEYS[3] .. ':' .. viewer)
  call('ZREM', KEYS[3], viewer)
end
for _, viewer in ipairs(call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, 20)) do
  freed = freed + math.floor(math.max(call('STRLEN', base .. viewer) - HEAD, 0) / RECORD)
  call('UNLINK', base .. viewer)
  call('ZREM', KEYS[1], viewer)
end
-- Whether all of it is over; whether an entry is among it.
local function ended(records, post)
  local inserted, seen = nil, 0
  local at = next_of(records, post, 1)
  while at do
    local since = struct.unpack('>I4', records, at + 9)
    if string.byte(records, at) == ENTRY then
      inserted = math.max(inserted or 0, since)
    elseif since + remembered > now and (seen == 0 or since < seen) then
      seen = since
    end
    at = next_of(records, post, at + RECORD)
  end
  if inserted then return over(inserted, seen, now), true end
  return seen == 0 or now >= seen + seen_life + grace, false
end
local function sweep(key, head)
  local records = records_of(key)
  local others, looked, swept = records, {}, false
  for at = 1, math.min(#records, depth * RECORD), RECORD do
    local post = string.sub(records, at + 1, at + 8)
    if not looked[post] then
      looked[post] = true
      local is_over, had = ended(records, post)
      if is_over then
        others = without(others, post)
        swept = true
        if had then freed = freed + 1 end
      end
    end
  end
  if not swept then return end
  call('SET', key, head .. others)
  clear_to(key, head, now)
end
for _, viewer in ipairs(call('ZRANDMEMBER', KEYS[1], ARGV[3])) do
  local head = head_of(base .. viewer)
  if not head then
    call('ZREM', KEYS[1], viewer)
  elseif warm(head) then
    sweep(base .. viewer, head)
  end
end
local orphans = {}
for _, viewer in ipairs(call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[5], 'LIMIT', 0, 10)) do
  local views = call('HGETALL', base .. viewer .. ':v')
  if #views == 0 then
    call('ZREM', KEYS[2], viewer)
  else
    orphans[#orphans + 1] = viewer
    orphans[#orphans + 1] = views
  end
end
return {freed, call('ZCARD', KEYS[1]), orphans}
)lua";

// KEYS: the bucket. Forgets some of its feeds. How many are left.
const std::string_view drop = R"lua(
local base = KEYS[1] .. ':'
local all = redis.call('ZRANGE', KEYS[1], 0, 999)
for _, viewer in ipairs(all) do redis.call('UNLINK', base .. viewer) end
if #all > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, #all - 1) end
return redis.call('ZCARD', KEYS[1])
)lua";

}  // namespace madang::social::feed_lua
