// Port: whether an account's next read may be served by a replica without missing what the account
// has written, through whichever instance.
#pragma once

#include "base/ids.hpp"
#include "base/task.hpp"
#include "platform/db/database.hpp"

namespace madang::db {

class OwnWrites {
 public:
  virtual ~OwnWrites() = default;
  /// After the commit of a write of the account's, before it is answered.
  virtual Task<> wrote(Id account, Deadline deadline) = 0;
  /// `any` only when this program's reads see everything that the account has written. Never fails:
  /// what is not known is `fresh`.
  virtual Task<Freshness> freshness(Id account, Deadline deadline) = 0;
};

}  // namespace madang::db
