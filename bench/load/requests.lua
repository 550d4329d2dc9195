-- For wrk: one kind of request by many people in turn, and one line of JSON with the figures.
--
--   TARGETS="/api/v1/feed ..." [TOKENS=FILE] [METHOD=GET] [BODY=...] [ONCE=1] wrk -s requests.lua ...
--
-- ONCE: everybody asks once for each target in turn, then the run ends.
local requests, at, answered, wrong = {}, 0, 0, 0
local once = os.getenv("ONCE") == "1"
threads = {}

function setup(thread) table.insert(threads, thread) end

local function build(target, token)
  local headers = {}
  if token then headers["Authorization"] = "Bearer " .. token end
  local body = os.getenv("BODY")
  if body then headers["Content-Type"] = "application/json" end
  return wrk.format(os.getenv("METHOD") or "GET", target, headers, body)
end

function init()
  local file = os.getenv("TOKENS")
  for target in os.getenv("TARGETS"):gmatch("%S+") do
    if file then
      for token in io.lines(file) do table.insert(requests, build(target, token)) end
    else
      table.insert(requests, build(target))
    end
  end
end

function request()
  -- Beyond the last of ONCE, connections that have nothing left to do repeat somebody's request:
  -- it changes nothing, and the run is ending.
  at = at % #requests + 1
  return requests[at]
end

if once then
  function response(status)
    if status >= 300 then wrong = wrong + 1 end
    answered = answered + 1
    if answered == #requests then
      wrk.thread:stop()
      io.popen("kill -INT $PPID"):close()  -- ends the main thread's sleep
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"micros":%d,"bytes":%d,"errors":%d,"p50":%d,"p99":%d,"max":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
