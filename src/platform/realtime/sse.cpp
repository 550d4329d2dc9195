#include "platform/realtime/sse.hpp"

#include <boost/asio/this_coro.hpp>
#include <utility>

namespace madang::realtime {

namespace {

std::array<metrics::Counter*, 5> closed_counters(metrics::Registry& registry) {
  std::array<metrics::Counter*, 5> out{};
  for (const Closed reason :
       {Closed::too_slow, Closed::shutting_down, Closed::session_ended, Closed::unavailable})
    out[static_cast<std::size_t>(reason)] =
        &registry.counter("madang_realtime_closed_total", "Event streams ended by the server",
                          {{"reason", std::string(closed_name(reason))}});
  return out;
}

}  // namespace

ResumeFrom resume_from(std::string_view last_event_id) {
  if (last_event_id.empty()) return {};
  if (last_event_id == "0") return {.resumed = true, .after = 0};  // nothing was there yet
  return {.resumed = true, .after = parse_id(last_event_id)};
}

SseFace::SseFace(Hub& hub, Replay& replay, SessionCheck session_holds, const Clock& clock,
                 SseOptions options, metrics::Registry& registry)
    : hub_(hub),
      options_(std::move(options)),
      closed_(closed_counters(registry)),
      context_{.replay = replay,
               .session_holds = std::move(session_holds),
               .clock = clock,
               .options = options_,
               .gaps = registry.counter("madang_realtime_gaps_total",
                                        "Messages that came before the one they follow"),
               .count_closed = [this](Closed reason) {
                 closed_[static_cast<std::size_t>(reason)]->Increment();
               }} {}

void SseFace::mount(http::Api& api) {
  api.add({http::Method::get,
           "/api/v1/events",
           http::Access::user,
           "What happens to me, as it happens (Server-Sent Events)",
           {.tag = "events",
            .content_type = "text/event-stream",
            .headers = {{"Last-Event-ID",
                         "The id of the last event that came: the stream goes on after it."}}}},
          *this, &SseFace::open);
}

Task<Result<http::Response>> SseFace::open(http::Call& call, EventsQuery query) {
  std::string_view id = call.request.header("last-event-id");
  if (id.empty() && query.last_event_id) id = *query.last_event_id;
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto signal = std::make_shared<Signal>(std::move(executor));
  Result<Subscription> subscription = hub_.subscribe(call.account(), signal);
  if (!subscription) co_return std::unexpected(std::move(subscription.error()));
  http::Response response{.content_type = "text/event-stream", .headers = std::move(call.headers)};
  response.with("Cache-Control", "no-store").with("X-Accel-Buffering", "no");
  response.body = std::shared_ptr<http::EventStream>(std::make_shared<SseStream>(
      context_, std::move(*subscription), std::move(signal), *call.principal, resume_from(id)));
  co_return response;
}

}  // namespace madang::realtime
