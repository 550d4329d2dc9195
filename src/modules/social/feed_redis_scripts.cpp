#include "modules/social/feed_redis_scripts.hpp"

#include <string>

namespace madang::social {

namespace {

std::string prelude() {
  const auto local = [](const char* name, FeedSeconds seconds) {
    return "local " + std::string(name) + " = " + std::to_string(seconds) + "\n";
  };
  return std::string(redis::reign_lua) + local("unseen_life", FeedLife::unseen_life) +
         local("seen_life", FeedLife::seen_life) + local("grace", FeedLife::grace) +
         local("remembered", FeedLife::view_life + FeedLife::list_life) + R"lua(
local call = redis.call
local WARM, ENTRY, VIEW, PUSHED, ERASED = 119, 112, 118, 113, 101
-- Of a feed that this reign has built or is building; any other is of no use to anyone.
local function head_of(key)
  local head = call('ZRANGE', key, 0, 0)[1]
  if not head then return nil end
  if string.sub(head, 38) == reign then return head end
  call('UNLINK', key)
  return nil
end
local function warm(head) return string.byte(head) == WARM end
local function put_head(key, head)
  call('ZREMRANGEBYSCORE', key, -1, -1)
  call('ZADD', key, -1, head)
end
local function clear_to(key, head, at)
  if struct.unpack('>I4', head, 26) >= at then return end
  put_head(key, string.sub(head, 1, 25) .. struct.pack('>I4', at) .. string.sub(head, 30))
end
local function over(inserted, seen, now)
  local at = now - grace
  if at >= inserted + unseen_life then return true end
  return seen ~= 0 and at >= seen + seen_life and
    inserted + unseen_life <= seen + remembered - )lua" +
         std::to_string(FeedLife::list_life) + R"lua(
end
-- Adds the view, unless one is there that counts. Whether the feed had it; whether one had lapsed.
local function see(key, head, post, seen, youngest)
  local here, lapsed = not warm(head), false
  for _, member in ipairs(call('ZRANGEBYSCORE', key, post, post)) do
    local kind = string.byte(member)
    if kind == VIEW then
      local at = struct.unpack('>I4', member, 10)
      if at <= seen and seen < at + remembered then return true, false end
      lapsed = lapsed or at <= seen
    elseif kind == ENTRY then
      here = true
    end
  end
  local id = tonumber(post)
  local covered = not warm(head) or id >= struct.unpack('>I8', head, 18)
  -- A view before the post: only of one young enough to come.
  if covered and (here or id >= youngest) then
    call('ZADD', key, post, 'v' .. struct.pack('>I8I4', id, seen))
  end
  return false, lapsed
end
)lua";
}

// KEYS: the feed. ARGV: highest, lowest, how many, max_live. Nothing when it is cold; else elements
// newest first, the head, and how many were asked for (-1: all).
constexpr const char* read_source = R"lua(
local head = call('ZRANGE', KEYS[1], 0, 0)[1]
if not head or not warm(head) or string.sub(head, 38) ~= reign then return false end
local count = tonumber(ARGV[3])
-- A first page that has to count all the live ones.
if ARGV[1] == '+inf' and (call('ZCARD', KEYS[1]) > tonumber(ARGV[4]) or
    string.sub(head, 18, 25) ~= '\0\0\0\0\0\0\0\0') then
  count = -1
end
local found = call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, count)
found[#found + 1] = head
found[#found + 1] = count
return found
)lua";

// KEYS: the feed, its bucket. ARGV: now, the viewer.
constexpr const char* touch_source = R"lua(
local head = head_of(KEYS[1])
if not head or not warm(head) then return 0 end
local now = tonumber(ARGV[1])
if struct.unpack('>I4', head, 30) < now then
  put_head(KEYS[1], string.sub(head, 1, 29) .. struct.pack('>I4', now) .. string.sub(head, 34))
  call('ZADD', KEYS[2], now, ARGV[2])
end
return 1
)lua";

// KEYS: the feed, its views, its bucket, the bucket's reign. ARGV: the head, its life in ms, now,
// the viewer, how long a reign is young, in ms. 0: begun, 1: warm, 2: being built, 3: too young.
constexpr const char* begin_source = R"lua(
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
call('ZADD', KEYS[1], -1, ARGV[1] .. reign)
call('PEXPIRE', KEYS[1], ARGV[2])
local views = call('HGETALL', KEYS[2])
for i = 1, #views, 2 do
  local view = struct.pack('>I8I4', tonumber(views[i]), tonumber(views[i + 1]))
  call('ZADD', KEYS[1], views[i], 'v' .. view)
end
call('ZADD', KEYS[3], ARGV[3], ARGV[4])
return 0
)lua";

