#include "platform/redis/locks.hpp"

#include <utility>

#include "base/encoding.hpp"

namespace madang::redis {

namespace {

// KEYS: the lock, its number. ARGV: the owner, the lease in milliseconds. Asked twice by the same
// owner it answers the same. The number is kept for a month; after that the clock is beyond it.
constexpr const char* acquire_source = R"lua(
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return tonumber(redis.call('GET', KEYS[2]))
end
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
local time = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or 0) or 0
local fence = math.max(last + 1, time[1] * 1000000 + time[2])
redis.call('SET', KEYS[2], string.format('%.0f', fence), 'EX', 2592000)
return fence
)lua";

constexpr const char* renew_source = R"lua(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
)lua";

constexpr const char* release_source = R"lua(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
)lua";

}  // namespace

Locks::Locks(Client& client, Random& random, std::string prefix)
    : client_(client),
      random_(random),
      prefix_(std::move(prefix)),
      acquire_(acquire_source),
      renew_(renew_source),
      release_(release_source) {}

Lease Locks::candidate(std::string name, std::chrono::milliseconds lease) {
  return {.name = std::move(name),
          .owner = to_hex(random_.bytes<16>()),
          .until = Steady::now() + lease};
}

Command Locks::command(const Script& script, const Lease& lease,
                       std::chrono::milliseconds life) const {
  const std::string key = prefix_ + ":{" + lease.name + '}';
  Command command = Command::script(script, 2);
  command.add_key(key).add_key(key + ":fence").add(lease.owner).add_number(life.count());
  return command;
}

Result<std::optional<Lease>> Locks::given(Lease lease, const Result<Value>& answer) {
  if (!answer) return std::unexpected(answer.error());
  if (answer->is_nil()) return std::nullopt;
  lease.fence = answer->integer;
  return lease;
}

Result<bool> Locks::was_held(const Result<Value>& answer) {
  if (!answer) return std::unexpected(answer.error());
  return answer->integer == 1;
}

Result<bool> Locks::kept(Lease& held, Steady::time_point until, const Result<Value>& answer) {
  Result<bool> is = was_held(answer);
  if (is) held.until = *is ? until : Steady::time_point{};
  return is;
}

Task<Result<std::optional<Lease>>> Locks::acquire(std::string name, std::chrono::milliseconds lease,
                                                  Deadline deadline) {
  Lease wanted = candidate(std::move(name), lease);
  Command ask = command(acquire_, wanted, lease);
  const Result<Value> answer = co_await client_.execute(std::move(ask), deadline);
  co_return given(std::move(wanted), answer);
}

Task<Result<bool>> Locks::renew(Lease& held, std::chrono::milliseconds lease, Deadline deadline) {
  const auto until = Steady::now() + lease;
  Command ask = command(renew_, held, lease);
  const Result<Value> answer = co_await client_.execute(std::move(ask), deadline);
  co_return kept(held, until, answer);
}

Task<Result<bool>> Locks::release(Lease held, Deadline deadline) {
  Command ask = command(release_, held, std::chrono::milliseconds(0));
  const Result<Value> answer = co_await client_.execute(std::move(ask), deadline);
  co_return was_held(answer);
}

Result<std::optional<Lease>> Locks::acquire_blocking(const std::string& name,
                                                     std::chrono::milliseconds lease,
                                                     Deadline deadline) {
  Lease wanted = candidate(name, lease);
  const auto answer = client_.execute_blocking(command(acquire_, wanted, lease), deadline);
  return given(std::move(wanted), answer);
}

Result<bool> Locks::renew_blocking(Lease& held, std::chrono::milliseconds lease,
                                   Deadline deadline) {
  const auto until = Steady::now() + lease;
  return kept(held, until, client_.execute_blocking(command(renew_, held, lease), deadline));
}

Result<bool> Locks::release_blocking(const Lease& held, Deadline deadline) {
  const std::chrono::milliseconds none{0};
  return was_held(client_.execute_blocking(command(release_, held, none), deadline));
}

}  // namespace madang::redis
