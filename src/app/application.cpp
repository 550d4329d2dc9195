#include "app/application.hpp"

#include <algorithm>
#include <thread>

#include "app/ops_routes.hpp"
#include "app/pages.hpp"
#include "app/web_assets.hpp"
#include "modules/identity/routes.hpp"
#include "modules/social/comments.hpp"
#include "modules/social/fan_out.hpp"
#include "modules/social/feed_store_memory.hpp"
#include "modules/social/feeds.hpp"
#include "modules/social/moderation.hpp"
#include "modules/social/people.hpp"
#include "modules/social/posts.hpp"
#include "modules/social/ranking.hpp"
#include "modules/social/upkeep.hpp"
#include "platform/events/dispatcher.hpp"
#include "platform/http/server.hpp"
#include "platform/log/log.hpp"
#include "platform/realtime/hub.hpp"
#include "platform/runtime/housekeeper.hpp"

namespace madang::app {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

http::ApiOptions api_options(const config::Config& config) {
  http::ApiOptions options{.public_url = config.text("http.public_url")};
  options.read.quota = config.integer("rate.reads");
  options.write.quota = config.integer("rate.writes");
  options.special = {{"sign_up", config.integer("rate.sign_up"), seconds(600)},
                     {"sign_in", config.integer("rate.sign_in"), seconds(600)}};
  options.rate_keys = static_cast<std::size_t>(config.integer("rate.keys"));
  return options;
}

http::ServerOptions server_options(const config::Config& config) {
  http::ServerOptions options;
  const std::string& listen = config.text("http.listen");
  const auto colon = listen.rfind(':');
  const int port = colon == listen.npos ? -1 : std::atoi(listen.c_str() + colon + 1);
  if (port < 0 || port > 65535)
    throw std::runtime_error("http.listen must be HOST:PORT, not " + listen);
  options.host = listen.substr(0, colon);
  options.port = static_cast<std::uint16_t>(port);
  options.max_connections = static_cast<std::size_t>(config.integer("http.max_connections"));
  options.head_timeout = config.seconds("http.head_timeout");
  options.idle_timeout = config.seconds("http.idle_timeout");
  options.request_timeout = config.seconds("http.request_timeout");
  options.trusted_proxies = config.list("http.trusted_proxies");
  return options;
}

int io_threads(const config::Config& config) {
  const auto wanted = static_cast<int>(config.integer("http.threads"));
  return wanted != 0 ? wanted
                     : std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 2);
}

/// What identity asks of the modules above it.
class Hooks final : public identity::AccountHooks {
 public:
  Hooks(social::PostCache& cache, const Clock& clock) : cache_(cache), clock_(clock) {}

  void created(db::Transaction& tx, Id account) override { social::insert_profile(tx, account); }
  void withdrawn(db::Transaction& tx, Id account) override {
    social::set_profile_visible(tx, account, false);
  }
  Result<std::string> claim_avatar(db::Transaction& tx, Id account, Id media) override {
    auto claimed = media::claim(tx, account, std::span(&media, 1), media::Purpose::avatar, account,
                                clock_.now());
    if (!claimed) return std::unexpected(claimed.error());
    const auto views = media::views(tx, std::span(&media, 1));
    return views.at(media).url;
  }
  void changed(Id account) override {
    cache_.forget_author(account);
    cache_.forget_viewer(account);
  }
  bool erase(db::Transaction& tx, Id account, std::int64_t limit) override {
    const Time now = clock_.now();
    return social::erase_account(tx, account, limit, now) && media::erase(tx, account, limit, now);
  }

 private:
  social::PostCache& cache_;
  const Clock& clock_;
};

}  // namespace

struct Application::Parts {
  Parts(const config::Config& config, Store& store);
  void mount();
  void keep_house();
  void start();
  void stop();

  const config::Config& config;
  Store& store;
  metrics::Registry& registry = store.registry();
  runtime::IoPool io;
  runtime::TaskGroup tasks{"application", registry};
  events::Outbox outbox{store.clock()};
  realtime::Hub hub;

  social::PostCache cache;
  social::MemoryFeedStore feed_store;
  Hooks hooks{cache, store.clock()};

  identity::Passwords passwords;
  identity::SessionStore sessions;
  http::RateLimiter account_limiter;
  identity::Service identity;
  identity::Routes identity_routes;

  social::Context context{store.db(), store.ids(), store.clock(), outbox, cache};
  social::Feeds feeds{context, feed_store, tasks, registry};
  social::Posts posts;
  social::Comments comments{context};
  social::People people;
  social::Ranking ranking;
  social::Moderation moderation{context};
  social::FanOutSubscriber fan_out;

  events::Dispatcher dispatcher;
  OpsRoutes ops;
  http::Api api;
  http::Server server;
  runtime::Housekeeper housekeeper{registry};
  bool running = false;
};

