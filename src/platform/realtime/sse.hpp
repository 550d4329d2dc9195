// GET /api/v1/events: the hub's face for browsers (EventSource) and curl.
//
// Without Last-Event-ID a client begins now and gets one `ready` event, whose id lets its first
// reconnect resume. With it (the header, or the query `last_event_id`) it gets what it missed, or
// `reset` when that is no longer known, and one `feed.new`. Why the server ends a stream stands in
// a comment: `: closed: too_slow | shutting_down | session_ended | unavailable`.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "platform/http/api.hpp"
#include "platform/realtime/sse_stream.hpp"

namespace madang::realtime {

struct EventsQuery {
  std::optional<std::string> last_event_id;  // for clients that cannot set headers
};
BOOST_DESCRIBE_STRUCT(EventsQuery, (), (last_event_id))

class SseFace {
 public:
  /// Outlives the server whose connections hold its streams. `session_holds` may be empty: then
  /// streams live as long as their connection.
  SseFace(Hub& hub, Replay& replay, SessionCheck session_holds, const Clock& clock,
          SseOptions options, metrics::Registry& registry);
  void mount(http::Api& api);

 private:
  Task<Result<http::Response>> open(http::Call& call, EventsQuery query);

  Hub& hub_;
  const SseOptions options_;
  std::array<metrics::Counter*, 5> closed_;  // by Closed
  const SseContext context_;
};

/// What a client's Last-Event-ID asks for.
ResumeFrom resume_from(std::string_view last_event_id);

}  // namespace madang::realtime
