// Health, metrics, the OpenAPI document.
#pragma once

#include <atomic>
#include <functional>
#include <optional>

#include "platform/db/commit_health.hpp"
#include "platform/http/api.hpp"
#include "platform/http/proxies.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::app {

class OpsRoutes {
 public:
  OpsRoutes(metrics::Registry& registry, const std::vector<std::string>& metrics_from);
  void mount(http::Api& api);
  void set_ready(bool ready) { ready_ = ready; }
  /// Before serving. Why nothing can be written, when nothing can: then this is not ready either.
  void set_fault(std::function<std::optional<db::WriteFault>()> fault) {
    fault_ = std::move(fault);
  }

 private:
  Task<http::Response> live(http::Call& call);
  Task<http::Response> ready(http::Call& call);
  Task<http::Response> scrape(http::Call& call);
  Task<http::Response> document(http::Call& call);

  metrics::Registry& registry_;
  const http::TrustedProxies metrics_from_;
  std::atomic<bool> ready_{false};
  std::function<std::optional<db::WriteFault>()> fault_;
  http::SharedBytes document_;
  std::string document_tag_;
};

}  // namespace madang::app
