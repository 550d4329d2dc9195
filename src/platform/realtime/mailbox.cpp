#include "platform/realtime/mailbox.hpp"

#include <algorithm>
#include <utility>

namespace madang::realtime {

namespace {

std::size_t size_of(const Stored& message) {
  return message.type.size() + message.data.size();
}

std::size_t size_of(const Snapshot& snapshot) {
  return snapshot.key.size() + snapshot.type.size() + snapshot.data.size();
}

}  // namespace

std::string_view closed_name(Closed reason) {
  switch (reason) {
    case Closed::no:
      return "no";
    case Closed::too_slow:
      return "too_slow";
    case Closed::shutting_down:
      return "shutting_down";
    case Closed::session_ended:
      return "session_ended";
    case Closed::unavailable:
      return "unavailable";
  }
  return "no";
}

void Mailbox::clear() {
  const Closed closed = contents_.closed;
  contents_ = Contents{};
  contents_.closed = closed;
  messages_ = bytes_ = 0;
}

/// Under the lock. Counts what is about to be added, or closes.
bool Mailbox::add(std::size_t messages, std::size_t bytes) {
  if (messages_ + messages > limits_.messages || bytes_ + bytes > limits_.bytes) {
    contents_.closed = Closed::too_slow;
    clear();
    return false;
  }
  messages_ += messages;
  bytes_ += bytes;
  return true;
}

bool Mailbox::push(std::shared_ptr<const Stored> message) {
  bool fits = true;
  {
    const std::lock_guard lock(mutex_);
    if (contents_.closed != Closed::no) return true;
    fits = add(1, size_of(*message));
    if (fits) {
      contents_.newest = std::max(contents_.newest, message->id);
      contents_.stored.push_back(std::move(message));
    }
  }
  signal_->notify();
  return fits;
}

bool Mailbox::push(Snapshot snapshot) {
  bool fits = true;
  {
    const std::lock_guard lock(mutex_);
    if (contents_.closed != Closed::no) return true;
    auto& waiting = contents_.snapshots;
    const auto same = std::ranges::find(waiting, snapshot.key, &Snapshot::key);
    if (same != waiting.end()) {
      bytes_ -= size_of(*same);
      --messages_;
    }
    fits = add(1, size_of(snapshot));
    if (fits && same != waiting.end())
      *same = std::move(snapshot);
    else if (fits)
      waiting.push_back(std::move(snapshot));
  }
  signal_->notify();
  return fits;
}

bool Mailbox::push_hint(std::string_view type) {
  bool fits = true;
  {
    const std::lock_guard lock(mutex_);
    if (contents_.closed != Closed::no) return true;
    if (std::ranges::find(contents_.hints, type) != contents_.hints.end()) return true;
    fits = add(1, type.size());
    if (fits) contents_.hints.emplace_back(type);
  }
  signal_->notify();
  return fits;
}

void Mailbox::push_newest(Id id) {
  {
    const std::lock_guard lock(mutex_);
    if (contents_.closed != Closed::no || id <= contents_.newest) return;
    contents_.newest = id;
  }
  signal_->notify();
}

void Mailbox::close(Closed reason) {
  {
    const std::lock_guard lock(mutex_);
    if (contents_.closed != Closed::no) return;
    contents_.closed = reason;
    clear();
  }
  signal_->notify();
}

Mailbox::Contents Mailbox::take() {
  const std::lock_guard lock(mutex_);
  const Closed closed = contents_.closed;
  Contents taken = std::exchange(contents_, Contents{});
  contents_.closed = closed;
  messages_ = bytes_ = 0;
  return taken;
}

Closed Mailbox::drop_stored() {
  const std::lock_guard lock(mutex_);
  for (const auto& message : contents_.stored) bytes_ -= size_of(*message);
  messages_ -= contents_.stored.size();
  contents_.stored.clear();
  contents_.newest = 0;
  return contents_.closed;
}

}  // namespace madang::realtime
