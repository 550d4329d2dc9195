#include "app/application.hpp"

#include <algorithm>
#include <limits>
#include <thread>

#include "app/account_hooks.hpp"
#include "app/event_routes.hpp"
#include "app/object_place.hpp"
#include "app/ops_routes.hpp"
#include "app/options.hpp"
#include "app/pages.hpp"
#include "app/redis_place.hpp"
#include "app/warm_up.hpp"
#include "app/web_assets.hpp"
#include "modules/identity/routes.hpp"
#include "modules/media/routes.hpp"
#include "modules/notifications/routes.hpp"
#include "modules/notifications/subscriber.hpp"
#include "modules/social/comments.hpp"
#include "modules/social/fan_out.hpp"
#include "modules/social/feed_metrics.hpp"
#include "modules/social/feed_store_memory.hpp"
#include "modules/social/feed_store_redis.hpp"
#include "modules/social/feeds.hpp"
#include "modules/social/moderation.hpp"
#include "modules/social/people.hpp"
#include "modules/social/post_cache_memory.hpp"
#include "modules/social/post_cache_redis.hpp"
#include "modules/social/posts.hpp"
#include "modules/social/ranking.hpp"
#include "platform/db/own_writes_redis.hpp"
#include "platform/events/dispatcher.hpp"
#include "platform/events/sequencer.hpp"
#include "platform/log/log.hpp"
#include "platform/realtime/sse.hpp"
#include "platform/runtime/housekeeper.hpp"
#include "platform/runtime/lag.hpp"

namespace madang::app {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Of this process, among those that hold leases.
std::string name_of(const Store& store) {
  return "node" + std::to_string(store.node());
}

/// In this process, or where other instances see them too.
std::unique_ptr<social::PostCacheStore> cached_posts(const config::Config& settings, Store& store,
                                                     redis::Client* redis) {
  if (redis != nullptr)
    return std::make_unique<social::RedisPostCache>(social::RedisPostCacheOptions{}, *redis,
                                                    store.db(), store.random(), store.registry());
  return std::make_unique<social::MemoryPostCache>(
      static_cast<std::size_t>(settings.integer("social.cached_posts")),
      static_cast<std::size_t>(settings.integer("social.cached_viewers")), store.registry());
}

std::unique_ptr<social::FeedStore> live_feeds(const config::Config& settings, Store& store,
                                              redis::Client* redis) {
  if (redis != nullptr)
    return std::make_unique<social::RedisFeedStore>(social::RedisFeedOptions{}, *redis,
                                                    store.clock());
  return std::make_unique<social::MemoryFeedStore>(social::MemoryFeedOptions{
      .max_entries = static_cast<std::size_t>(settings.integer("social.feed_entries"))});
}

/// How many followers make an author worth pulling; the shared store pulls nobody.
std::size_t pulled_from(const config::Config& settings, const redis::Client* redis) {
  if (redis != nullptr) return std::numeric_limits<std::size_t>::max();
  return static_cast<std::size_t>(settings.integer("social.pull_followers"));
}

}  // namespace

struct Application::Parts {
  Parts(const config::Config& config, Store& store, int inherited_socket);
  void mount();
  void keep_house();
  void start();
  void stop();

  const config::Config& config;
  Store& store;
  metrics::Registry& registry = store.registry();
  runtime::IoPool io;
  runtime::TaskGroup tasks{"application", registry};
  runtime::LagMonitor lag;
  RedisPlace redis;
  events::Outbox outbox{store.clock()};
  realtime::Hub hub;

  social::PostCache cache;
  std::unique_ptr<social::FeedStore> feed_store;
  AccountHooks hooks{cache, store.clock()};

  runtime::Bulkhead files;
  ObjectPlace objects;
  workers::WorkerPool workers;
  media::Processor pictures;
  media::Service media;
  media::Routes media_routes{media};

  identity::Passwords passwords;
  identity::SessionStore sessions;
  http::RateLimiter account_limiter;
  identity::Service identity;
  identity::Routes identity_routes;
  identity::Suspensions suspensions{store.db(), store.ids(), store.clock(),
                                    outbox,     sessions,    hooks};

  std::unique_ptr<db::RedisOwnWrites> own_writes;

  social::Context context{store.db(), store.ids(), store.clock(), outbox, cache};
  social::Feeds feeds{context, *feed_store, tasks, registry};
  WarmUp warm_up{store.db(), feeds, io, tasks, registry};
  social::Posts posts;
  social::Comments comments{context};
  social::People people;
  social::Ranking ranking;
  social::Moderation moderation{context};
  social::FanOutSubscriber fan_out;
  social::SharedFanOut shared_fan_out{fan_out};

