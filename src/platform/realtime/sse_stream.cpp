#include "platform/realtime/sse_stream.hpp"

#include <algorithm>
#include <utility>

#include "platform/realtime/sse_format.hpp"

namespace madang::realtime {

SseStream::SseStream(const SseContext& context, Subscription subscription,
                     std::shared_ptr<Signal> signal, http::Principal who, ResumeFrom from)
    : context_(context),
      subscription_(std::move(subscription)),
      signal_(std::move(signal)),
      who_(who),
      from_(from),
      heartbeat_at_(Steady::now() + context.options.heartbeat) {}

void SseStream::close() {
  over_ = true;
  signal_->notify();
}

Task<std::optional<std::string>> SseStream::next() {
  if (!std::exchange(greeted_, true)) {
    std::string hello;
    append_retry(hello, context_.options.retry);
    append_comment(hello, "madang");
    co_return hello;
  }
  while (!over_) {
    const auto now = Steady::now();
    std::string text;
    // First of all, so that a stream that always has something to say is checked too.
    if (now >= heartbeat_at_) text = co_await heartbeat();
    if (text.empty() && !over_ && behind_ && now >= read_at_) text = co_await catch_up();
    if (text.empty() && !over_) text = take_live();
    if (!text.empty()) co_return text;
    if (over_ || (behind_ && read_at_ <= now)) continue;
    co_await signal_->wait_until(behind_ ? std::min(read_at_, heartbeat_at_) : heartbeat_at_);
  }
  co_return std::nullopt;
}

std::string SseStream::goodbye(Closed reason) {
  over_ = true;
  context_.count_closed(reason);
  std::string text;
  append_comment(text, "closed: " + std::string(closed_name(reason)));
  return text;
}

/// A session that cannot be looked up now is looked up again at the next one; not for ever.
Task<std::string> SseStream::heartbeat() {
  heartbeat_at_ = Steady::now() + context_.options.heartbeat;
  if (context_.session_holds) {
    const Deadline deadline = Deadline::after(context_.options.read_timeout);
    const Result<bool> holds = co_await context_.session_holds(who_, deadline);
    if (over_) co_return std::string();
    if (holds && !*holds) co_return goodbye(Closed::session_ended);
    if (!holds && ++failures_ >= context_.options.max_failures)
      co_return goodbye(Closed::unavailable);
  }
  std::string text;
  append_comment(text, "still here");
  co_return text;
}

/// One page of what is in SQL after last_.
Task<std::string> SseStream::catch_up() {
  // Committed before they were published, so the read that follows sees them.
  const Closed closed = subscription_.mailbox().drop_stored();
  if (closed != Closed::no) co_return goodbye(closed);
  const std::optional<Id> after = joined_ ? std::optional(last_) : from_.after;
  const Deadline deadline = Deadline::after(context_.options.read_timeout);
  const Result<ReplayPage> page =
      co_await context_.replay.read(who_.account, after, context_.options.page, deadline);
  if (over_) co_return std::string();
  if (!page) co_return failed();
  failures_ = 0;
  std::string text;
  if (!joined_) join(text, *page);
  append_page(text, *page);
  co_return text;
}

std::string SseStream::failed() {
  if (++failures_ >= context_.options.max_failures) return goodbye(Closed::unavailable);
  read_at_ = Steady::now() + context_.options.read_again;
  return {};
}

/// The first page: where this stream begins.
void SseStream::join(std::string& out, const ReplayPage& page) {
  joined_ = true;
  hints_owed_ = from_.resumed;
  if (from_.after && !page.reset) {
    last_ = *from_.after;
    return;
  }
  last_ = page.upto;
  if (!page.reset)
    append_position(out, from_.resumed ? "reset" : "ready", page.upto, context_.clock.now());
}

void SseStream::append_page(std::string& out, const ReplayPage& page) {
  if (page.reset) {
    last_ = page.upto;
    append_position(out, "reset", page.upto, context_.clock.now());
  }
  for (const Stored& message : page.messages) {
    if (message.id <= last_) continue;
    append_event(out, message);
    last_ = message.id;
  }
  last_ = std::max(last_, page.upto);
  behind_ = page.more;
  if (behind_ || !std::exchange(hints_owed_, false)) return;
  for (const std::string& type : context_.options.resume_hints)
    append_hint(out, type, context_.clock.now());
}

std::string SseStream::take_live() {
  const Mailbox::Contents contents = subscription_.mailbox().take();
  if (contents.closed != Closed::no) return goodbye(contents.closed);
  std::string text;
  for (const auto& message : contents.stored) append_live(text, *message);
  if (contents.newest > last_) behind_ = true;
  for (const Snapshot& snapshot : contents.snapshots) append_event(text, snapshot);
  for (const std::string& type : contents.hints) append_hint(text, type, context_.clock.now());
  return text;
}

void SseStream::append_live(std::string& out, const Stored& message) {
  if (behind_ || message.id <= last_) return;  // SQL has it, or had it
  if (!message.previous || *message.previous > last_) {
    behind_ = true;
    context_.gaps.Increment();
    return;
  }
  append_event(out, message);
  last_ = message.id;
}

}  // namespace madang::realtime
