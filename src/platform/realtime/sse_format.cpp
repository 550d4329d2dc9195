#include "platform/realtime/sse_format.hpp"

#include <optional>

#include "base/json_text.hpp"

namespace madang::realtime {

namespace {

/// A line feed in the payload would end the field: each line gets one of its own, and the client
/// puts them together again.
void append_data(std::string& out, std::string_view text) {
  for (;;) {
    const auto end = text.find('\n');
    out.append("data: ").append(text.substr(0, end)).append("\n");
    if (end == text.npos) return;
    text.remove_prefix(end + 1);
  }
}

void append(std::string& out, std::optional<Id> id, std::string_view type, std::string_view data,
            Time created_at) {
  if (id) out.append("id: ").append(std::to_string(*id)).append("\n");
  out.append("event: ").append(type).append("\n");
  std::string envelope = "{\"id\":" + (id ? std::to_string(*id) : "null") + ",\"type\":";
  append_json_string(envelope, type);
  envelope.append(",\"data\":").append(data).append(",\"created_at\":\"");
  envelope.append(to_rfc3339(created_at)).append("\"}");
  append_data(out, envelope);
  out.append("\n");
}

}  // namespace

void append_event(std::string& out, const Stored& message) {
  append(out, message.id, message.type, message.data, message.created_at);
}

void append_event(std::string& out, const Snapshot& snapshot) {
  append(out, {}, snapshot.type, snapshot.data, snapshot.created_at);
}

void append_hint(std::string& out, std::string_view type, Time now) {
  append(out, {}, type, "{}", now);
}

void append_position(std::string& out, std::string_view type, Id id, Time now) {
  append(out, id, type, "{}", now);
}

void append_comment(std::string& out, std::string_view text) {
  out.append(": ").append(text).append("\n\n");
}

void append_retry(std::string& out, std::chrono::milliseconds wait) {
  out.append("retry: ").append(std::to_string(wait.count())).append("\n\n");
}

}  // namespace madang::realtime
