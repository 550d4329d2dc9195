// The routes of notifications.
#pragma once

#include "modules/notifications/service.hpp"

namespace madang::notifications {

class Routes {
 public:
  explicit Routes(Service& service) : service_(service) {}
  void mount(http::Api& api);

 private:
  Task<Result<NotificationPage>> list(http::Call& call, http::PageQuery page);
  Task<Result<Unread>> mark_read(http::Call& call, MarkRead in);

  Service& service_;
};

}  // namespace madang::notifications
