// Uploads from the first call to the served picture: real store, endpoint, server, database and
// workers. The test program plays the workers itself (media_workers_test.cpp).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <boost/json.hpp>
#include <filesystem>
#include <vips/vips8>

#include "../../../tests/support/http_client.hpp"
#include "../../../tests/support/test_database.hpp"
#include "base/encoding.hpp"
#include "modules/media/routes.hpp"
#include "platform/db/migrations.hpp"
#include "platform/http/server.hpp"
#include "platform/objects/s3_endpoint.hpp"

namespace madang::db {
extern const ModuleSchema http_schema;
extern const ModuleSchema media_schema;
}  // namespace madang::db

namespace madang::media {

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

inline std::string picture(const char* suffix, int width = 800, int height = 400) {
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
    db_ = db::open_test_database(root_ / "store.db", registry_);
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

}  // namespace madang::media
