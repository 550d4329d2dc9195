// Uploads from the first call to the served picture: real store, endpoint, server, database and
// workers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <boost/json.hpp>
#include <filesystem>
#include <vips/vips8>

#include "../../../tests/support/http_client.hpp"
#include "../../../tests/support/uninstrumented_libraries.hpp"
#include "base/encoding.hpp"
#include "modules/media/routes.hpp"
#include "platform/db/migrations.hpp"
#include "platform/db/sqlite.hpp"
#include "platform/http/server.hpp"
#include "platform/objects/s3_endpoint.hpp"
#include "platform/workers/worker_main.hpp"

namespace madang::db {
extern const ModuleSchema http_schema;
extern const ModuleSchema media_schema;
}  // namespace madang::db

namespace madang::media {
namespace {

using namespace std::chrono_literals;
using test::Answer;
using testing::HasSubstr;
using vips::VImage;

/// The token is the account's id.
class TestAuthenticator final : public http::Authenticator {
 public:
  Task<Result<std::optional<http::Principal>>> authenticate(std::string_view token,
                                                            Deadline) override {
    const auto id = parse_id(token);
    std::optional<http::Principal> principal;
    if (id) principal = http::Principal{*id, 1, false};
    co_return principal;
  }
};

std::string picture(const char* suffix, int width = 800, int height = 400) {
  const VImage image = (VImage::black(width, height) + std::vector<double>{200, 60, 20})
                           .cast(VIPS_FORMAT_UCHAR)
                           .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  void* data = nullptr;
  std::size_t size = 0;
  image.write_to_buffer(suffix, &data, &size);
  std::string out(static_cast<const char*>(data), size);
  g_free(data);
  return out;
}

class MediaTest : public testing::Test {
 protected:
  MediaTest() { start(); }
  ~MediaTest() override {
    stop();
    std::filesystem::remove_all(root_);
  }

  void start(ServiceOptions options = {}, workers::Limits limits = imaging::image_limits()) {
    std::filesystem::create_directories(root_);
    ids_.extend(clock_.now() + std::chrono::days(30));
    io_ = std::make_unique<runtime::IoPool>(2);
    db_ = db::open_sqlite({.path = root_ / "store.db"}, registry_);
    const db::ModuleSchema* const schemas[] = {&db::http_schema, &db::media_schema};
    db::migrate(*db_, schemas);
    store_ = std::make_unique<objects::DiskStore>(
        objects::DiskOptions{
            .root = root_ / "objects", .free_floor = 0, .credentials = {"key", "secret"}},
        clock_);
    files_ = std::make_unique<runtime::Bulkhead>(
        runtime::Bulkhead::Options{.name = "files", .threads = 2}, registry_);
    workers::PoolOptions pool;
    pool.name = "image";
    pool.arguments = {"worker", worker_mode_};
    pool.first_backoff = 1ms;
    pool.max_backoff = 1ms;
    pool_ = std::make_unique<workers::WorkerPool>(pool, registry_);
    ProcessorOptions processor;
    processor.limits = limits;
    processor_ = std::make_unique<Processor>(processor, *db_, *store_, *pool_, clock_);
    service_ = std::make_unique<Service>(options, *db_, ids_, clock_, random_, *store_, *files_,
                                         *processor_);
    routes_ = std::make_unique<Routes>(*service_);
    api_ = std::make_unique<http::Api>(http::ApiOptions{}, clock_, registry_);
    api_->set_authenticator(authenticator_);
    routes_->mount(*api_);
    endpoint_ = std::make_unique<objects::S3Endpoint>(objects::S3Options{}, *store_, *files_, *api_,
                                                      registry_);
    http::ServerOptions server;
    server.port = 0;
    server_ = std::make_unique<http::Server>(server, *endpoint_, *io_, registry_);
    server_->start();
    processor_->start();
    host_ = "127.0.0.1:" + std::to_string(server_->port());
  }

