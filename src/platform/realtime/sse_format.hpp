// Messages as Server-Sent Events (WHATWG HTML, section 9.2). `data` is {id, type, data,
// created_at}; the id is null where there is no `id:` line.
#pragma once

#include <string>
#include <string_view>

#include "platform/realtime/message.hpp"

namespace madang::realtime {

/// The only kind with an `id:` line: what a client sends back as Last-Event-ID.
void append_event(std::string& out, const Stored& message);
void append_event(std::string& out, const Snapshot& snapshot);
void append_hint(std::string& out, std::string_view type, Time now);
/// `ready` and `reset`: no message, but the id from which the next connection goes on.
void append_position(std::string& out, std::string_view type, Id id, Time now);
/// Shows that the line is alive, or why it ends; clients ignore it.
void append_comment(std::string& out, std::string_view text);
/// How long a client waits before it connects again.
void append_retry(std::string& out, std::chrono::milliseconds wait);

}  // namespace madang::realtime
