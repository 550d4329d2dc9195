#include "platform/events/outbox.hpp"

#include <utility>

namespace madang::events {

namespace {

thread_local bool appended = false;

}  // namespace

bool Outbox::take_appended() {
  return std::exchange(appended, false);
}

void Outbox::append_text(db::Transaction& tx, std::string_view type, Id aggregate,
                         std::string_view payload) {
  tx.execute("insert into outbox (type, aggregate, payload, created_at) values (?, ?, ?, ?)", type,
             aggregate, payload, clock_.now());
  appended = true;
}

std::int64_t last_sequence(db::Transaction& tx) {
  return tx.value<std::optional<std::int64_t>>("select max(seq) from outbox")
      .value_or(std::nullopt)
      .value_or(0);
}

std::vector<Event> read_after(db::Transaction& tx, std::int64_t seq, std::int64_t limit) {
  std::vector<Event> out;
  tx.each<std::int64_t, std::string, Id, std::string, Time>(
      "select seq, type, aggregate, payload, created_at from outbox where seq > ? order by seq "
      "limit ?",
      [&](std::int64_t number, std::string type, Id aggregate, std::string payload,
          Time created_at) {
        out.push_back({number, std::move(type), aggregate, std::move(payload), created_at});
      },
      seq, limit);
  return out;
}

}  // namespace madang::events
