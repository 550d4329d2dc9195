// From the configuration to each part's options.
#pragma once

#include "modules/identity/passwords.hpp"
#include "modules/media/service.hpp"
#include "platform/config/config.hpp"
#include "platform/http/api.hpp"
#include "platform/http/server.hpp"
#include "platform/objects/disk_store.hpp"
#include "platform/objects/s3_endpoint.hpp"
#include "platform/objects/s3_store.hpp"
#include "platform/workers/worker_pool.hpp"

namespace madang::app {

class DataFolder;

http::ApiOptions api_options(const config::Config& config);
/// Throws std::runtime_error when http.listen is no HOST:PORT.
http::ServerOptions server_options(const config::Config& config, int inherited_socket);
identity::PasswordOptions password_options(const config::Config& config);
media::ServiceOptions media_options(const config::Config& config);
objects::DiskOptions disk_options(const config::Config& config, const DataFolder& folder);
objects::S3Options s3_options(const config::Config& config);
/// Throws std::runtime_error when objects.url is no such thing.
objects::S3StoreOptions s3_store_options(const config::Config& config);
workers::PoolOptions worker_options(const config::Config& config);
workers::Limits image_limits(const config::Config& config);
int io_threads(const config::Config& config);

}  // namespace madang::app