  /// In the order of a real stop, or as near to a crash as one process allows: what was being
  /// worked on is cut.
  void stop() {
    if (!server_) return;
    server_->stop_accepting();
    pool_->close();
    processor_->stop();
    server_->drain(5s);
    files_->close();
    db_->close();
    server_.reset();
    endpoint_.reset();
    api_.reset();
    routes_.reset();
    service_.reset();
    processor_.reset();
    pool_.reset();
    files_.reset();
    store_.reset();
    db_.reset();
    io_.reset();
  }

  Answer ask(std::string_view method, std::string_view target, std::string_view headers,
             std::string_view body = {}) {
    test::Client client(server_->port());
    client.send(std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: " + host_ +
                "\r\n" + std::string(headers) + "Content-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + std::string(body));
    return client.receive();
  }
  Answer call(std::string_view method, std::string_view path, Id who, std::string_view body = {},
              std::string_view more = {}) {
    return ask(method, "/api/v1" + std::string(path),
               "Authorization: Bearer " + std::to_string(who) + "\r\n" + std::string(more) +
                   (body.empty() ? "" : "Content-Type: application/json\r\n"),
               body);
  }
  Answer open(Id who, std::size_t bytes, std::string_view type = "image/png",
              std::string_view purpose = "post", std::string_view more = {}) {
    return call("POST", "/media", who,
                R"({"content_type":")" + std::string(type) + R"(","bytes":)" +
                    std::to_string(bytes) + R"(,"purpose":")" + std::string(purpose) + "\"}",
                more);
  }
  static boost::json::value json_of(const Answer& answer) {
    boost::system::error_code error;
    auto value = boost::json::parse(answer.body, error);
    EXPECT_FALSE(error) << answer.head << answer.body;
    return value;
  }
  static std::string text(const Answer& answer, std::string_view name) {
    const auto value = json_of(answer);
    const auto* found = value.is_object() ? value.as_object().if_contains(name) : nullptr;
    return found != nullptr && found->is_string() ? std::string(found->as_string()) : "";
  }
  static Id id_of(const Answer& answer) { return json_of(answer).at("id").to_number<Id>(); }

  Answer put(const Answer& ticket, std::string_view body, std::string_view type = "image/png") {
    const auto upload = json_of(ticket).at("upload");
    const std::string url(upload.at("url").as_string());
    const std::string origin = "http://" + host_;
    EXPECT_TRUE(url.starts_with(origin)) << url;
    return ask("PUT", url.substr(origin.size()), "Content-Type: " + std::string(type) + "\r\n",
               body);
  }
  /// Opened and uploaded, not completed.
  Id uploaded(Id who, std::string_view body, std::string_view type = "image/png",
              std::string_view purpose = "post") {
    const Answer ticket = open(who, body.size(), type, purpose);
    EXPECT_EQ(ticket.status, 201u) << ticket.body;
    EXPECT_EQ(put(ticket, body, type).status, 200u);
    return id_of(ticket);
  }
  Answer complete(Id who, Id id) {
    return call("POST", "/media/" + std::to_string(id) + "/complete", who);
  }
  /// Completed, however long it takes.
  Answer finished(Id who, Id id) {
    Answer answer = complete(who, id);
    while (answer.status == 202) answer = complete(who, id);
    return answer;
  }
  Id ready(Id who, std::string_view body = {}, std::string_view purpose = "post") {
    const std::string image = body.empty() ? picture(".png", 40, 20) : std::string(body);
    const Id id = uploaded(who, image, "image/png", purpose);
    const Answer answer = finished(who, id);
    EXPECT_EQ(answer.status, 200u) << answer.body;
    return id;
  }
  template <class F>
  auto write(F body) {
    return db_->write_blocking(std::move(body));
  }
  std::string claim_code(Id owner, std::vector<Id> ids, Purpose purpose, Id user) {
    const auto result = write([&](db::Transaction& tx) -> Result<void> {
      return claim(tx, owner, ids, purpose, user, clock_.now());
    });
    return result ? "ok" : std::string(result.error().code);
  }
  std::map<Id, View> views_of(std::vector<Id> ids) {
    return *db_->read_blocking(
        [&](db::Transaction& tx) -> Result<std::map<Id, View>> { return views(tx, ids); });
  }
  std::size_t files_in(const char* folder) {
    std::size_t count = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             root_ / "objects" / "objects" / folder, ignored))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }

