#include "platform/redis/connection.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <utility>
#include <vector>

#include "platform/log/log.hpp"

namespace madang::redis {

using asio::ip::tcp;

namespace {

constexpr std::size_t read_size = std::size_t{64} << 10;

}  // namespace

/// What belongs to one opening of the socket; its coroutines outlive it by a moment.
struct Connection::Link {
  explicit Link(const asio::any_io_executor& executor, RespLimits limits)
      : socket(executor), wake_writer(executor), wake_watch(executor), parser(limits) {
    wake_writer.expires_at(Steady::time_point::max());
  }

  void end(std::string_view reason) {
    if (dead) return;
    dead = true;
    why = reason;
    boost::system::error_code ignored;
    socket.close(ignored);
    wake_writer.cancel();
    wake_watch.cancel();
  }

  tcp::socket socket;
  asio::steady_timer wake_writer;
  asio::steady_timer wake_watch;
  RespParser parser;
  std::string flying;
  std::string why;
  bool dead = false;
  bool ready = false;  // greeted: commands may leave
  const Steady::time_point began = Steady::now();
  Steady::time_point heard = began;
  Steady::duration quiet{};  // since then, as far as we were listening, an answer being due
  int timeouts = 0;          // since then
};

Connection::Connection(asio::any_io_executor executor, Address address, ConnectionOptions options,
                       Owner& owner, Random& random, runtime::TaskGroup& tasks)
    : executor_(std::move(executor)),
      address_(std::move(address)),
      options_(std::move(options)),
      owner_(&owner),
      random_(random),
      tasks_(tasks) {}

Connection::~Connection() = default;

void Connection::change(State state, std::string_view why) {
  if (state_ == state || state_ == State::closed) return;
  state_ = state;
  if (owner_ != nullptr) owner_->on_state(*this, state, why);
}

void Connection::start() {
  if (state_ != State::idle) return;
  change(State::connecting);
  tasks_.spawn(executor_, "redis_connection", keep_open(shared_from_this()));
}

void Connection::close() {
  if (state_ == State::closed) return;
  change(State::closed);
  if (link_) link_->end("closed");
  fail_all();
  owner_ = nullptr;
}

Connection::Sent Connection::send(Call& call) {
  if (state_ == State::idle) start();
  if (state_ != State::open && state_ != State::connecting) return Sent::down;
  if (full()) return Sent::full;
  enqueue(std::move(call));
  return Sent::yes;
}

void Connection::send_unheard(Command command) {
  if (state_ == State::idle) start();
  if (state_ == State::open || state_ == State::connecting) enqueue(unheard(std::move(command)));
}

void Connection::enqueue(Call&& call) {
  const std::size_t before = unsent_.size();
  call.command.append_to(unsent_);
  const Steady::time_point due = call.deadline.at();
  reign_wanted_ = reign_wanted_ || call.command.wants_reign();
  line_.push_back({std::move(call), appended_});
  appended_ += unsent_.size() - before;
  ++count_;
  if (due < next_deadline_) {
    next_deadline_ = due;
    if (link_) link_->wake_watch.cancel();
  }
  // Runs when this turn of the loop is over: what is sent in it leaves together.
  if (before == 0 && link_) link_->wake_writer.cancel();
}

/// Behind those who want to know it, once for all of them.
void Connection::ask_for_reign() {
  if (!std::exchange(reign_wanted_, false)) return;
  enqueue(unheard(Command::read("INFO").arg("replication")));
  line_.back().asks_for_reign = true;
}

const Call* Connection::oldest() const {
  return line_.empty() ? nullptr : &line_.front().call;
}

Task<> Connection::keep_open(std::shared_ptr<Connection> self) {
  int attempt = 0;
  while (self->state_ != State::closed) {
    auto link = std::make_shared<Link>(self->executor_, self->options_.limits);
    self->link_ = link;
    self->tasks_.spawn(self->executor_, "redis_watch", watch(self, link));
    std::string why = co_await self->open(link);
    if (why.empty()) why = co_await self->read(link);
    link->end(why);
    self->link_.reset();
    if (self->state_ == State::closed) break;
    self->change(State::down, link->why);
    self->fail_all();
    // Steady again only after a while: a server that greets and hangs up is not to be hammered.
    if (link->ready && Steady::now() - link->began > self->options_.reconnect.cap) attempt = 0;
    asio::steady_timer pause(self->executor_);
    pause.expires_after(std::chrono::milliseconds(5) +
                        resilience::backoff(self->options_.reconnect, attempt++, self->random_));
    co_await pause.async_wait(in_tuple);
    // It stays down until it is open: nobody waits for an attempt that may come to nothing.
  }
}

/// Nothing, or why it could not be opened.
Task<std::string> Connection::open(std::shared_ptr<Link> link) {
  std::string why = co_await connect(link);
  if (why.empty()) why = co_await greet(link);
  if (link->dead) co_return link->why;
  if (!why.empty()) co_return why;
  link->ready = true;
  link->heard = Steady::now();
  link->quiet = {};
  ++opened_;
  tasks_.spawn(executor_, "redis_write", write(shared_from_this(), link));
  change(State::open);
  co_return std::string();
}

Task<std::string> Connection::connect(std::shared_ptr<Link> link) {
  boost::system::error_code not_an_address;
  const auto ip = asio::ip::make_address(address_.host, not_an_address);
  std::vector<tcp::endpoint> endpoints;
  if (!not_an_address) {
    endpoints.emplace_back(ip, address_.port);
  } else {
    tcp::resolver resolver(executor_);
    const std::string port = std::to_string(address_.port);
    auto [error, found] = co_await resolver.async_resolve(address_.host, port, in_tuple);
    if (error) co_return "unknown host: " + error.message();
    for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  }
  if (link->dead) co_return link->why;
  const auto [error, endpoint] = co_await asio::async_connect(link->socket, endpoints, in_tuple);
  if (error) co_return error.message();
  boost::system::error_code ignored;
  link->socket.set_option(tcp::no_delay(true), ignored);
  link->socket.set_option(asio::socket_base::keep_alive(true), ignored);
  co_return std::string();
}

std::string Connection::greeting() const {
  std::string wire;
  Command hello = Command::read("HELLO").arg(3);
  if (!options_.password.empty()) {
    hello.add("AUTH").add(options_.user.empty() ? "default" : options_.user).add(options_.password);
  }
  if (!options_.name.empty()) hello.add("SETNAME").add(options_.name);
  hello.append_to(wire);
  if (options_.read_only) Command::read("READONLY").append_to(wire);
  return wire;
}

Task<std::string> Connection::greet(std::shared_ptr<Link> link) {
  const std::string wire = greeting();
  const auto [write_error, sent] =
      co_await asio::async_write(link->socket, asio::buffer(wire), in_tuple);
  if (write_error) co_return write_error.message();
  std::array<char, 4096> buffer{};
  for (int left = options_.read_only ? 2 : 1; left > 0;) {
    const auto [error, size] =
        co_await link->socket.async_read_some(asio::buffer(buffer), in_tuple);
    if (error) co_return error.message();
    std::string_view bytes(buffer.data(), size);
    while (!bytes.empty()) {
      auto answer = link->parser.next(bytes);
      if (!answer) co_return answer.error().detail;
      if (*answer && (*answer)->is_error()) co_return "refused: " + (*answer)->text;
      if (*answer) --left;
    }
  }
  co_return std::string();
}

Task<> Connection::write(std::shared_ptr<Connection> self, std::shared_ptr<Link> link) {
  while (!link->dead) {
    if (self->unsent_.empty()) {
      co_await link->wake_writer.async_wait(in_tuple);
      continue;
    }
    self->ask_for_reign();
    link->flying.clear();
    link->flying.swap(self->unsent_);
    self->handed_ = self->appended_;
    const auto [error, size] =
        co_await asio::async_write(link->socket, asio::buffer(link->flying), in_tuple);
    if (error) link->end(error.message());
  }
}

Task<std::string> Connection::read(std::shared_ptr<Link> link) {
  std::vector<char> buffer(read_size);
  for (;;) {
    const auto [error, size] =
        co_await link->socket.async_read_some(asio::buffer(buffer), in_tuple);
    if (link->dead) co_return link->why;
    if (error) co_return error.message();
    link->heard = Steady::now();
    link->quiet = {};
    link->timeouts = 0;
    const std::string_view bytes(buffer.data(), size);
    std::string why = take(*link, bytes);
    if (!why.empty()) co_return why;
    if (owner_ != nullptr) owner_->on_heard(*this);
  }
}

std::string Connection::take(Link& link, std::string_view bytes) {
  while (!bytes.empty() && !link.dead) {
    auto answer = link.parser.next(bytes);
    if (!answer) return answer.error().detail;
    if (!*answer) continue;
    std::string why = take_one(std::move(**answer));
    if (!why.empty()) return why;
  }
  return {};
}

std::string Connection::take_one(Value value) {
  if (value.type == Value::Type::push) {
    if (owner_ != nullptr && owner_->on_push(*this, std::move(value)) && !line_.empty()) {
      line_.pop_front();
    }
    return {};
  }
  if (line_.empty()) return "an answer to nothing";
  Waiting waiting = std::move(line_.front());
  line_.pop_front();
  if (waiting.asks_for_reign) {
    release(value);
  } else if (owner_ != nullptr && !waiting.abandoned && !waiting.call.unheard) {
    if (waiting.call.command.wants_reign() && !value.is_error())
      held_.push_back({std::move(waiting.call), std::move(value)});
    else
      owner_->on_answer(*this, std::move(waiting.call), std::move(value));
  }
  return {};
}

/// Those before the answer `info`, with the reign that it names.
void Connection::release(const Value& info) {
  constexpr std::string_view field = "master_replid:";
  const auto at = info.text.find(field);
  const bool known = at != info.text.npos && info.text.size() >= at + field.size() + reign_size;
  // No server has been seen that does not say it; values of no reign are nobody's.
  const std::string reign = known ? info.text.substr(at + field.size(), reign_size) : std::string();
  for (Held& held : std::exchange(held_, {})) {
    if (owner_ == nullptr) return;
    Value both;
    both.type = Value::Type::array;
    both.items.reserve(2);
    both.items.push_back(std::move(held.value));
    both.items.push_back(Value::of_text(reign));
    owner_->on_answer(*this, std::move(held.call), std::move(both));
  }
}

/// Looks after time: deadlines, silence, and a word now and then to find out whether it is there.
Task<> Connection::watch(std::shared_ptr<Connection> self, std::shared_ptr<Link> link) {
  const auto tick = std::min({self->options_.ping_interval, self->options_.stall_timeout,
                              self->options_.connect_timeout}) /
                    4;
  Steady::time_point looked = Steady::now();
  while (!link->dead) {
    const Steady::time_point now = Steady::now();
    // When our own thread is late, what lies in the socket is not the server's silence: a look
    // counts for a tick at most, and between two looks there is time to read.
    link->quiet += std::min<Steady::duration>(now - std::exchange(looked, now), tick);
    if (link->ready && self->line_.empty()) link->quiet = {};
    if (now >= self->next_deadline_) self->expire(*link, now);
    if (const std::string_view why = self->fault(*link); !why.empty()) {
      link->end(why);
      break;
    }
    if (link->ready && self->line_.empty() && now - link->heard >= self->options_.ping_interval) {
      self->enqueue(unheard(Command::read("PING")));
    }
    // Not more often than each millisecond, however close together deadlines are.
    const auto soonest = now + std::chrono::milliseconds(1);
    link->wake_watch.expires_at(std::clamp(self->next_deadline_, soonest, now + tick));
    co_await link->wake_watch.async_wait(in_tuple);
  }
}

void Connection::expire(Link& link, Steady::time_point now) {
  next_deadline_ = Steady::time_point::max();
  bool any = false;
  // Who is told may send again: only what was there.
  for (Held& held : std::exchange(held_, {})) {
    if (expire_one(held.call, now))
      any = true;
    else
      held_.push_back(std::move(held));
  }
  for (std::size_t i = 0, size = line_.size(); i < size; ++i) {
    if (line_[i].abandoned || !expire_one(line_[i].call, now)) continue;
    any = line_[i].abandoned = true;
  }
  if (any) ++link.timeouts;
}

bool Connection::expire_one(Call& call, Steady::time_point now) {
  if (call.deadline.at() > now) {
    next_deadline_ = std::min(next_deadline_, call.deadline.at());
    return false;
  }
  if (owner_ != nullptr) owner_->on_failure(*this, std::move(call), Failure::timed_out);
  return true;
}

std::string_view Connection::fault(const Link& link) const {
  if (!link.ready) return link.quiet > options_.connect_timeout ? "no greeting in time" : "";
  if (link.timeouts >= options_.timeouts_in_a_row) return "several time-outs in a row";
  return link.quiet > options_.stall_timeout ? "silent although an answer is due" : "";
}

void Connection::fail_all() {
  std::deque<Waiting> line = std::exchange(line_, {});
  std::deque<Held> held = std::exchange(held_, {});
  const std::uint64_t handed = handed_;
  unsent_.clear();
  reign_wanted_ = false;
  appended_ = handed_ = 0;
  next_deadline_ = Steady::time_point::max();
  for (Held& one : held)
    if (owner_ != nullptr) owner_->on_failure(*this, std::move(one.call), Failure::lost);
  for (Waiting& waiting : line) {
    if (waiting.abandoned || waiting.call.unheard || owner_ == nullptr) continue;
    const Failure failure = waiting.begins >= handed ? Failure::not_sent : Failure::lost;
    owner_->on_failure(*this, std::move(waiting.call), failure);
  }
}

}  // namespace madang::redis
