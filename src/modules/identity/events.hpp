// The domain events identity emits; the aggregate is the account.
#pragma once

#include "modules/identity/identity.hpp"

namespace madang::identity {

inline constexpr std::string_view account_created = "account.created";
inline constexpr std::string_view account_changed = "account.changed";
inline constexpr std::string_view account_withdrawn = "account.withdrawn";
inline constexpr std::string_view account_suspended = "account.suspended";
inline constexpr std::string_view account_restored = "account.restored";

struct AccountEvent {
  std::int64_t version = 1;
  Id account = 0;
  std::string handle;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(AccountEvent, (), (version, account, handle, name))

}  // namespace madang::identity