  static std::filesystem::path fresh() {
    static std::atomic<int> next = 0;
    return std::filesystem::temp_directory_path() /
           ("madang-media-" + std::to_string(::getpid()) + "-" + std::to_string(next++));
  }
  const std::filesystem::path root_ = fresh();
  std::string worker_mode_ = "image";  // see main()
  ManualClock clock_{*parse_rfc3339("2026-11-21T10:00:00Z")};
  IdGenerator ids_{clock_, 1, clock_.now()};
  SystemRandom random_;
  metrics::Registry registry_;
  TestAuthenticator authenticator_;
  std::unique_ptr<runtime::IoPool> io_;
  std::unique_ptr<db::Database> db_;
  std::unique_ptr<objects::DiskStore> store_;
  std::unique_ptr<runtime::Bulkhead> files_;
  std::unique_ptr<workers::WorkerPool> pool_;
  std::unique_ptr<Processor> processor_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Routes> routes_;
  std::unique_ptr<http::Api> api_;
  std::unique_ptr<objects::S3Endpoint> endpoint_;
  std::unique_ptr<http::Server> server_;
  std::string host_;
};

TEST_F(MediaTest, FromTicketToServedPicture) {
  const std::string image = picture(".png");
  const Answer ticket = open(7, image.size());
  ASSERT_EQ(ticket.status, 201u) << ticket.body;
  EXPECT_THAT(ticket.body, HasSubstr(R"("method":"PUT")"));
  EXPECT_THAT(ticket.body, HasSubstr(R"("headers":{"Content-Type":"image/png"})"));
  EXPECT_THAT(ticket.body, HasSubstr(R"("expires_at":"2026-11-21T10:10:00.000Z")"));
  const Id id = id_of(ticket);
  const std::string path = "/media/" + std::to_string(id);
  EXPECT_EQ(text(call("GET", path, 7), "state"), "waiting");
  const Answer early = complete(7, id);
  EXPECT_EQ(early.status, 422u);
  EXPECT_EQ(text(early, "code"), "not_uploaded");
  ASSERT_EQ(put(ticket, image).status, 200u);
  const Answer done = finished(7, id);
  ASSERT_EQ(done.status, 200u) << done.body;
  EXPECT_EQ(text(done, "state"), "ready");
  EXPECT_EQ(json_of(done).at("width").as_int64(), 800);
  EXPECT_EQ(json_of(done).at("height").as_int64(), 400);
  EXPECT_EQ(json_of(done).at("variants").as_array().size(), 6u);
  EXPECT_EQ(call("GET", path, 7).body, done.body);
  const Answer served = ask("GET", text(done, "url"), "");
  EXPECT_EQ(served.status, 200u);
  EXPECT_TRUE(served.body.starts_with("\xff\xd8\xff"));
  EXPECT_THAT(served.head, HasSubstr("Content-Type: image/jpeg\r\n"));
  EXPECT_THAT(served.head, HasSubstr("Cache-Control: public, max-age=31536000, immutable\r\n"));
  EXPECT_THAT(served.head, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(served.head, HasSubstr("Content-Security-Policy: sandbox; default-src 'none'\r\n"));
  const auto etag = served.head.substr(served.head.find("ETag: ") + 6, 34);
  EXPECT_EQ(ask("GET", text(done, "url"), "If-None-Match: " + etag + "\r\n").status, 304u);
  EXPECT_EQ(files_in("incoming"), 0u) << "what was copied is gone from where it can be overwritten";
}

TEST_F(MediaTest, CompletingAgainIsTheSameAnswer) {
  const Id id = uploaded(7, picture(".jpg"), "image/jpeg");
  const Answer first = finished(7, id);
  EXPECT_EQ(first.status, 200u);
  EXPECT_EQ(finished(7, id).body, first.body);
}

TEST_F(MediaTest, AnotherUploadAfterCompletionChangesNothing) {
  const std::string image = picture(".png");
  const Answer ticket = open(7, image.size());
  ASSERT_EQ(put(ticket, image).status, 200u);
  const Answer done = finished(7, id_of(ticket));
  const std::string before = ask("GET", text(done, "url"), "").body;
  std::string other = image;
  other.back() ^= 1;
  EXPECT_EQ(put(ticket, other).status, 200u) << "the URL is valid until it expires";
  EXPECT_EQ(finished(7, id_of(ticket)).body, done.body);
  EXPECT_EQ(ask("GET", text(done, "url"), "").body, before);
}

TEST_F(MediaTest, OthersDoNotSeeItUntilItIsUsed) {
  const Id id = ready(7);
  const std::string path = "/media/" + std::to_string(id);
  EXPECT_EQ(call("GET", path, 8).status, 404u);
  EXPECT_EQ(complete(8, id).status, 404u);
  EXPECT_EQ(claim_code(7, {id}, Purpose::post, 100), "ok");
  EXPECT_EQ(call("GET", path, 8).status, 200u);
  EXPECT_EQ(complete(8, id).status, 404u);
  EXPECT_EQ(ask("GET", "/api/v1" + path, "").status, 401u);
  EXPECT_EQ(call("GET", "/media/999", 7).status, 404u);
}

TEST_F(MediaTest, BadAnnouncementsAreRefused) {
  for (const std::string_view type :
       {"image/gif", "image/svg+xml", "text/html", "", "image/png\\n"})
    EXPECT_EQ(open(7, 100, type).status, 422u) << type;
  EXPECT_EQ(open(7, 0).status, 422u);
  EXPECT_EQ(open(7, (10u << 20) + 1).status, 422u);
  EXPECT_EQ(open(7, 10u << 20).status, 201u);
  EXPECT_EQ(open(7, 100, "image/png", "nonsense").status, 422u);
  EXPECT_EQ(call("POST", "/media", 7, "{}").status, 422u);
}

TEST_F(MediaTest, WhatIsNoPictureIsRefusedByName) {
  const std::string html = "<!doctype html><script>alert(1)</script>";
  Id id = uploaded(7, html);
  Answer answer = finished(7, id);
  EXPECT_EQ(answer.status, 422u);
  EXPECT_EQ(text(answer, "code"), "not_an_image");
  answer = call("GET", "/media/" + std::to_string(id), 7);
  EXPECT_EQ(text(answer, "state"), "refused");
  EXPECT_EQ(text(answer, "reason"), "not_an_image");
  id = uploaded(7, picture(".jpg"), "image/png");  // not what it claims
  EXPECT_EQ(text(finished(7, id), "code"), "not_an_image");
  id = uploaded(7, picture(".png").substr(0, 400));
  EXPECT_EQ(text(finished(7, id), "code"), "not_an_image");
  EXPECT_EQ(text(call("GET", "/media/" + std::to_string(id), 7), "reason"), "damaged");
  id = uploaded(7, picture(".png", 12'001, 2));
  EXPECT_EQ(text(finished(7, id), "code"), "too_large");
  EXPECT_EQ(claim_code(7, {id}, Purpose::post, 100), "media_not_ready");
  EXPECT_EQ(files_in("originals"), 0u);
  EXPECT_EQ(files_in("incoming"), 0u);
}

TEST_F(MediaTest, OpenUploadsAreBounded) {
  stop();
  ServiceOptions options;
  options.max_uploading = 3;
  start(options);
  Answer last;
  for (int i = 0; i < 3; ++i) EXPECT_EQ((last = open(7, 100)).status, 201u);
  const Answer refused = open(7, 100);
  EXPECT_EQ(refused.status, 429u);
  EXPECT_EQ(text(refused, "code"), "too_many_uploads");
  EXPECT_THAT(refused.head, HasSubstr("Retry-After: "));
  EXPECT_EQ(open(8, 100).status, 201u);
}

TEST_F(MediaTest, ARepeatedKeyGivesTheSameTicket) {
  const Answer first = open(7, 100, "image/png", "post", "Idempotency-Key: \"one\"\r\n");
  const Answer again = open(7, 100, "image/png", "post", "Idempotency-Key: \"one\"\r\n");
  EXPECT_EQ(first.status, 201u);
  EXPECT_EQ(again.status, 201u);
  EXPECT_EQ(first.body, again.body);
}

TEST_F(MediaTest, ClaimsAreOwnReadyAndOnce) {
  const Id mine = ready(7), other = ready(8), avatar = ready(7, {}, "avatar");
  const Id waiting = uploaded(7, picture(".png"));
  EXPECT_EQ(claim_code(7, {mine, other}, Purpose::post, 100), "media_not_yours");
  EXPECT_EQ(claim_code(7, {mine, 12345}, Purpose::post, 100), "media_not_yours");
  EXPECT_EQ(claim_code(7, {mine, waiting}, Purpose::post, 100), "media_not_ready");
  EXPECT_EQ(claim_code(7, {mine, avatar}, Purpose::post, 100), "media_not_ready");
  EXPECT_EQ(claim_code(7, {mine}, Purpose::post, 100), "ok") << "failed claims had changed nothing";
  EXPECT_EQ(claim_code(7, {mine}, Purpose::post, 101), "media_not_ready");
  EXPECT_EQ(claim_code(7, {mine}, Purpose::post, 100), "ok");
  EXPECT_EQ(claim_code(7, {avatar}, Purpose::avatar, 7), "ok");
  EXPECT_EQ(claim_code(7, {}, Purpose::post, 100), "ok");
}

TEST_F(MediaTest, RacingClaimsHaveOneWinner) {
  const Id id = ready(7);
  std::atomic<int> winners = 0;
  {
    std::vector<std::jthread> threads;
    for (Id user = 100; user < 108; ++user)
      threads.emplace_back(
          [&, user] { winners += claim_code(7, {id}, Purpose::post, user) == "ok"; });
  }
  EXPECT_EQ(winners, 1);
}

TEST_F(MediaTest, ViewsAreOneStatement) {
  std::vector<Id> ids{ready(7), ready(7), ready(7), 999};
  ids.push_back(uploaded(7, picture(".png")));
  const auto counted = *db_->read_blocking([&](db::Transaction& tx) -> Result<std::int64_t> {
    views(tx, ids);
    return tx.statements();
  });
  EXPECT_EQ(counted, 1);
  const auto seen = views_of(ids);
  ASSERT_EQ(seen.size(), 3u);
  const View& view = seen.at(ids[0]);
  EXPECT_EQ(view.width, 40);
  EXPECT_TRUE(view.url.ends_with("/w40.jpg")) << view.url;
  EXPECT_EQ(view.variants.size(), 2u);
}

TEST_F(MediaTest, ReleasedPicturesGoWithTheirObjects) {
  const Id id = ready(7), kept = ready(7);
  const std::string url = views_of({id}).at(id).url;
  EXPECT_EQ(claim_code(7, {id}, Purpose::post, 100), "ok");
  EXPECT_EQ(claim_code(7, {kept}, Purpose::post, 101), "ok");
  (void)write([&](db::Transaction& tx) -> Result<void> {
    release(tx, 100, clock_.now());
    return {};
  });
  EXPECT_TRUE(views_of({id}).empty());
  service_->sweep();
  EXPECT_EQ(ask("GET", url, "").status, 404u);
  EXPECT_EQ(ask("GET", views_of({kept}).at(kept).url, "").status, 200u);
  EXPECT_EQ(files_in("media"), 2u);
  EXPECT_EQ(files_in("originals"), 1u);
  EXPECT_EQ(call("GET", "/media/" + std::to_string(id), 7).status, 404u);
  service_->sweep();
}

TEST_F(MediaTest, ANewAvatarReplacesTheOldOne) {
  const Id first = ready(7, {}, "avatar"), second = ready(7, {}, "avatar");
  const auto set = [&](Id id) {
    return write([&](db::Transaction& tx) -> Result<void> {
      auto claimed = claim(tx, 7, std::span(&id, 1), Purpose::avatar, 7, clock_.now());
      if (claimed) release_others(tx, 7, id, clock_.now());
      return claimed;
    });
  };
  ASSERT_TRUE(set(first));
  ASSERT_TRUE(set(second));
  ASSERT_TRUE(set(second)) << "again";
  EXPECT_TRUE(views_of({first}).empty());
  EXPECT_TRUE(views_of({second}).at(second).url.ends_with("/s20.jpg"));
}

TEST_F(MediaTest, WhatNobodyUsesGoesAfterADay) {
  const Id used = ready(7), unused = ready(7), waiting = uploaded(7, picture(".png"));
  EXPECT_EQ(claim_code(7, {used}, Purpose::post, 100), "ok");
  clock_.advance(23h);
  service_->sweep();
  EXPECT_EQ(call("GET", "/media/" + std::to_string(unused), 7).status, 200u);
  clock_.advance(2h);
  const Id young = ready(7);
  service_->sweep();
  EXPECT_EQ(call("GET", "/media/" + std::to_string(used), 7).status, 200u);
  EXPECT_EQ(call("GET", "/media/" + std::to_string(young), 7).status, 200u);
  EXPECT_EQ(call("GET", "/media/" + std::to_string(unused), 7).status, 404u);
  EXPECT_EQ(call("GET", "/media/" + std::to_string(waiting), 7).status, 404u);
  EXPECT_EQ(files_in("incoming"), 0u);
  EXPECT_EQ(files_in("media"), 4u);
}

TEST_F(MediaTest, ErasureLeavesNothing) {
  const Id mine = ready(7), others = ready(8);
  uploaded(7, picture(".png"));
  EXPECT_EQ(claim_code(7, {mine}, Purpose::post, 100), "ok");
  const auto erase_some = [&] {
    return *write(
        [&](db::Transaction& tx) -> Result<bool> { return erase(tx, 7, 1, clock_.now()); });
  };
  EXPECT_FALSE(erase_some());
  EXPECT_FALSE(erase_some());
  service_->sweep();
  EXPECT_TRUE(erase_some());
  EXPECT_EQ(files_in("incoming"), 0u);
  EXPECT_EQ(files_in("originals"), 1u);
  EXPECT_EQ(call("GET", "/media/" + std::to_string(others), 8).status, 200u);
}

TEST_F(MediaTest, PrivatePicturesHaveOnlySignedUrls) {
  const Id id = ready(7, {}, "selfie");
  const Answer answer = call("GET", "/media/" + std::to_string(id), 7);
  const std::string url = text(answer, "url");
  ASSERT_TRUE(url.starts_with("http://" + host_ + "/objects/madang/private/")) << url;
  const std::string path = url.substr(("http://" + host_).size());
  EXPECT_EQ(ask("GET", path, "").status, 200u);
  EXPECT_EQ(ask("GET", path.substr(0, path.find('?')), "").status, 403u);
  const std::string folder = path.substr(path.find("/private/") + 9);
  EXPECT_EQ(ask("GET", "/media/" + folder.substr(0, folder.find('?')), "").status, 404u);
  EXPECT_EQ(claim_code(7, {id}, Purpose::selfie, 100), "ok");
  EXPECT_EQ(call("GET", "/media/" + std::to_string(id), 8).status, 404u);
  EXPECT_TRUE(views_of({id}).empty());
  clock_.advance(601s);
  EXPECT_EQ(ask("GET", path, "").status, 403u);
}

TEST_F(MediaTest, OriginalsAndOddNamesAreNotServed) {
  const Id id = ready(7);
  const std::string url = views_of({id}).at(id).url;
  const std::string folder = url.substr(7, url.rfind('/') - 7);
  const std::vector<std::string> paths{"/media/" + folder + "/original",
                                       "/media/..%2foriginals/" + folder,
                                       "/media/%2e%2e/" + folder,
                                       "/media/" + folder + "/w40.jpg%00",
                                       "/media/" + folder + "/..%2f..%2foriginals%2f" + folder,
                                       "/media/x/y"};
  for (const std::string& path : paths) EXPECT_EQ(ask("GET", path, "").status, 404u) << path;
}

TEST_F(MediaTest, WhatWasBeingProcessedAtACrashIsTakenUpAtStart) {
  stop();
  worker_mode_ = "hang";
  ServiceOptions options;
  options.moment = 10ms;
  start(options);
  const Id id = uploaded(7, picture(".png", 40, 20));
  const Answer answer = complete(7, id);
  EXPECT_EQ(answer.status, 202u);
  EXPECT_EQ(text(answer, "state"), "processing");
  EXPECT_EQ(text(call("GET", "/media/" + std::to_string(id), 7), "state"), "processing");
  for (int restarts = 0; restarts < 6; ++restarts) {  // more than tries: a stop is not its fault
    stop();
    start(options);
    EXPECT_EQ(complete(7, id).status, 202u);
  }
  stop();
  worker_mode_ = "image";
  start(options);
  std::string state;
  while ((state = text(call("GET", "/media/" + std::to_string(id), 7), "state")) == "processing")
    std::this_thread::sleep_for(5ms);
  EXPECT_EQ(state, "ready");
}

TEST_F(MediaTest, APictureThatKillsItsWorkersIsRefusedInTheEnd) {
  stop();
  worker_mode_ = "crash";
  start();
  const Id id = uploaded(7, picture(".png", 40, 20));
  const Answer answer = finished(7, id);
  EXPECT_EQ(answer.status, 422u) << answer.body;
  EXPECT_EQ(text(call("GET", "/media/" + std::to_string(id), 7), "reason"), "damaged");
}

TEST_F(MediaTest, ManyAtOnceAllArrive) {
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> people;
    for (Id who = 1; who <= 6; ++who)
      people.emplace_back([&, who] {
        for (int i = 0; i < 3; ++i) {
          const std::string image = picture(".png", 60 + static_cast<int>(who), 30 + i);
          const Id id = uploaded(who, image);
          std::jthread twice([&] { (void)complete(who, id); });
          good += finished(who, id).status == 200;
        }
      });
  }
  EXPECT_EQ(good, 18);
}

}  // namespace

Result<imaging::Bytes> hang(imaging::BytesView, workers::Progress&) {
  for (;;) ::pause();
}

Result<imaging::Bytes> crash(imaging::BytesView, workers::Progress&) {
  ::_exit(1);
}

/// The worker this program is when it is started as one.
int play_worker(std::string_view mode) {
  const std::string name(imaging::image_function);
  if (mode == "hang") return workers::serve_jobs(3, {{name, hang}});
  if (mode == "crash") return workers::serve_jobs(3, {{name, crash}});
  return workers::serve_jobs(3, {{name, imaging::process_image}}, imaging::prepare_imaging);
}

}  // namespace madang::media

int main(int argc, char** argv) {
  if (argc > 2 && std::string_view(argv[1]) == "worker") return madang::media::play_worker(argv[2]);
  testing::InitGoogleMock(&argc, argv);
  madang::imaging::prepare_imaging();
  return RUN_ALL_TESTS();
}