// KEYS: the feed. ARGV: the head, then score and member of each element. 1: warm.
constexpr const char* finish_source = R"lua(
local key = KEYS[1]
local old = head_of(key)
if not old or string.sub(old, 2, 9) ~= string.sub(ARGV[1], 2, 9) then return 0 end
if warm(old) then return 1 end
local seq, covers, cleared = struct.unpack('>I8I8I4', ARGV[1], 10)
local waiting = call('ZRANGEBYSCORE', key, 0, '+inf')
put_head(key, ARGV[1] .. reign)
call('PERSIST', key)
for i = 2, #ARGV, 1000 do
  call('ZADD', key, unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
local erased = {}
for _, member in ipairs(waiting) do
  local kind = string.byte(member)
  if kind == PUSHED then
    call('ZREM', key, member)
    local post, inserted, created, read_seq = struct.unpack('>I8I4I4I8', member, 2)
    if read_seq > seq and post >= covers then
      local entry = 'p' .. struct.pack('>I8I4', post, inserted)
      if created + seen_life > cleared then
        call('ZADD', key, post, entry)
      elseif not over(inserted, 0, cleared) and not call('ZSCORE', key, entry) then
        -- So late that it may have been seen and left out: not guessed at.
        call('UNLINK', key)
        return 0
      end
    end
  elseif kind == ERASED then
    erased[#erased + 1] = struct.unpack('>I8', member, 2)
  end
end
for _, post in ipairs(erased) do call('ZREMRANGEBYSCORE', key, post, post) end
return 1
)lua";

// KEYS: the feed. ARGV: the head.
constexpr const char* abandon_source = R"lua(
local head = head_of(KEYS[1])
if not head or warm(head) or string.sub(head, 2, 9) ~= string.sub(ARGV[1], 2, 9) then return 0 end
return call('UNLINK', KEYS[1])
)lua";

// KEYS: the bucket. ARGV: post, created, last event seen, most elements, slack, most while it is
// built, n, then n viewers, then viewers and when the post was inserted for each. How many feeds
// have it now, keep it for later, had it, are cold.
constexpr const char* push_source = R"lua(
local base = KEYS[1] .. ':'
local post, created, seq = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local most, slack, most_waiting = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local fresh, waiting, skipped, cold = 0, 0, 0, 0
local entry = 'p' .. struct.pack('>I8I4', post, created)

local function trim(key, head)
  local last = call('ZRANGE', key, slack, slack, 'WITHSCORES')[2]
  call('ZREMRANGEBYSCORE', key, 0, last)
  put_head(key, string.sub(head, 1, 17) .. struct.pack('>I8', tonumber(last) + 1) ..
    string.sub(head, 26))
end
local function has(key)
  for _, member in ipairs(call('ZRANGEBYSCORE', key, post, post)) do
    if string.byte(member) == ENTRY then return true end
  end
  return false
end
local function give(key, member, inserted)
  local head = head_of(key)
  if not head then
    cold = cold + 1
    return
  end
  if not warm(head) then
    call('ZADD', key, post, 'q' .. struct.pack('>I8I4I4I8', post, inserted, created, seq))
    if call('ZCARD', key) <= most_waiting then
      waiting = waiting + 1
    else
      call('UNLINK', key)
      cold = cold + 1
    end
    return
  end
  local known, covers, cleared = struct.unpack('>I8I8I4', head, 10)
  if known >= seq or post < covers then
    skipped = skipped + 1
    return
  end
  if created + seen_life <= cleared then
    if over(inserted, 0, cleared) or has(key) then
      skipped = skipped + 1
    else
      -- So late that it may have been seen and swept: not guessed at.
      call('UNLINK', key)
      cold = cold + 1
    end
    return
  end
  if call('ZADD', key, post, member) == 0 then
    skipped = skipped + 1
    return
  end
  fresh = fresh + 1
  if call('ZCARD', key) > most then trim(key, head) end
end

local plain = 7 + tonumber(ARGV[7])
for i = 8, plain do give(base .. ARGV[i], entry, created) end
for i = plain + 1, #ARGV, 2 do
  local inserted = tonumber(ARGV[i + 1])
  give(base .. ARGV[i], 'p' .. struct.pack('>I8I4', post, inserted), inserted)
end
return {fresh, waiting, skipped, cold}
)lua";

// KEYS: the bucket. ARGV: post, viewers. How many had it.
constexpr const char* remove_source = R"lua(
local base = KEYS[1] .. ':'
local post = ARGV[1]
local had = 0
for i = 2, #ARGV do
  local key = base .. ARGV[i]
  local head = head_of(key)
  if head and warm(head) then
    if call('ZREMRANGEBYSCORE', key, post, post) > 0 then had = had + 1 end
  elseif head then
    call('ZADD', key, post, 'e' .. struct.pack('>I8', tonumber(post)))
  end
