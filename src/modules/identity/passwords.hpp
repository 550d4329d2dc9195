// Passwords: argon2id on a bulkhead of its own, so that a burst of sign-ins cannot take the threads
// of anything else.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "platform/metrics/metrics.hpp"
#include "platform/runtime/bulkhead.hpp"

namespace madang::identity {

struct PasswordOptions {
  std::uint64_t passes = 2;
  std::size_t memory = 19 * 1024 * 1024;  // bytes a hash (OWASP's recommendation with 2 passes)
  int threads = 1;
  std::size_t queue = 64;                  // waiting at most
  std::chrono::milliseconds max_wait{20};  // that may go on; then some are refused
};

class Passwords {
 public:
  Passwords(PasswordOptions options, metrics::Registry& registry);

  /// Errors: `busy`.
  Task<Result<std::string>> hash(Deadline deadline, std::string password);
  /// Takes as long for an empty hash (nobody there) as for a real one. Errors: `busy`.
  Task<Result<bool>> verify(Deadline deadline, std::string hash, std::string password);
  /// The same on the calling thread, for the command line.
  std::string hash_now(std::string_view password) const;
  void close() { pool_.close(); }

 private:
  const PasswordOptions options_;
  const std::string nobody_;  // a hash that no password has
  runtime::Bulkhead pool_;
};

/// On the list of common ones? Case does not matter.
bool is_common_password(std::string_view password);

}  // namespace madang::identity
