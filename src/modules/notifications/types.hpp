// The shapes of notifications' routes and events.
#pragma once

#include "modules/identity/identity.hpp"
#include "platform/json/types.hpp"

namespace madang::notifications {

enum class Type { follow = 1, like = 2, comment = 3 };
BOOST_DESCRIBE_ENUM(Type, follow, like, comment)

/// The post that was liked or commented on: its first 80 code points.
struct NotifiedPost {
  Id id = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(NotifiedPost, (), (id, text))

/// `actor` and `actor_count - 1` others.
struct Notification {
  Id id = 0;
  Type type = Type::follow;
  identity::Card actor;  // the latest
  std::int64_t actor_count = 1;
  std::optional<NotifiedPost> post;
  std::optional<Id> comment_id;  // the latest
  Time created_at{};             // when the latest happened
  bool read = false;
};
BOOST_DESCRIBE_STRUCT(Notification, (),
                      (id, type, actor, actor_count, post, comment_id, created_at, read))

struct NotificationPage {
  std::vector<Notification> items;
  std::int64_t unread = 0;
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(NotificationPage, (), (items, unread, next_cursor))

/// `data` of the event `notification`.
struct NotificationEvent : Notification {
  std::int64_t unread = 0;
};
BOOST_DESCRIBE_STRUCT(NotificationEvent, (Notification), (unread))

/// Marks everything up to and with this id as read.
struct MarkRead {
  json::Integer<0, max_id> up_to;
};
BOOST_DESCRIBE_STRUCT(MarkRead, (), (up_to))

struct Unread {
  std::int64_t unread = 0;
};
BOOST_DESCRIBE_STRUCT(Unread, (), (unread))

}  // namespace madang::notifications