end
return had
)lua";

// KEYS: the feed, its views, the bucket's views. ARGV: when, the youngest, life of the views in ms,
// most of them, the viewer, posts.
constexpr const char* mark_source = R"lua(
local seen, youngest = tonumber(ARGV[1]), tonumber(ARGV[2])
local head = head_of(KEYS[1])
local room = tonumber(ARGV[4]) - call('HLEN', KEYS[2])
local lapsed = false
for i = 6, #ARGV do
  local known, again = false, false
  if head then known, again = see(KEYS[1], head, ARGV[i], seen, youngest) end
  lapsed = lapsed or again
  if not known then
    local before = tonumber(call('HGET', KEYS[2], ARGV[i]) or 0)
    if before == 0 and room > 0 or before > seen then
      call('HSET', KEYS[2], ARGV[i], ARGV[1])
      room = room - (before == 0 and 1 or 0)
    end
  end
end
if lapsed and warm(head) then clear_to(KEYS[1], head, seen) end
call('PEXPIRE', KEYS[2], ARGV[3])
call('ZADD', KEYS[3], seen, ARGV[5])
call('PEXPIRE', KEYS[3], ARGV[3])
return 1
)lua";

// KEYS: the feed, its views, the bucket's views. ARGV: now, the youngest, the viewer, posts and
// when each was seen. These are in SQL now.
constexpr const char* settle_source = R"lua(
local now, youngest = tonumber(ARGV[1]), tonumber(ARGV[2])
local head = head_of(KEYS[1])
for i = 4, #ARGV, 2 do
  local seen = tonumber(ARGV[i + 1])
  local kept = call('HGET', KEYS[2], ARGV[i])
  if kept and tonumber(kept) >= seen then call('HDEL', KEYS[2], ARGV[i]) end
  if head then see(KEYS[1], head, ARGV[i], seen, youngest) end
end
-- Saving drops forgotten views from SQL: the feed must not judge as if it had them.
if head and warm(head) then clear_to(KEYS[1], head, now) end
if call('HLEN', KEYS[2]) == 0 then call('ZREM', KEYS[3], ARGV[3]) end
return 1
)lua";

// KEYS: the bucket, its views. ARGV: now, feeds not read since then go, how many to look at, how
// deep, views from before then are anybody's to save. How many entries it freed, how many feeds
// there are, and viewers with their views.
constexpr const char* sweep_source = R"lua(
local base = KEYS[1] .. ':'
local now, depth = tonumber(ARGV[1]), tonumber(ARGV[4])
local freed = 0
for _, viewer in ipairs(call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, 20)) do
  freed = freed + math.max(call('ZCARD', base .. viewer) - 1, 0)
  call('UNLINK', base .. viewer)
  call('ZREM', KEYS[1], viewer)
end
local function sweep(key, head)
  local rows = call('ZRANGE', key, 1, depth)
  local swept = false
  local i = 1
  while i <= #rows do
    local post = string.sub(rows[i], 2, 9)
    local inserted, seen, after = nil, 0, i
    while after <= #rows and string.sub(rows[after], 2, 9) == post do
      local at = struct.unpack('>I4', rows[after], 10)
      if string.byte(rows[after]) == ENTRY then
        inserted = at
      elseif at + remembered > now and (seen == 0 or at < seen) then
        seen = at
      end
      after = after + 1
    end
    if after > #rows and #rows == depth then break end  -- more of it may follow
    local ended
    if inserted then
      ended = over(inserted, seen, now)
    else
      ended = seen == 0 or now >= seen + seen_life + grace
    end
    if ended then
      for at = i, after - 1 do call('ZREM', key, rows[at]) end
      swept = true
      if inserted then freed = freed + 1 end
    end
    i = after
  end
  if swept then clear_to(key, head, now) end
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
constexpr const char* drop_source = R"lua(
local base = KEYS[1] .. ':'
local all = redis.call('ZRANGE', KEYS[1], 0, 999)
for _, viewer in ipairs(all) do redis.call('UNLINK', base .. viewer) end
if #all > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, #all - 1) end
return redis.call('ZCARD', KEYS[1])
)lua";

}  // namespace

FeedScripts::FeedScripts()
    : read(prelude() + read_source),
      touch(prelude() + touch_source),
      begin(prelude() + begin_source),
      finish(prelude() + finish_source),
      abandon(prelude() + abandon_source),
      push(prelude() + push_source),
      remove(prelude() + remove_source),
      mark(prelude() + mark_source),
      settle(prelude() + settle_source),
      sweep(prelude() + sweep_source),
      drop(drop_source) {}

}  // namespace madang::social