  notifications::Service notifications;
  notifications::Routes notification_routes{notifications};
  notifications::Subscriber notifier;
  realtime::SseFace sse;

  events::Sequencer sequencer;
  // Feeds and live pages do not wait for the commits of durable subscribers.
  events::Dispatcher live_dispatcher;
  events::Dispatcher dispatcher;
  EventRoutes event_routes{store.db(), dispatcher, registry};
  OpsRoutes ops;
  http::Api api;
  http::Server server;
  runtime::Housekeeper housekeeper{registry};
  runtime::Housekeeper id_keeper{
      registry};  // on its own: no slow disk may keep ids from being given
  bool running = false;
};

Application::Parts::Parts(const config::Config& settings, Store& opened, int inherited_socket)
    : config(settings),
      store(opened),
      io(io_threads(settings)),
      lag(milliseconds(settings.integer("server.max_wait")), io, registry),
      redis(settings, store),
      hub({.total = static_cast<std::size_t>(settings.integer("realtime.streams"))}, registry),
      cache(store.db(), cached_posts(settings, store, redis.client())),
      feed_store(live_feeds(settings, store, redis.client())),
      files({.name = "files",
             .threads = file_threads(settings),
             .queue = 256,
             .max_wait = 10 * milliseconds(settings.integer("server.max_wait"))},
            registry),
      objects(settings, store),
      workers(worker_options(settings), registry),
      pictures({.threads = static_cast<int>(settings.integer("media.workers")),
                .alone = redis.client() == nullptr,
                .limits = image_limits(settings)},
               store.db(), objects.store(), workers, store.clock()),
      media(media_options(settings), store.db(), store.ids(), store.clock(), store.random(),
            objects.store(), files, pictures),
      passwords(password_options(settings), registry),
      sessions(store.db(), store.ids(), store.clock(), store.random(),
               {.life = settings.seconds("identity.session_life")}, tasks, registry),
      account_limiter(static_cast<std::size_t>(settings.integer("rate.keys")), registry),
      identity(store.db(), store.ids(), store.clock(), outbox, passwords, sessions, hooks,
               account_limiter,
               {.email_hash_key = store.folder().key_for("identity.email"),
                .sign_in_per_account = {"sign_in_account", settings.integer("rate.sign_in_account"),
                                        seconds(600)}}),
      identity_routes(identity, settings.text("http.public_url")),
      posts(context,
            [this](Id post, Id author, Time at) { return feeds.add_own(post, author, at); }),
      people(context, [this](Id account) { return feeds.follows_changed(account); }),
      ranking(context, settings.seconds("social.ranking_interval")),
      fan_out(context, *feed_store, {.min_followers = pulled_from(settings, redis.client())},
              {.hint = [this](std::span<const Id> accounts) { hub.hint(accounts, "feed.new"); },
               .listening = [this] { return hub.accounts(); }},
              registry),
      notifications(store.db(), store.clock(), hub),
      notifier(store.ids(), hub),
      sse(
          hub, notifications,
          [this](http::Principal who, Deadline deadline) { return sessions.holds(who, deadline); },
          store.clock(), {.heartbeat = settings.seconds("realtime.heartbeat")}, registry),
      sequencer(store.db(), {}, name_of(store), registry),
      live_dispatcher(store.db(), store.clock(), {.exclusive = redis.client() == nullptr},
                      name_of(store), registry),
      dispatcher(store.db(), store.clock(),
                 {.batch = 64,
                  .keep_dead = std::chrono::duration_cast<std::chrono::hours>(
                      settings.seconds("events.keep_dead")),
                  .exclusive = redis.client() == nullptr},
                 name_of(store), registry),
      ops(registry, settings.list("http.metrics_from")),
      api(api_options(settings), store.clock(), registry),
      // Uploads first, where they come to us; then the API.
      server(server_options(settings, inherited_socket),
             objects.entrance(settings, files, api, registry), io, registry) {
  mount();
  keep_house();
}

