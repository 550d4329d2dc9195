// What waits for one listener: bounded, so that a reader who is slower than the messages that come
// for it costs this much memory and no more.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "platform/realtime/message.hpp"
#include "platform/realtime/signal.hpp"

namespace madang::realtime {

struct MailboxLimits {
  std::size_t messages = 256;
  std::size_t bytes = 256 * 1024;  // of payloads
};

/// Why a listener is sent away.
enum class Closed { no, too_slow, shutting_down, session_ended, unavailable };
std::string_view closed_name(Closed reason);

class Mailbox {
 public:
  Mailbox(std::shared_ptr<Signal> signal, MailboxLimits limits)
      : signal_(std::move(signal)), limits_(limits) {}

  struct Contents {
    std::vector<std::shared_ptr<const Stored>> stored;  // in the order they were published
    Id newest = 0;                                      // stored messages up to this id are in SQL
    std::vector<Snapshot> snapshots;
    std::vector<std::string> hints;
    Closed closed = Closed::no;  // and nothing else comes any more
  };

  // Any thread. False when this message is what overflowed the mailbox: it is closed then.
  bool push(std::shared_ptr<const Stored> message);
  bool push(Snapshot snapshot);
  bool push_hint(std::string_view type);
  void push_newest(Id id);
  void close(Closed reason);

  // The listener's thread.
  Contents take();
  /// Forgets the stored messages, for a listener that is about to read SQL: they were committed
  /// before they came here. Whether the mailbox is closed.
  Closed drop_stored();

 private:
  bool add(std::size_t messages, std::size_t bytes);
  void clear();

  const std::shared_ptr<Signal> signal_;
  const MailboxLimits limits_;
  std::mutex mutex_;
  Contents contents_;
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace madang::realtime
