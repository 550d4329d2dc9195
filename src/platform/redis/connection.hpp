// One TCP connection to one Redis server, kept open: commands go out in the order of send() and are
// answered in it, however many are on their way (implicit pipelining: what is sent in one turn of
// the loop leaves in one write). Everything runs on one executor, a single thread.
//
//   idle --start()--> connecting --> open --> down --(again and again, with backoff)--> open ...
//
// Before it is open for the first time commands wait for it; while it is down send() refuses them
// at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "platform/redis/call.hpp"
#include "platform/redis/resp.hpp"
#include "platform/resilience/retry.hpp"
#include "platform/runtime/task_group.hpp"

namespace madang::redis {

/// `host` is an IP address or a name.
struct Address {
  std::string host;
  std::uint16_t port = 0;
  std::string text() const { return host + ':' + std::to_string(port); }
  bool operator==(const Address&) const = default;
};

struct ConnectionOptions {
  std::string user;  // empty: the default user
  std::string password;
  std::string name = "madang";  // CLIENT SETNAME; no blanks
  bool read_only = false;       // READONLY: a replica answers reads
  std::size_t max_outstanding = 65'536;
  std::size_t max_unsent = 32 << 20;                 // bytes
  std::chrono::milliseconds connect_timeout{1'000};  // until it has greeted
  std::chrono::milliseconds ping_interval{2'000};    // when nothing else is said
  /// Nothing heard for so long although an answer is due: half-open, closed.
  std::chrono::milliseconds stall_timeout{2'000};
  /// As often may commands time out without anything being heard between: then it is closed.
  int timeouts_in_a_row = 3;
  resilience::BackoffOptions reconnect{std::chrono::milliseconds(50),
                                       std::chrono::milliseconds(2'000)};
  RespLimits limits{};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum class State : std::uint8_t { idle, connecting, open, down, closed };
  enum class Failure : std::uint8_t {
    not_sent,   // nothing has left: it was not carried out
    lost,       // the connection ended first: it may have been
    timed_out,  // its deadline passed: it may have been, or still be
  };
  enum class Sent : std::uint8_t { yes, down, full };

  /// Told on the executor. It may send() from in there; close() and destroy nothing.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void on_answer(Connection& connection, Call&& call, Value&& value) = 0;
    virtual void on_failure(Connection& connection, Call&& call, Failure failure) = 0;
    /// A message that is no answer. True: it settles the oldest command (subscriptions are
    /// confirmed so).
    virtual bool on_push(Connection& connection, Value value) = 0;
    /// After each change; `why` for down.
    virtual void on_state(Connection& connection, State state, std::string_view why) = 0;
    /// After the answers of one read.
    virtual void on_heard(Connection& /*connection*/) {}
  };

  /// All outlive it, the owner until close().
  Connection(asio::any_io_executor executor, Address address, ConnectionOptions options,
             Owner& owner, Random& random, runtime::TaskGroup& tasks);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Begins to connect, and keeps at it until close().
  void start();
  /// For good. Everything on its way has failed when it returns; the owner hears no more.
  void close();

  /// Takes `call` when it answers `yes`; else leaves it alone.
  Sent send(Call& call);
  /// A command of our own, beyond the bounds, its answer dropped. Not while down.
  void send_unheard(Command command);
  /// The oldest command that waits for its answer; null: none.
  const Call* oldest() const;

  const Address& address() const { return address_; }
  State state() const { return state_; }
  std::size_t outstanding() const { return line_.size() + held_.size(); }
  /// As much is on its way as may be: send() would refuse.
  bool full() const {
    return line_.size() >= options_.max_outstanding || unsent_.size() >= options_.max_unsent;
  }
  /// How many commands have been taken over its life. A command's number is this before send().
  std::uint64_t count() const { return count_; }
  /// The number of the command whose answer on_answer() brings.
  std::uint64_t answering() const { return count_ - line_.size() - 1; }
  /// How often it has been opened.
  std::uint64_t opened() const { return opened_; }

 private:
  struct Link;
  struct Waiting {
    Call call;
    std::uint64_t begins = 0;     // where its bytes begin in the link's stream
    bool abandoned = false;       // timed out: its answer will be dropped
    bool asks_for_reign = false;  // ours, for the answers that are held
  };
  /// Answered, but for the reign.
  struct Held {
    Call call;
    Value value;
  };

  // Coroutines.
  static Task<> keep_open(std::shared_ptr<Connection> self);
  static Task<> write(std::shared_ptr<Connection> self, std::shared_ptr<Link> link);
  static Task<> watch(std::shared_ptr<Connection> self, std::shared_ptr<Link> link);
  Task<std::string> open(std::shared_ptr<Link> link);
  Task<std::string> connect(std::shared_ptr<Link> link);
  Task<std::string> greet(std::shared_ptr<Link> link);
  Task<std::string> read(std::shared_ptr<Link> link);

  void change(State state, std::string_view why = {});
  std::string take(Link& link, std::string_view bytes);
  std::string take_one(Value value);
  void release(const Value& info);
  void enqueue(Call&& call);
  void ask_for_reign();
  bool expire_one(Call& call, Steady::time_point now);
  void expire(Link& link, Steady::time_point now);
  std::string_view fault(const Link& link) const;
  void fail_all();
  std::string greeting() const;

  const asio::any_io_executor executor_;
  const Address address_;
  const ConnectionOptions options_;
  Owner* owner_;
  Random& random_;
  runtime::TaskGroup& tasks_;
  State state_ = State::idle;
  std::shared_ptr<Link> link_;  // while connecting or open
  std::deque<Waiting> line_;    // what is on its way, oldest first
  std::deque<Held> held_;       // what has been answered and waits for the reign, oldest first
  std::string unsent_;
  bool reign_wanted_ = false;   // by something in unsent_
  std::uint64_t appended_ = 0;  // bytes of this link's stream, unsent ones included
  std::uint64_t handed_ = 0;    // of these, given to the socket
  std::uint64_t count_ = 0;
  std::uint64_t opened_ = 0;
  Steady::time_point next_deadline_ = Steady::time_point::max();  // of line_, or earlier
};

}  // namespace madang::redis
