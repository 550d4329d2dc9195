#include "app/object_place.hpp"

#include <stdexcept>

#include "app/application.hpp"
#include "app/options.hpp"
#include "platform/log/log.hpp"

namespace madang::app {

namespace {

constexpr std::chrono::seconds first_answer{5};

}  // namespace

std::unique_ptr<objects::S3Store> open_s3(const config::Config& config, const Clock& clock,
                                          Random& random, metrics::Registry& registry) {
  auto options = s3_store_options(config);
  try {
    auto s3 = std::make_unique<objects::S3Store>(std::move(options), clock, random, registry);
    const auto answers = s3->check(Deadline::after(first_answer));
    if (answers) return s3;
    if (answers.error().code == "s3_misconfigured")
      throw std::runtime_error("objects: " + answers.error().detail);
    log::warn("objects", "s3_away", {{"detail", std::string_view(answers.error().detail)}});
    return s3;
  } catch (const std::invalid_argument& wrong) {
    throw std::runtime_error(std::string("objects: ") + wrong.what());
  }
}

ObjectPlace::ObjectPlace(const config::Config& config, Store& store) {
  if (config.text("objects.url").empty()) {
    store_ =
        std::make_unique<objects::DiskStore>(disk_options(config, store.folder()), store.clock());
    return;
  }
  auto s3 = open_s3(config, store.clock(), store.random(), store.registry());
  foreign_origin_ = s3->public_origin();
  store_ = std::move(s3);
}

ObjectPlace::~ObjectPlace() = default;

http::Handler& ObjectPlace::entrance(const config::Config& config, runtime::Bulkhead& files,
                                     http::Handler& api, metrics::Registry& registry) {
  auto* const disk = dynamic_cast<objects::DiskStore*>(store_.get());
  if (disk == nullptr) return api;
  door_ = std::make_unique<objects::S3Endpoint>(s3_options(config), *disk, files, api, registry);
  return *door_;
}

int file_threads(const config::Config& config) {
  return config.text("objects.url").empty()
             ? 2
             : static_cast<int>(config.integer("objects.connections"));
}

}  // namespace madang::app
