// The shapes of identity's routes.
#pragma once

#include "modules/identity/identity.hpp"
#include "platform/json/types.hpp"

namespace madang::identity {

struct SignUp {
  json::Email email;
  json::Password password;
  json::Handle handle;
  std::optional<json::Line<0, 50>> name;
};
BOOST_DESCRIBE_STRUCT(SignUp, (), (email, password, handle, name))

/// Any password may be tried: rules are for new ones.
struct SignIn {
  json::Line<1, 254> email;
  json::Text<1, 1000> password;
};
BOOST_DESCRIBE_STRUCT(SignIn, (), (email, password))

enum class Role { user, admin };
BOOST_DESCRIBE_ENUM(Role, user, admin)

/// My own account.
struct Me {
  Id id = 0;
  std::string handle;
  std::string name;
  std::string bio;
  std::optional<std::string> avatar;
  std::string email;
  std::vector<Role> roles;
  Time created_at{};
};
BOOST_DESCRIBE_STRUCT(Me, (), (id, handle, name, bio, avatar, email, roles, created_at))

struct SignedIn {
  Me account;
  std::optional<std::string> token;  // absent when a cookie carries it
  Time expires_at{};
};
BOOST_DESCRIBE_STRUCT(SignedIn, (), (account, token, expires_at))

/// A device that is signed in.
struct Session {
  Id id = 0;
  bool current = false;
  std::string user_agent;
  std::string address;
  Time created_at{};
  Time last_used_at{};
  Time expires_at{};
};
BOOST_DESCRIBE_STRUCT(Session, (),
                      (id, current, user_agent, address, created_at, last_used_at, expires_at))

struct Sessions {
  std::vector<Session> items;
};
BOOST_DESCRIBE_STRUCT(Sessions, (), (items))

/// What is absent stays; a null avatar is removed.
struct EditMe {
  std::optional<json::Handle> handle;
  std::optional<json::Line<0, 50>> name;
  std::optional<json::Text<0, 300>> bio;
  json::Patch<std::int64_t> avatar;
};
BOOST_DESCRIBE_STRUCT(EditMe, (), (handle, name, bio, avatar))

struct ChangePassword {
  json::Text<1, 1000> old;
  json::Password new_;
};

struct ConfirmPassword {
  json::Text<1, 1000> password;
};
BOOST_DESCRIBE_STRUCT(ConfirmPassword, (), (password))

}  // namespace madang::identity

/// `new` is a C++ word, so this one is described by hand.
template <>
struct madang::json::Codec<madang::identity::ChangePassword> {
  using T = madang::identity::ChangePassword;
  static void read(Node node, T& value, Issues& issues);
  static void schema(std::string& out, Schemas& schemas);
};
