#include "modules/notifications/routes.hpp"

namespace madang::notifications {

using http::Access;
using http::Method;

void Routes::mount(http::Api& api) {
  api.add({Method::get,
           "/api/v1/notifications",
           Access::user,
           "My notifications, newest first",
           {.tag = "notifications"}},
          *this, &Routes::list);
  // Repeating it does nothing: no Idempotency-Key is needed.
  api.add({Method::post,
           "/api/v1/notifications/read",
           Access::user,
           "Mark notifications up to and with one as read",
           {.tag = "notifications", .idempotent_by_key = false}},
          *this, &Routes::mark_read);
}

Task<Result<NotificationPage>> Routes::list(http::Call& call, http::PageQuery page) {
  Result<NotificationPage> loaded =
      co_await service_.list(call.deadline(), call.account(), std::move(page));
  if (loaded) call.headers.emplace_back("Cache-Control", "private, no-store");
  co_return loaded;
}

Task<Result<Unread>> Routes::mark_read(http::Call& call, MarkRead in) {
  Result<Unread> done =
      co_await service_.mark_read(call.deadline(), call.account(), in.up_to.value);
  co_return done;
}

}  // namespace madang::notifications
