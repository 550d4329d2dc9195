// Locks between instances, with fencing numbers. A lock saves work that would be done twice; it
// does not make anything right: a holder may sleep past its lease, and a failover may forget a lock
// that was given. So whatever is done under one names the lock's number where it is stored
// (`UPDATE ... WHERE fence <= ?`), and who has an older number changes nothing. Numbers grow with
// each holder, also over a wiped Redis: they are never below its clock's microseconds.
// https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/random.hpp"
#include "platform/redis/client.hpp"

namespace madang::redis {

struct Lease {
  std::string name;
  std::string owner;           // a secret of this holder
  std::int64_t fence = 0;      // larger than every earlier holder's
  Steady::time_point until{};  // by our own clock, counted from before it was asked for

  bool over() const { return Steady::now() >= until; }
};

class Locks {
 public:
  /// Both outlive it. Thread-safe when `random` is.
  Locks(Client& client, Random& random, std::string prefix = "lock");

  /// Nothing: another holds it. Errors: those of the client.
  Task<Result<std::optional<Lease>>> acquire(std::string name, std::chrono::milliseconds lease,
                                             Deadline deadline);
  /// Makes it last `lease` from now. False: it is lost, and perhaps another's.
  Task<Result<bool>> renew(Lease& held, std::chrono::milliseconds lease, Deadline deadline);
  /// False: it was lost before.
  Task<Result<bool>> release(Lease held, Deadline deadline);

  // For threads of pools: these block.
  Result<std::optional<Lease>> acquire_blocking(const std::string& name,
                                                std::chrono::milliseconds lease, Deadline deadline);
  Result<bool> renew_blocking(Lease& held, std::chrono::milliseconds lease, Deadline deadline);
  Result<bool> release_blocking(const Lease& held, Deadline deadline);

 private:
  Lease candidate(std::string name, std::chrono::milliseconds lease);
  Command command(const Script& script, const Lease& lease, std::chrono::milliseconds life) const;
  static Result<std::optional<Lease>> given(Lease lease, const Result<Value>& answer);
  static Result<bool> kept(Lease& held, Steady::time_point until, const Result<Value>& answer);
  static Result<bool> was_held(const Result<Value>& answer);

  Client& client_;
  Random& random_;
  const std::string prefix_;
  const Script acquire_;
  const Script renew_;
  const Script release_;
};

}  // namespace madang::redis
