// Turns what happens into notifications: a durable subscriber of the outbox.
#pragma once

#include <map>
#include <set>

#include "modules/notifications/storage.hpp"
#include "platform/events/dispatcher.hpp"
#include "platform/realtime/hub.hpp"

namespace madang::notifications {

/// Sent when what is unread changed without a new notification: `GET /notifications` tells how.
inline constexpr std::string_view changed_hint = "notifications.changed";

class Subscriber final : public events::DurableSubscriber {
 public:
  Subscriber(IdGenerator& ids, realtime::Hub& hub) : ids_(ids), hub_(hub) {}

  std::string_view name() const override { return "notifications"; }
  bool wants(std::string_view type) const override;
  Result<void> handle(db::Transaction& tx, const events::Event& event) override;
  void committed() override;

 private:
  Result<void> notify(db::Transaction& tx, const What& what, Time at);
  void take_back(db::Transaction& tx, const What& what);

  IdGenerator& ids_;
  realtime::Hub& hub_;
  // Whom to wake after the commit. A transaction that was rolled back leaves too many here, never
  // too few, and a wake-up only makes a listener look.
  std::map<Id, Id> newest_;
  std::set<Id> changed_;
};

}  // namespace madang::notifications
