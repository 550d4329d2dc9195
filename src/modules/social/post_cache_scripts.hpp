// The scripts of the shared cache of posts. Each begins with redis::reign_lua and one of the first
// two; KEYS[1] is the era of the bucket whose other keys it has.
#pragma once

#include <string_view>

namespace madang::social {

// `local stamp`, of the era; begins one where there is none of this reign. At its beginning it is
// closed: nothing is there, and nothing can be put. One that is in use does not end. ARGV: lease
// (random: it makes the stamp too), then ms: life of values, of markers, how long it is closed.
inline constexpr std::string_view begin_era_lua = R"lua(
local era = redis.call('GET', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if not era or string.sub(era, 1, 16) ~= reign then
  era = reign .. ARGV[1]
  left = 2 * ARGV[2]
  redis.call('SET', KEYS[1], era, 'PX', left)
end
if left > 2 * ARGV[2] - ARGV[4] then return {} end
if left < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], 2 * ARGV[2] - ARGV[4]) end
local stamp = string.sub(era, 17)
)lua";

// The same for those who only add to it. ARGV[1]: life of values.
inline constexpr std::string_view same_era_lua = R"lua(
local era = redis.call('GET', KEYS[1])
if not era or string.sub(era, 1, 16) ~= reign then return 0 end
local stamp = string.sub(era, 17)
)lua";

// For each post `=` and its value, or `?` and the lease to put it with: another reader's, when one
// is about to put it already. Then the stamp.
inline constexpr std::string_view look_posts_lua = R"lua(
local found = #KEYS > 1 and redis.call('MGET', unpack(KEYS, 2)) or {}
for i = 1, #KEYS - 1 do
  local value = found[i]
  if value and string.sub(value, 1, 16) == stamp then
    found[i] = string.sub(value, 17)
  else
    found[i] = '?' .. ARGV[1]
    redis.call('SET', KEYS[i + 1], stamp .. found[i], 'PX', ARGV[3])
  end
end
found[#KEYS] = stamp
return found
)lua";

// ARGV from 2: a lease and a value for each post. Values live a little shorter or longer, so that
// what came together does not go together.
inline constexpr std::string_view put_posts_lua = R"lua(
local put = 0
for i = 2, #KEYS do
  local lease, value = ARGV[2 * i - 2], ARGV[2 * i - 1]
  if redis.call('GET', KEYS[i]) == stamp .. '?' .. lease then
    local life = ARGV[1] - ARGV[1] * tonumber(string.sub(lease, 1, 2), 16) / 2560
    redis.call('SET', KEYS[i], stamp .. '=' .. value, 'PX', string.format('%.0f', life))
    put = put + 1
  end
end
return put
)lua";

// Lease, blocked, muted, and for each post `1`, `0` or `?`; the lease alone when the viewer is not
// there. ARGV from 5: posts.
inline constexpr std::string_view look_viewer_lua = R"lua(
local found = redis.call('HMGET', KEYS[2], 's', 'n', 'b', 'm', unpack(ARGV, 5))
if found[1] ~= stamp then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 's', stamp, 'n', ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  return {ARGV[1]}
end
if not found[3] then return {found[2]} end
local likes = {}
for i = 5, #ARGV do likes[#likes + 1] = found[i] or '?' end
return {found[2], found[3], found[4], table.concat(likes)}
)lua";

// ARGV from 2: lease, most likes to be kept, blocked, muted, and a post and `1` or `0` for each new
// like. Of a viewer that is there only likes are added, to its end.
inline constexpr std::string_view put_viewer_lua = R"lua(
local found = redis.call('HMGET', KEYS[2], 's', 'n', 'b', 'm')
if found[1] ~= stamp or found[2] ~= ARGV[2] then return 0 end
if not found[3] then
  redis.call('HSET', KEYS[2], 'b', ARGV[4], 'm', ARGV[5])
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
elseif redis.call('HLEN', KEYS[2]) + (#ARGV - 5) / 2 > 4 + ARGV[3] then
  local left = redis.call('PTTL', KEYS[2])
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 's', stamp, 'n', found[2], 'b', found[3], 'm', found[4])
  redis.call('PEXPIRE', KEYS[2], left)
end
if #ARGV > 5 then redis.call('HSET', KEYS[2], unpack(ARGV, 6)) end
return 1
)lua";

}  // namespace madang::social