void Application::Parts::mount() {
  redis.connect(hub);
  if (redis.client() != nullptr) {
    own_writes = std::make_unique<db::RedisOwnWrites>(db::OwnWritesOptions{}, store.db(),
                                                      *redis.client(), tasks, registry);
    api.set_own_writes(*own_writes);
  }
  redis.share(api.limiter(), "rate");
  redis.share(account_limiter, "rate_account");
  api.set_authenticator(sessions);
  api.set_shedding([this](http::Method method) {
    const bool writes = method != http::Method::get && method != http::Method::head;
    return writes && store.db().refuses_writes();
  });
  identity_routes.mount(api);
  suspensions.mount(api);
  media_routes.mount(api);
  feeds.mount(api);
  posts.mount(api);
  ranking.mount(api);
  comments.mount(api);
  people.mount(api);
  moderation.mount(api);
  notification_routes.mount(api);
  sse.mount(api);
  event_routes.mount(api);
  ops.mount(api);
  ops.set_fault([this] { return store.db().write_fault(); });
  pictures.export_metrics(registry);
  const bool https = config.text("http.public_url").starts_with("https://");
  api.set_fallback(
      [https, policy = page_policy(objects.foreign_origin())](const http::Request& request) {
        return serve_page(request, web_assets(), https, policy);
      });
  social::export_feed_stats(*feed_store, registry);
  // Each fans out to its own feeds, or one to those of all.
  if (redis.client() == nullptr)
    live_dispatcher.add(fan_out);
  else
    live_dispatcher.add(shared_fan_out);
  dispatcher.add(notifier);
  const auto hand_out = [this] {
    live_dispatcher.wake();
    dispatcher.wake();
  };
  sequencer.on_numbered(hand_out);
  store.db().on_commit([this, hand_out] {
    if (outbox.take_appended()) sequencer.active() ? sequencer.wake() : hand_out();
  });
}

void Application::Parts::keep_house() {
  id_keeper.add("reserve_ids", milliseconds(100), [this] { store.reserve_ids(); });
  housekeeper.add("save_feed_marks", seconds(2), [this] { feeds.save_marks(); });
  housekeeper.add("sweep_feeds", seconds(1), [this] { feeds.sweep(); });
  housekeeper.add("identity", seconds(30), [this] { identity.sweep(); });
  housekeeper.add("suspensions", seconds(10), [this] { suspensions.sweep(); });
  housekeeper.add("media", seconds(20), [this] { media.sweep(); });
  housekeeper.add("notifications", seconds(60), [this] { notifications.sweep(); });
  // Chunk after chunk while there is something, for a bounded while: what comes in goes out.
  using Chunk = Result<std::int64_t> (*)(db::Transaction&, Time);
  const auto in_chunks = [this](Chunk chunk) {
    for (int chunks = 0; chunks < 200; ++chunks) {
      const auto removed = store.db().write_blocking(
          [&](db::Transaction& tx) { return chunk(tx, store.clock().now()); },
          db::Lane::background);
      if (removed.value_or(0) == 0) return;
    }
  };
  housekeeper.add("forget_answers", seconds(60), [in_chunks] {
    in_chunks([](db::Transaction& tx, Time now) -> Result<std::int64_t> {
      return http::forget_answers(tx, now, 500);
    });
  });
  housekeeper.add("purge_posts", seconds(5), [in_chunks] {
    in_chunks([](db::Transaction& tx, Time) -> Result<std::int64_t> {
      return social::purge_deleted(tx, 200);
    });
  });
}

void Application::Parts::start() {
  lag.start(tasks);
  pictures.start();
  sequencer.start();
  live_dispatcher.start();
  dispatcher.start();
  id_keeper.start();
  housekeeper.start();
  warm_up.run(milliseconds(config.integer("server.warm_up")));
  server.start();
  ops.set_ready(true);
  running = true;
}

void Application::Parts::stop() {
  if (!running) return;
  running = false;
  ops.set_ready(false);
  warm_up.stop();
  server.stop_accepting();
  hub.close_all();
  server.drain(config.seconds("http.drain_timeout"));
  lag.stop();
  if (own_writes) own_writes->close();
  tasks.wait();
  live_dispatcher.stop();
  dispatcher.stop();
  sequencer.stop();
  housekeeper.stop();
  id_keeper.stop();
  feeds.save_marks();
  workers.close(seconds(2));  // a picture that is interrupted is taken up by the next process
  pictures.stop();
  files.close();
  passwords.close();
  redis.close();
  store.close();  // completes whatever a coroutine still waits for
  io.stop();
}

Application::Application(const config::Config& config, Store& store, int inherited_socket)
    : parts_(std::make_unique<Parts>(config, store, inherited_socket)) {}
Application::~Application() {
  stop();
}

std::string Application::start() {
  parts_->start();
  return parts_->server.address();
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
