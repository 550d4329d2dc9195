#include "app/ops_routes.hpp"

#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <fstream>

#include "base/encoding.hpp"
#include "platform/http/problem.hpp"

namespace madang::app {

using http::Access;
using http::Call;
using http::Method;
using http::Response;

namespace {

/// Resident memory of this process, bytes.
double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  double resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace

OpsRoutes::OpsRoutes(metrics::Registry& registry, const std::vector<std::string>& metrics_from)
    : registry_(registry), metrics_from_(metrics_from) {
  auto& memory = registry.gauge("process_resident_memory_bytes", "Resident memory");
  registry.on_scrape([&memory] { memory.Set(resident_bytes()); });
}

void OpsRoutes::mount(http::Api& api) {
  const http::EndpointOptions options{.rate = "none", .hidden = true};
  const http::EndpointOptions quiet{.rate = "none", .hidden = true, .quiet = true};
  api.add_raw({Method::get, "/health/live", Access::open, "Alive", options},
              [this](Call& call) { return live(call); });
  api.add_raw({Method::get, "/health/ready", Access::open, "Ready", quiet},
              [this](Call& call) { return ready(call); });
  api.add_raw({Method::get, "/metrics", Access::open, "Metrics", quiet},
              [this](Call& call) { return scrape(call); });
  api.add_raw({Method::get, "/api/openapi.json", Access::open, "The API's description", options},
              [this](Call& call) { return document(call); });
  document_ = std::make_shared<const std::string>(api.openapi());
  document_tag_ = '"' + to_hex(sha256(*document_)).substr(0, 16) + '"';
}

Task<Response> OpsRoutes::live(Call&) {
  co_return Response{.body = std::string(R"({"status":"live"})")};
}

Task<Response> OpsRoutes::ready(Call&) {
  std::string_view reason = ready_ ? "" : "starting_or_stopping";
  if (reason.empty() && fault_)
    if (const auto fault = fault_()) reason = fault->reason;
  if (reason.empty()) co_return Response{.body = std::string(R"({"status":"ready"})")};
  std::string body = R"({"status":"not_ready","reason":")";
  body.append(reason).append("\"}");
  Response response{.status = 503, .body = std::move(body)};
  response.with("Retry-After", "2");
  co_return response;
}

Task<Response> OpsRoutes::scrape(Call& call) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(call.request.remote_address, error);
  if (error || !metrics_from_.contains(address))
    co_return http::problem_response(
        {.kind = Kind::not_found, .code = "not_found", .detail = "There is nothing here."},
        call.request.request_id);
  co_return Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                     .body = registry_.scrape()};
}

Task<Response> OpsRoutes::document(Call& call) {
  Response response;
  response.with("ETag", document_tag_).with("Cache-Control", "no-cache");
  if (call.request.header("if-none-match").find(document_tag_) != std::string_view::npos) {
    response.status = 304;
    response.content_type = {};
  } else {
    response.body = document_;
  }
  co_return response;
}

}  // namespace madang::app
