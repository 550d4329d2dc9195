#include "app/options.hpp"

#include <algorithm>
#include <thread>

#include "app/data_folder.hpp"
#include "base/encoding.hpp"

namespace madang::app {

using std::chrono::seconds;

http::ApiOptions api_options(const config::Config& config) {
  http::ApiOptions options{.public_url = config.text("http.public_url")};
  options.read.quota = config.integer("rate.reads");
  options.write.quota = config.integer("rate.writes");
  options.bad_tokens.quota = config.integer("rate.bad_tokens");
  options.special = {{"sign_up", config.integer("rate.sign_up"), seconds(600)},
                     {"search", config.integer("rate.searches"), seconds(10)},
                     {"sign_in", config.integer("rate.sign_in"), seconds(600)}};
  options.rate_keys = static_cast<std::size_t>(config.integer("rate.keys"));
  return options;
}

http::ServerOptions server_options(const config::Config& config, int inherited_socket) {
  http::ServerOptions options{.inherited_socket = inherited_socket};
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

identity::PasswordOptions password_options(const config::Config& config) {
  return {.passes = static_cast<std::uint64_t>(config.integer("identity.password_passes")),
          .memory = static_cast<std::size_t>(config.bytes("identity.password_memory")),
          .threads = static_cast<int>(config.integer("identity.password_threads")),
          .max_wait = 10 * std::chrono::milliseconds(config.integer("server.max_wait"))};
}

media::ServiceOptions media_options(const config::Config& config) {
  return {.public_url = config.text("http.public_url"),
          .max_bytes = config.bytes("media.max_bytes")};
}

objects::DiskOptions disk_options(const config::Config& config, const DataFolder& folder) {
  objects::DiskOptions options;
  options.root = folder.objects();
  options.free_floor = static_cast<std::uint64_t>(config.bytes("media.min_free"));
  options.credentials.access_key = config.text("media.access_key");
  options.credentials.secret = config.text("media.secret_key");
  if (options.credentials.secret.empty())
    options.credentials.secret = to_base64url(folder.key_for("objects.presign"));
  return options;
}

objects::S3Options s3_options(const config::Config& config) {
  objects::S3Options options;
  options.max_bytes = static_cast<std::uint64_t>(config.bytes("media.max_bytes"));
  const std::string& url = config.text("http.public_url");
  if (const auto scheme = url.find("://"); scheme != url.npos)
    options.public_host = url.substr(scheme + 3);
  return options;
}

objects::S3StoreOptions s3_store_options(const config::Config& config) {
  std::string url = config.text("objects.url");
  if (url.starts_with("s3+")) url.erase(0, 3);
  const auto host = url.find("://");
  const auto slash = host == url.npos ? url.npos : url.find('/', host + 3);
  if (slash == url.npos)
    throw std::runtime_error("objects.url must be https://HOST/BUCKET or http://HOST:PORT/BUCKET");
  const std::string& style = config.text("objects.style");
  if (style != "path" && style != "virtual_host")
    throw std::runtime_error("objects.style must be path or virtual_host, not " + style);
  objects::S3StoreOptions options;
  options.endpoint = url.substr(0, slash);
  options.bucket = url.substr(slash + 1);
  if (options.bucket.ends_with('/')) options.bucket.pop_back();
  options.public_endpoint = config.text("objects.public_url");
  if (style == "virtual_host") options.style = objects::S3StoreOptions::Style::virtual_host;
  options.credentials = {.access_key = config.text("objects.access_key"),
                         .secret = config.text("objects.secret_key"),
                         .region = config.text("objects.region")};
  options.ca_file = config.text("objects.ca_file");
  options.connections = static_cast<std::size_t>(config.integer("objects.connections"));
  options.attempt = config.seconds("objects.timeout");
  return options;
}

workers::PoolOptions worker_options(const config::Config& config) {
  return {.name = "images", .processes = static_cast<int>(config.integer("media.workers"))};
}

workers::Limits image_limits(const config::Config& config) {
  workers::Limits limits = imaging::image_limits();
  limits.wall = config.seconds("media.worker_timeout");
  limits.memory = static_cast<std::uint64_t>(config.bytes("media.worker_memory"));
  return limits;
}

}  // namespace madang::app
