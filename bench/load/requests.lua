-- For wrk: one kind of request by many people in turn, and one line of JSON with the figures.
--
--   TARGETS="/api/v1/feed ..." [TOKENS=FILE] [METHOD=GET] [BODY=...] [ONCE=1] wrk -s requests.lua ...
--
-- ONCE: everybody asks once for each target in turn, then the run ends.
local ffi = require("ffi")
ffi.cdef("typedef struct { long s, ns; } once_time; int clock_gettime(int, once_time *);")

local requests, at, answered = {}, 0, 0
local once = os.getenv("ONCE") == "1"
local threads = {}
started, ended = 0, 0  -- global: done() asks the thread for them

local function micros()
  local t = ffi.new("once_time")
  ffi.C.clock_gettime(1, t)
  return tonumber(t.s) * 1e6 + tonumber(t.ns) / 1e3
end

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
  if once and started == 0 then started = micros() end
  -- Beyond the last of ONCE, connections that have nothing left to do repeat somebody's request:
  -- it changes nothing, and the run is ending.
  at = at % #requests + 1
  return requests[at]
end

if once then
  function response()
    answered = answered + 1
    if answered == #requests then
      ended = micros()
      wrk.thread:stop()
      io.stderr:write("all answered\n")  -- the harness interrupts the main thread's sleep
    end
  end
end

function done(summary, latency)
  local errors, duration = summary.errors, summary.duration
  if once then duration = threads[1]:get("ended") - threads[1]:get("started") end
  io.write(string.format(
    '{"requests":%d,"micros":%d,"bytes":%d,"errors":%d,"p50":%d,"p99":%d,"max":%d}\n',
    summary.requests, duration, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
