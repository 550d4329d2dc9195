// Events that were set aside, for operators: list, retry, discard.
#pragma once

#include "platform/db/database.hpp"
#include "platform/events/dispatcher.hpp"
#include "platform/events/parked.hpp"
#include "platform/http/api.hpp"

namespace madang::app {

/// Events that were set aside and are due again now.
struct Retried {
  std::int64_t retried = 0;
};
BOOST_DESCRIBE_STRUCT(Retried, (), (retried))

/// Dead letters that are gone for good.
struct Discarded {
  std::int64_t discarded = 0;
};
BOOST_DESCRIBE_STRUCT(Discarded, (), (discarded))

struct ParkedQuery {
  std::optional<events::ParkedState> state;  // both when absent
  std::optional<json::Integer<1, 100>> limit;
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(ParkedQuery, (), (state, limit, cursor))

class EventRoutes {
 public:
  EventRoutes(db::Database& db, events::Dispatcher& dispatcher, metrics::Registry& registry);
  void mount(http::Api& api);

 private:
  Task<Result<http::Page<events::ParkedEvent>>> list(http::Call& call, ParkedQuery query);
  Task<Result<Retried>> retry(http::Call& call);
  Task<Result<Retried>> retry_all(http::Call& call);
  Task<Result<http::Nothing>> discard(http::Call& call);
  Task<Result<Discarded>> discard_all(http::Call& call);

  db::Database& db_;
  events::Dispatcher& dispatcher_;
  metrics::Counter& discarded_;
};

}  // namespace madang::app
