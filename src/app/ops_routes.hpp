// Health, metrics, the OpenAPI document, dead letters.
#pragma once

#include <atomic>

#include "platform/events/dispatcher.hpp"
#include "platform/http/api.hpp"
#include "platform/http/proxies.hpp"
#include "platform/runtime/bulkhead.hpp"

namespace madang::app {

/// Events that were set aside and are due again now.
struct Retried {
  std::int64_t retried = 0;
};
BOOST_DESCRIBE_STRUCT(Retried, (), (retried))

class OpsRoutes {
 public:
  OpsRoutes(metrics::Registry& registry, events::Dispatcher& dispatcher,
            runtime::Bulkhead& blocking, const std::vector<std::string>& metrics_from);
  void mount(http::Api& api);
  void set_ready(bool ready) { ready_ = ready; }

 private:
  Task<http::Response> live(http::Call& call);
  Task<http::Response> ready(http::Call& call);
  Task<http::Response> scrape(http::Call& call);
  Task<http::Response> document(http::Call& call);
  Task<Result<Retried>> retry_events(http::Call& call);

  metrics::Registry& registry_;
  events::Dispatcher& dispatcher_;
  runtime::Bulkhead& blocking_;
  const http::TrustedProxies metrics_from_;
  std::atomic<bool> ready_{false};
  http::SharedBytes document_;
  std::string document_tag_;
};

}  // namespace madang::app
