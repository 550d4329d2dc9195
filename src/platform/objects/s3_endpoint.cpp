#include "platform/objects/s3_endpoint.hpp"

#include <algorithm>
#include <charconv>

#include "base/encoding.hpp"
#include "platform/log/log.hpp"
#include "platform/objects/object_file.hpp"

namespace madang::objects {

using http::Method;
using http::Request;
using http::Response;

namespace {

constexpr std::size_t write_size = 256 * 1024;  // bytes a hop to the files' pool is worth
constexpr auto file_patience = std::chrono::seconds(20);

std::unexpected<S3Error> refuse(unsigned status, std::string_view code, std::string message) {
  return std::unexpected(S3Error{.status = status, .code = code, .message = std::move(message)});
}

std::optional<std::uint64_t> content_length(const Request& request) {
  const std::string_view text = request.header("content-length");
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

sigv4::SignedRequest signed_view(const Request& request) {
  return {http::method_name(request.method), request.path, request.query, request.headers};
}

/// What S3 knows and this does not, refused rather than misread.
std::optional<S3Error> check_features(const Request& request) {
  for (const std::string_view header :
       {"authorization", "x-amz-copy-source", "x-amz-trailer", "x-amz-decoded-content-length"})
    if (request.has_header(header))
      return S3Error{
          .status = 501,
          .code = "NotImplemented",
          .message = "A header you provided implies functionality that is not implemented.",
          .more = {{"Header", std::string(header)}}};
  return {};
}

/// The length: there, small enough, and vouched for with the type.
std::optional<S3Error> check_put(const Request& request, std::uint64_t max_bytes) {
  const auto length = content_length(request);
  if (!length)
    return S3Error{.status = 411,
                   .code = "MissingContentLength",
                   .message = "You must provide the Content-Length HTTP header."};
  if (*length > max_bytes)
    return S3Error{.status = 400,
                   .code = "EntityTooLarge",
                   .message = "Your proposed upload exceeds the maximum allowed size",
                   .more = {{"ProposedSize", std::to_string(*length)},
                            {"MaxSizeAllowed", std::to_string(max_bytes)}}};
  return {};
}

std::string http_date(Time time) {
  using namespace std::chrono;
  static constexpr std::string_view day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<seconds>(time) - day};
  const auto two = [](auto value) {
    const std::string text = std::to_string(value);
    return text.size() < 2 ? "0" + text : text;
  };
  std::string out(day_names[weekday(day).c_encoding()]);
  out += ", " + two(static_cast<unsigned>(date.day())) + " ";
  out += months[static_cast<unsigned>(date.month()) - 1];
  out += " " + std::to_string(static_cast<int>(date.year())) + " " + two(clock.hours().count());
  return out + ":" + two(clock.minutes().count()) + ":" + two(clock.seconds().count()) + " GMT";
}

/// The answer to a browser's question whether it may; the signature decides.
Response preflight() {
  Response response{.status = 204, .content_type = {}};
  response.with("Access-Control-Allow-Origin", "*")
      .with("Access-Control-Allow-Methods", "PUT, GET, HEAD")
      .with("Access-Control-Allow-Headers",
            "content-type, content-md5, x-amz-checksum-crc32, x-amz-content-sha256")
      .with("Access-Control-Max-Age", "3600");
  return response;
}

}  // namespace

/// One of the uploads that may run at once.
struct S3Endpoint::Slot {
  Slot(std::atomic<int>& count, int bound, metrics::Gauge& shown) : used(count), gauge(shown) {
    taken = used.fetch_add(1) < bound;
    if (taken)
      gauge.Increment();
    else
      used.fetch_sub(1);
  }
  ~Slot() {
    if (!taken) return;
    used.fetch_sub(1);
    gauge.Decrement();
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  std::atomic<int>& used;
  metrics::Gauge& gauge;
  bool taken;
};

S3Endpoint::S3Endpoint(S3Options options, DiskStore& store, runtime::Bulkhead& files,
                       http::Handler& rest, metrics::Registry& registry)
    : options_(std::move(options)),
      prefix_(store.options().mount + "/"),
      store_(store),
      files_(files),
      rest_(rest),
      registry_(registry),
      uploads_gauge_(registry.gauge("madang_uploads_running", "Uploads being received")),
      bytes_(registry.counter("madang_uploads_bytes_total", "Bytes of objects received")) {}

bool S3Endpoint::is_mine(const Request& request) const {
  return request.path.starts_with(prefix_);
}

http::BodyPolicy S3Endpoint::body_policy(const Request& head, bool crowded) {
  if (!is_mine(head)) return rest_.body_policy(head, crowded);
  http::BodyPolicy policy{.limit = options_.max_bytes, .stream = head.method == Method::put};
  if (head.method != Method::put) return policy;
  // Before the body: whoever may not send it is told so at once.
  if (auto authorized = authorize(head); !authorized) {
    policy.refuse = counted(head, s3_response(authorized.error(), head), authorized.error().code);
    policy.refuse->close = true;
  }
  return policy;
}

http::Response S3Endpoint::protocol_error(const Problem& problem, unsigned status,
                                          std::string_view request_id) {
  return rest_.protocol_error(problem, status, request_id);
}

http::Response S3Endpoint::counted(const Request& request, Response response,
                                   std::string_view outcome) {
  registry_
      .counter("madang_objects_requests_total", "Requests to the object endpoint",
               {{"outcome", std::string(outcome)}})
      .Increment();
  log::info("objects", "request",
            {{"request_id", std::string_view(request.request_id)},
             {"method", http::method_name(request.method)},
             {"status", response.status},
             {"outcome", outcome}});
  return response;
}

Task<Response> S3Endpoint::handle(Request& request) {
  if (!is_mine(request)) co_return co_await rest_.handle(request);
  if (request.method == Method::options) co_return preflight();
  const bool reads = request.method == Method::get || request.method == Method::head;
  if (!reads && request.method != Method::put) {
    const S3Error error{.status = 405,
                        .code = "MethodNotAllowed",
                        .message = "The specified method is not allowed against this resource."};
    Response response = counted(request, s3_response(error, request), error.code);
    response.with("Allow", "PUT, GET, HEAD, OPTIONS");
    co_return response;
  }
  auto authorized = authorize(request);
  if (!authorized)
    co_return counted(request, s3_response(authorized.error(), request), authorized.error().code);
  if (reads) co_return co_await get(request, std::move(*authorized));
  co_return co_await put(request, std::move(*authorized));
}

std::expected<std::string, S3Error> S3Endpoint::key_of(std::string_view path) const {
  const auto plain = sigv4::decode(path.substr(prefix_.size()));
  if (!plain) return refuse(400, "InvalidURI", "Couldn't parse the specified URI.");
  const auto slash = plain->find('/');
  if (plain->substr(0, slash) != store_.options().bucket)
    return refuse(404, "NoSuchBucket", "The specified bucket does not exist");
  std::string key = slash == plain->npos ? std::string() : plain->substr(slash + 1);
  if (key.size() > max_key_length) return refuse(400, "KeyTooLongError", "Your key is too long");
  if (!valid_key(key)) return refuse(400, "InvalidURI", "Couldn't parse the specified URI.");
  return key;
}

std::expected<sigv4::Verified, S3Error> S3Endpoint::verify(sigv4::SignedRequest request) const {
  const sigv4::Credentials& known = store_.options().credentials;
  const sigv4::Lookup lookup = [&known](std::string_view access_key) {
    return access_key == known.access_key ? &known : nullptr;
  };
  const Time now = store_.clock().now();
  auto verified = sigv4::verify(request, now, lookup);
  if (!verified && verified.error().reason == sigv4::Refusal::Reason::signature_mismatch &&
      !options_.public_host.empty()) {
    for (auto& [name, value] : request.headers)
      if (name.size() == 4 && (name == "host" || name == "Host")) value = options_.public_host;
    verified = sigv4::verify(request, now, lookup);
  }
  if (verified) return std::move(*verified);
  S3Error error = to_s3_error(verified.error());
  if (verified.error().reason == sigv4::Refusal::Reason::expired)
    error.more = {{"ServerTime", to_rfc3339(now)}};
  return std::unexpected(std::move(error));
}

std::expected<S3Endpoint::Authorized, S3Error> S3Endpoint::authorize(const Request& request) const {
  auto key = key_of(request.path);
  if (!key) return std::unexpected(std::move(key.error()));
  if (auto missing = check_features(request)) return std::unexpected(std::move(*missing));
  const bool puts = request.method == Method::put;
  if (puts && !content_length(request))
    return std::unexpected(*check_put(request, options_.max_bytes));
  auto verified = verify(signed_view(request));
  if (!verified) return std::unexpected(std::move(verified.error()));
  if (puts && (!verified->covers("content-length") || !verified->covers("content-type")))
    return refuse(403, "AccessDenied", "content-length and content-type must be signed headers");
  if (puts && !valid_content_type(request.header("content-type")))
    return refuse(400, "InvalidArgument", "That is not a content type.");
  if (auto fault = puts ? check_put(request, options_.max_bytes) : std::nullopt)
    return std::unexpected(std::move(*fault));
  auto digests = DigestChecks::from_request(signed_view(request), verified->payload_hash);
  if (!digests) return refuse(400, digests.error().code, digests.error().message);
  return Authorized{std::move(*key), std::move(*verified), std::move(*digests)};
}

Task<Response> S3Endpoint::put(Request& request, Authorized authorized) {
  Received received = co_await receive(request, std::move(authorized));
  if (!received) {
    Response response =
        counted(request, s3_response(received.error(), request), received.error().code);
    response.close = true;  // the rest of the body was not read
    co_return response;
  }
  bytes_.Increment(static_cast<double>(received->size));
  Response response{.status = 200, .content_type = {}};
  response.with("ETag", "\"" + received->etag + "\"")
      .with("x-amz-request-id", request.request_id)
      .with("Access-Control-Allow-Origin", "*")
      .with("Access-Control-Expose-Headers", "ETag");
  co_return counted(request, std::move(response), "stored");
}

namespace {

S3Error incomplete() {
  return {
      .status = 400,
      .code = "IncompleteBody",
      .message =
          "You did not provide the number of bytes specified by the Content-Length HTTP header"};
}

S3Error too_slow() {
  return {.status = 400,
          .code = "RequestTimeout",
          .message =
              "Your socket connection to the server was not read from or written to within the "
              "timeout period."};
}

}  // namespace

Task<S3Endpoint::Received> S3Endpoint::receive(Request& request, Authorized authorized) {
  const Slot slot(uploads_, options_.max_uploads, uploads_gauge_);
  if (!slot.taken)
    co_return std::unexpected(S3Error{.status = 503,
                                      .code = "SlowDown",
                                      .message = "Please reduce your request rate.",
                                      .retry_after = 1});
  const std::uint64_t expected = *content_length(request);
  const auto begin = [this, expected] { return store_.begin(expected); };
  auto upload = co_await files_.run(Deadline::after(file_patience), begin);
  if (!upload) co_return std::unexpected(to_s3_error(upload.error()));
  Received received = co_await fill(request, authorized, **upload, expected);
  if (!received) {
    // Removing the file is work for the files' threads, too; when they are busy it is done here.
    const auto discard = [&upload]() -> Result<void> {
      upload->reset();
      return {};
    };
    co_await files_.run(Deadline::after(file_patience), discard);
  }
  co_return received;
}

Task<S3Endpoint::Received> S3Endpoint::fill(Request& request, Authorized& authorized,
                                            DiskStore::Upload& upload, std::uint64_t expected) {
  // Copied: the request's views move when its body is read.
  const std::string type(request.header("content-type"));
  const Deadline end = Deadline::after(options_.upload_timeout);
  Bytes buffer;
  std::uint64_t total = 0;
  const auto append = [&]() -> Result<void> {
    authorized.digests.update(buffer);
    return upload.append(buffer);
  };
  for (bool more = true; more;) {
    const Result<BytesView> piece = co_await request.stream->read();
    if (!piece && piece.error().kind == Kind::timeout) co_return std::unexpected(too_slow());
    if (!piece) co_return std::unexpected(incomplete());
    if (end.passed()) co_return std::unexpected(too_slow());
    more = !piece->empty();
    total += piece->size();
    buffer.insert(buffer.end(), piece->begin(), piece->end());
    if (buffer.empty() || (more && buffer.size() < write_size)) continue;
    const Result<void> written = co_await files_.run(Deadline::after(file_patience), append);
    if (!written) co_return std::unexpected(to_s3_error(written.error()));
    buffer.clear();
  }
  if (total != expected) co_return std::unexpected(incomplete());
  if (auto failure = authorized.digests.finish())
    co_return std::unexpected(
        S3Error{.status = 400, .code = failure->code, .message = failure->message});
  const auto commit = [&] { return upload.commit(authorized.key, type); };
  Result<ObjectInfo> stored = co_await files_.run(Deadline::after(file_patience), commit);
  if (stored) co_return std::move(*stored);
  log::warn("objects", "upload_failed",
            {{"code", stored.error().code}, {"detail", std::string_view(stored.error().detail)}});
  co_return std::unexpected(to_s3_error(stored.error()));
}

Task<Response> S3Endpoint::get(Request& request, Authorized authorized) {
  const bool head_only = request.method == Method::head;
  const auto read = [&]() -> Result<Object> { return store_.get(authorized.key, 64u << 20); };
  Result<Object> object = co_await files_.run(request.deadline, read);
  if (!object) {
    const S3Error error = to_s3_error(object.error());
    co_return counted(request, s3_response(error, request), error.code);
  }
  const auto left = std::chrono::floor<std::chrono::seconds>(authorized.verified.expires_at -
                                                             store_.clock().now());
  Response response{.status = 200, .content_type = {}};
  response.with("Content-Type", object->info.content_type)
      .with("ETag", "\"" + object->info.etag + "\"")
      .with("Last-Modified", http_date(object->info.modified))
      .with("Cache-Control",
            "private, max-age=" + std::to_string(std::max<std::int64_t>(left.count(), 0)))
      .with("X-Content-Type-Options", "nosniff")
      .with("Content-Security-Policy", "sandbox; default-src 'none'")
      .with("x-amz-request-id", request.request_id)
      .with("Access-Control-Allow-Origin", "*");
  response.body = std::string(as_text(object->bytes));
  co_return counted(request, std::move(response), head_only ? "told" : "served");
}

}  // namespace madang::objects