Application::Parts::Parts(const config::Config& settings, Store& opened)
    : config(settings),
      store(opened),
      io(io_threads(settings)),
      hub({.total = static_cast<std::size_t>(settings.integer("realtime.streams"))}, registry),
      cache(store.db(), static_cast<std::size_t>(settings.integer("social.cached_posts")),
            static_cast<std::size_t>(settings.integer("social.cached_viewers")), registry),
      feed_store(
          {.max_entries = static_cast<std::size_t>(settings.integer("social.feed_entries"))}),
      passwords({.passes = static_cast<std::uint64_t>(settings.integer("identity.password_passes")),
                 .memory = static_cast<std::size_t>(settings.bytes("identity.password_memory")),
                 .threads = static_cast<int>(settings.integer("identity.password_threads"))},
                registry),
      sessions(store.db(), store.ids(), store.clock(), store.random(),
               {.life = settings.seconds("identity.session_life")}, tasks, registry),
      account_limiter(static_cast<std::size_t>(settings.integer("rate.keys")), registry),
      identity(store.db(), store.ids(), store.clock(), outbox, passwords, sessions, hooks,
               account_limiter,
               {.email_hash_key = store.folder().key_for("identity.email"),
                .sign_in_per_account = {"sign_in_account", settings.integer("rate.sign_in_account"),
                                        seconds(600)}}),
      identity_routes(identity, settings.text("http.public_url")),
      posts(context, [this](Id post, Id author, Time at) { feeds.add_own(post, author, at); }),
      people(context, [this](Id account) { feeds.follows_changed(account); }),
      ranking(context, settings.seconds("social.ranking_interval")),
      fan_out(
          context, feed_store,
          {.min_followers = static_cast<std::size_t>(settings.integer("social.pull_followers"))},
          {.hint = [this](std::span<const Id> accounts) { hub.hint(accounts, "feed.new"); },
           .listening = [] { return std::vector<Id>(); }},
          registry),
      dispatcher(store.db(), store.clock(), {}, "node0", registry),
      ops(registry, settings.list("http.metrics_from")),
      api(api_options(settings), store.clock(), registry),
      server(server_options(settings), api, io, registry) {
  mount();
  keep_house();
}

void Application::Parts::mount() {
  api.set_authenticator(sessions);
  identity_routes.mount(api);
  feeds.mount(api);
  posts.mount(api);
  ranking.mount(api);
  comments.mount(api);
  people.mount(api);
  moderation.mount(api);
  ops.mount(api);
  api.set_fallback([](const http::Request& request) { return serve_page(request, web_assets()); });
  dispatcher.add(fan_out);
  store.db().on_commit([this] {
    if (outbox.take_appended()) dispatcher.wake();
  });
}

void Application::Parts::keep_house() {
  housekeeper.add("reserve_ids", milliseconds(250), [this] { store.reserve_ids(); });
  housekeeper.add("save_feed_marks", seconds(2), [this] { feeds.save_marks(); });
  housekeeper.add("sweep_feeds", seconds(1), [this] { feeds.sweep(); });
  housekeeper.add("identity", seconds(30), [this] { identity.sweep(); });
  housekeeper.add("forget_answers", seconds(60), [this] {
    (void)store.db().write_blocking(
        [this](db::Transaction& tx) -> Result<std::int64_t> {
          return http::forget_answers(tx, store.clock().now(), 1000);
        },
        db::Lane::background);
  });
  housekeeper.add("purge_posts", seconds(5), [this] {
    for (int chunks = 0; chunks < 20; ++chunks) {
      const auto removed = store.db().write_blocking(
          [](db::Transaction& tx) -> Result<std::int64_t> {
            return social::purge_deleted(tx, 200);
          },
          db::Lane::background);
      if (removed.value_or(0) == 0) return;
    }
  });
}

void Application::Parts::start() {
  dispatcher.start();
  housekeeper.start();
  server.start();
  ops.set_ready(true);
  running = true;
}

void Application::Parts::stop() {
  if (!running) return;
  running = false;
  ops.set_ready(false);
  server.stop_accepting();
  hub.close_all();
  server.drain(config.seconds("http.drain_timeout"));
  tasks.wait();
  dispatcher.stop();
  housekeeper.stop();
  feeds.save_marks();
  passwords.close();
  store.db().close();  // completes whatever a coroutine still waits for
  io.stop();
}

Application::Application(const config::Config& config, Store& store)
    : parts_(std::make_unique<Parts>(config, store)) {}
Application::~Application() {
  stop();
}

std::string Application::start() {
  parts_->start();
  const std::string& listen = parts_->config.text("http.listen");
  return listen.substr(0, listen.rfind(':')) + ":" + std::to_string(parts_->server.port());
}

void Application::stop() {
  parts_->stop();
}
std::string Application::openapi() const {
  return parts_->api.openapi();
}
identity::Service& Application::identity() {
  return parts_->identity;
}

}  // namespace madang::app
