// One client's event stream: what it missed from SQL, then what comes, each stored message once and
// in order. Lives on its connection's I/O thread; only the mailbox is filled from elsewhere.
//
// The stream is at `last_`. A stored message that is not the next one after it, or of which only
// the id is known, makes the stream `behind_`: SQL is read from last_ on until nothing more is
// there, and what came to the mailbox meanwhile is recognised by its id. So it does not matter in
// which order, how late, or whether at all messages are published.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/http/call.hpp"
#include "platform/http/message.hpp"
#include "platform/realtime/hub.hpp"
#include "platform/realtime/replay.hpp"

namespace madang::realtime {

/// Whether the session that opened the stream still holds. Asked at each heartbeat.
using SessionCheck = std::function<Task<Result<bool>>(http::Principal who, Deadline deadline)>;

struct SseOptions {
  std::chrono::milliseconds heartbeat{
      15'000};                             // below 20 s: what an EventStream owes its connection
  std::chrono::milliseconds retry{2'000};  // what clients are told to wait before they reconnect
  std::chrono::milliseconds read_timeout{5'000};
  std::chrono::milliseconds read_again{1'000};  // after a read that failed
  int max_failures = 5;                         // failures in a row, then the client is sent away
  std::int64_t page = 100;                      // stored messages a read
  std::vector<std::string> resume_hints{"feed.new"};  // sent to those who come back
};

/// What the streams of a server share; outlives them.
struct SseContext {
  Replay& replay;
  SessionCheck session_holds;
  const Clock& clock;
  const SseOptions& options;
  metrics::Counter& gaps;
  std::function<void(Closed)> count_closed;
};

/// Where a client wants to go on.
struct ResumeFrom {
  bool resumed = false;     // it was here before
  std::optional<Id> after;  // nothing though resumed: it named an id that is none
};

class SseStream final : public http::EventStream {
 public:
  SseStream(const SseContext& context, Subscription subscription, std::shared_ptr<Signal> signal,
            http::Principal who, ResumeFrom from);

  Task<std::optional<std::string>> next() override;
  void close() override;

 private:
  using Steady = std::chrono::steady_clock;

  std::string goodbye(Closed reason);
  Task<std::string> heartbeat();
  Task<std::string> catch_up();
  std::string failed();
  void join(std::string& out, const ReplayPage& page);
  void append_page(std::string& out, const ReplayPage& page);
  std::string take_live();
  void append_live(std::string& out, const Stored& message);

  const SseContext& context_;
  const Subscription subscription_;
  const std::shared_ptr<Signal> signal_;
  const http::Principal who_;
  ResumeFrom from_;

  bool greeted_ = false;
  bool joined_ = false;      // the place to go on from is known
  bool behind_ = true;       // SQL may hold stored messages after last_
  bool hints_owed_ = false;  // after the replay
  bool over_ = false;
  Id last_ = 0;
  int failures_ = 0;
  Steady::time_point read_at_{};  // not before
  Steady::time_point heartbeat_at_;
};

}  // namespace madang::realtime
