// The scripts by which posts come into feeds in Redis and leave them.
#include "modules/social/feed_redis_lua.hpp"

namespace madang::social::feed_lua {

// KEYS: the bucket. ARGV: post, author, created, last event seen, most bytes, records to drop at
// that bound, most bytes while it is built, whether it may have been pushed before, n, then n
// viewers, then viewers and when the post was inserted for each. How many feeds have it now, keep
// it for later, had it, are cold.
//
// Two calls for most feeds, whatever their length: its head, and the record put at its end. Where a
// post may be there already it is looked for; one that is there twice all the same counts once.
const std::string_view push = R"lua(
local base = KEYS[1] .. ':'
local post, author = tonumber(ARGV[1]), ARGV[2]
local created, seq = tonumber(ARGV[3]), tonumber(ARGV[4])
local most, slack, most_waiting = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local again = ARGV[8] == '1'
local fresh, waiting, skipped, cold = 0, 0, 0, 0
local bytes = struct.pack('>I8', post)
local entry = 'p' .. bytes .. struct.pack('>I4', created)

local function trim(key, head)
  local records = records_of(key)
  local _, covers = struct.unpack('>I8I8', head, 10)
  for at = 1, slack * RECORD, RECORD do
    covers = math.max(covers, struct.unpack('>I8', records, at + 1) + 1)
  end
  call('SET', key, string.sub(head, 1, 17) .. struct.pack('>I8', covers) ..
    string.sub(head, 26) .. string.sub(records, slack * RECORD + 1))
end
local function give(viewer, record, inserted)
  local key = base .. viewer
  local head = head_of(key)
  if not head then
    cold = cold + 1
    return
  end
  if not warm(head) then
    local size = call('APPEND', key,
      'q' .. string.sub(record, 2) .. 'Q' .. struct.pack('>I8I4', seq, created))
    if size <= most_waiting then
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
  local late = created + seen_life <= cleared
  if late or again or viewer == author then
    if has_entry(records_of(key), bytes) or late and over(inserted, 0, cleared) then
      skipped = skipped + 1
      return
    elseif late then
      -- So late that it may have been seen and swept: not guessed at.
      call('UNLINK', key)
      cold = cold + 1
      return
    end
  end
  fresh = fresh + 1
  if call('APPEND', key, record) > most then trim(key, head) end
end

local plain = 9 + tonumber(ARGV[9])
for i = 10, plain do give(ARGV[i], entry, created) end
for i = plain + 1, #ARGV, 2 do
  local inserted = tonumber(ARGV[i + 1])
  give(ARGV[i], 'p' .. bytes .. struct.pack('>I4', inserted), inserted)
end
return {fresh, waiting, skipped, cold}
)lua";

// KEYS: the bucket. ARGV: post, viewers. How many had it.
const std::string_view remove = R"lua(
local base = KEYS[1] .. ':'
local post = struct.pack('>I8', tonumber(ARGV[1]))
local had = 0
for i = 2, #ARGV do
  local key = base .. ARGV[i]
  local head = head_of(key)
  if head and warm(head) then
    local others, any = without(records_of(key), post)
    if any then
      call('SET', key, head .. others)
      had = had + 1
    end
  elseif head then
    call('APPEND', key, 'e' .. post .. '\0\0\0\0')
  end
end
return had
)lua";

}  // namespace madang::social::feed_lua
