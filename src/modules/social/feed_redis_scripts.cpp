#include "modules/social/feed_redis_scripts.hpp"

#include <string>

#include "modules/social/feed_redis_lua.hpp"

namespace madang::social {

namespace {

std::string prelude() {
  const auto local = [](const char* name, std::uint64_t number) {
    return "local " + std::string(name) + " = " + std::to_string(number) + "\n";
  };
  return std::string(redis::reign_lua) + local("unseen_life", FeedLife::unseen_life) +
         local("seen_life", FeedLife::seen_life) + local("grace", FeedLife::grace) +
         local("view_life", FeedLife::view_life) +
         local("remembered", FeedLife::view_life + FeedLife::list_life) +
         local("HEAD", FeedHead::stored_size) + local("RECORD", feed_record_size) + R"lua(
local call = redis.call
local WARM, ENTRY, VIEW, PUSHED, ERASED = 119, 112, 118, 113, 101
-- Of a feed that this reign has built or is building; any other is of no use to anyone.
local function head_of(key)
  local head = call('GETRANGE', key, 0, HEAD - 1)
  if string.sub(head, 38) == reign then return head end
  if head ~= '' then call('UNLINK', key) end
  return nil
end
local function warm(head) return string.byte(head) == WARM end
local function records_of(key) return call('GETRANGE', key, HEAD, -1) end
local function clear_to(key, head, at)
  if struct.unpack('>I4', head, 26) >= at then return end
  call('SETRANGE', key, 25, struct.pack('>I4', at))
end
local function over(inserted, seen, now)
  local at = now - grace
  if at >= inserted + unseen_life then return true end
  return seen ~= 0 and at >= seen + seen_life and inserted + unseen_life <= seen + view_life
end
-- Where the next record of the post (8 bytes) begins, from one that begins at `from` on.
local function next_of(records, post, from)
  local at = from
  repeat
    at = string.find(records, post, at + 1, true)
  until not at or at % RECORD == 2
  return at and at - 1
end
local function has_entry(records, post)
  local at = next_of(records, post, 1)
  while at and string.byte(records, at) ~= ENTRY do at = next_of(records, post, at + RECORD) end
  return at ~= nil
end
-- The others; whether there were any of this post.
local function without(records, post)
  local kept, from = {}, 1
  local at = next_of(records, post, 1)
  while at do
    kept[#kept + 1] = string.sub(records, from, at - 1)
    from = at + RECORD
    at = next_of(records, post, from)
  end
  if from == 1 then return records, false end
  kept[#kept + 1] = string.sub(records, from)
  return table.concat(kept), true
end
-- Appends the view to `views`, unless one is there that counts. Whether the feed had it; whether
-- one had lapsed.
local function see(head, records, views, post, seen, youngest)
  local id = tonumber(post)
  local bytes = struct.pack('>I8', id)
  local here, lapsed = not warm(head), false
  local at = next_of(records, bytes, 1)
  while at do
    local kind = string.byte(records, at)
    if kind == VIEW then
      local since = struct.unpack('>I4', records, at + 9)
      if since <= seen and seen < since + remembered then return true, false end
      lapsed = lapsed or since <= seen
    elseif kind == ENTRY then
      here = true
    end
    at = next_of(records, bytes, at + RECORD)
  end
  local covered = not warm(head) or id >= struct.unpack('>I8', head, 18)
  -- A view before the post: only of one young enough to come.
  if covered and (here or id >= youngest) then
    views[#views + 1] = 'v' .. bytes .. struct.pack('>I4', seen)
  end
  return false, lapsed
end
local function append(key, records)
  if #records > 0 then call('APPEND', key, table.concat(records)) end
end
)lua";
}

redis::Script with_prelude(std::string_view source) {
  return redis::Script(prelude().append(source));
}

}  // namespace

FeedScripts::FeedScripts()
    : touch(with_prelude(feed_lua::touch)),
      begin(with_prelude(feed_lua::begin)),
      finish(with_prelude(feed_lua::finish)),
      abandon(with_prelude(feed_lua::abandon)),
      push(with_prelude(feed_lua::push)),
      remove(with_prelude(feed_lua::remove)),
      mark(with_prelude(feed_lua::mark)),
      settle(with_prelude(feed_lua::settle)),
      sweep(with_prelude(feed_lua::sweep)),
      drop(std::string(feed_lua::drop)) {}

}  // namespace madang::social
