// The shapes of media's routes.
#pragma once

#include <chrono>

#include "modules/media/media.hpp"
#include "platform/json/types.hpp"

namespace madang::media {

struct OpenUpload {
  json::Line<1, 127> content_type;
  json::Integer<1, (std::int64_t(1) << 40)> bytes;
  Purpose purpose = Purpose::post;
};
BOOST_DESCRIBE_STRUCT(OpenUpload, (), (content_type, bytes, purpose))

/// Headers to send with an upload: an object, name to value.
struct HeaderMap {
  std::vector<std::pair<std::string, std::string>> items;
};

struct Upload {
  std::string method = "PUT";
  std::string url;
  HeaderMap headers;
  Time expires_at{};
};
BOOST_DESCRIBE_STRUCT(Upload, (), (method, url, headers, expires_at))

struct Ticket {
  Id id = 0;
  Upload upload;
};
BOOST_DESCRIBE_STRUCT(Ticket, (), (id, upload))

enum class State { waiting, processing, ready, refused };
BOOST_DESCRIBE_ENUM(State, waiting, processing, ready, refused)

/// How far a picture has got; what it looks like once it is ready.
struct MediaState {
  Id id = 0;
  State state = State::waiting;
  std::optional<std::string> reason;  // not_an_image, too_large, damaged
  std::optional<std::string> url;
  std::optional<std::int64_t> width;
  std::optional<std::int64_t> height;
  std::optional<std::string> colour;  // #rrggbb, its average
  std::optional<std::vector<Variant>> variants;
};
BOOST_DESCRIBE_STRUCT(MediaState, (), (id, state, reason, url, width, height, colour, variants))

}  // namespace madang::media

template <>
struct madang::json::Codec<madang::media::HeaderMap> {
  static void write(std::string& out, const madang::media::HeaderMap& value);
  static void schema(std::string& out, Schemas& schemas);
};
