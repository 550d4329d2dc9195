// The scripts by which a feed in Redis is built, and kept while it is read.
#include "modules/social/feed_redis_lua.hpp"

namespace madang::social::feed_lua {

// KEYS: the feed, its bucket. ARGV: now, the viewer.
const std::string_view touch = R"lua(
local head = head_of(KEYS[1])
if not head or not warm(head) then return 0 end
local now = tonumber(ARGV[1])
if struct.unpack('>I4', head, 30) < now then
  call('SETRANGE', KEYS[1], 29, struct.pack('>I4', now))
  call('ZADD', KEYS[2], now, ARGV[2])
end
return 1
)lua";

// KEYS: the feed, its views, its bucket, the bucket's reign. ARGV: the head, its life in ms, now,
// the viewer, how long a reign is young, in ms. 0: begun, 1: warm, 2: being built, 3: too young.
const std::string_view begin = R"lua(
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = call('GET', KEYS[4])
if not known or string.sub(known, 1, 16) ~= reign then
  known = reign .. string.format('%.0f', now)
  call('SET', KEYS[4], known)
end
call('PEXPIRE', KEYS[4], 2592000000)
if now - tonumber(string.sub(known, 17)) < tonumber(ARGV[5]) then return 3 end
local head = head_of(KEYS[1])
if head then
  if warm(head) then return 1 end
  return string.sub(head, 2, 9) == string.sub(ARGV[1], 2, 9) and 0 or 2
end
local feed = {ARGV[1] .. reign}
local views = call('HGETALL', KEYS[2])
for i = 1, #views, 2 do
  feed[#feed + 1] = 'v' .. struct.pack('>I8I4', tonumber(views[i]), tonumber(views[i + 1]))
end
call('SET', KEYS[1], table.concat(feed), 'PX', ARGV[2])
call('ZADD', KEYS[3], ARGV[3], ARGV[4])
return 0
)lua";

// KEYS: the feed. ARGV: the head, the records. 1: warm.
const std::string_view finish = R"lua(
local key = KEYS[1]
local old = head_of(key)
if not old or string.sub(old, 2, 9) ~= string.sub(ARGV[1], 2, 9) then return 0 end
if warm(old) then return 1 end
local seq, covers, cleared = struct.unpack('>I8I8I4', ARGV[1], 10)
local waiting, feed, erased = records_of(key), {ARGV[2]}, {}
for at = 1, #waiting, RECORD do
  local kind = string.byte(waiting, at)
  if kind == VIEW then
    feed[#feed + 1] = string.sub(waiting, at, at + RECORD - 1)
  elseif kind == PUSHED then
    local bytes = string.sub(waiting, at + 1, at + 8)
    local post, inserted = struct.unpack('>I8I4', waiting, at + 1)
    local read_seq, created = struct.unpack('>I8I4', waiting, at + RECORD + 1)
    if read_seq > seq and post >= covers then
      if created + seen_life > cleared then
        feed[#feed + 1] = 'p' .. string.sub(waiting, at + 1, at + RECORD - 1)
      elseif not over(inserted, 0, cleared) and not has_entry(ARGV[2], bytes) then
        -- So late that it may have been seen and left out: not guessed at.
        call('UNLINK', key)
        return 0
      end
    end
  elseif kind == ERASED then
    erased[#erased + 1] = string.sub(waiting, at + 1, at + 8)
  end
end
local records = table.concat(feed)
for _, post in ipairs(erased) do records = without(records, post) end
call('SET', key, ARGV[1] .. reign .. records)
return 1
)lua";

// KEYS: the feed. ARGV: the head.
const std::string_view abandon = R"lua(
local head = head_of(KEYS[1])
if not head or warm(head) or string.sub(head, 2, 9) ~= string.sub(ARGV[1], 2, 9) then return 0 end
return call('UNLINK', KEYS[1])
)lua";

}  // namespace madang::social::feed_lua
