#include "platform/objects/s3_store.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "base/encoding.hpp"
#include "platform/log/log.hpp"
#include "platform/objects/object_file.hpp"
#include "platform/objects/s3_documents.hpp"

namespace madang::objects {

namespace {

constexpr int max_pages = 20;
constexpr std::uint64_t max_listing = 4u << 20;

std::unexpected<Problem> bad_key() {
  return fail(Kind::invalid, "bad_object_key", "That is not a name an object can have.");
}

std::unexpected<Problem> no_such_object() {
  return fail(Kind::not_found, "no_such_object", "There is no such object.");
}

std::unexpected<Problem> failed(std::string detail) {
  return fail(Kind::internal, "object_store_failed", std::move(detail));
}

std::unexpected<Problem> too_large() {
  return fail(Kind::too_large, "object_too_large", "The object is larger than it may be here.");
}

// What the guard makes of a problem is in its code: these three never leave ask().
constexpr std::string_view late = "s3_late_answer";     // timeout
constexpr std::string_view away = "object_store_away";  // transient
constexpr std::string_view cut = "s3_cut";              // unknown

resilience::Outcome classify(const Problem& problem) {
  using resilience::Outcome;
  if (problem.code == late) return Outcome::timeout;
  if (problem.code == away) return Outcome::transient;
  if (problem.code == cut) return Outcome::unknown;
  return Outcome::permanent;
}

std::unexpected<Problem> problem_of(const TransportFailure& failure) {
  using enum TransportFailure::Kind;
  switch (failure.kind) {
    case unreachable:
      return busy(away, failure.detail);
    case timeout:
      return busy(late, failure.detail);
    case broken:
      return busy(cut, failure.detail);
    case too_large:
      return objects::too_large();
  }
  return failed(failure.detail);
}

/// What an answer that is none of success says.
std::unexpected<Problem> problem_of(const HttpAnswer& answer) {
  const std::string code = s3_error_code(as_text(answer.body));
  const std::string said = "S3 answered " + std::to_string(answer.status) + " " + code;
  if (answer.status == 404 && (code.empty() || code == "NoSuchKey")) return no_such_object();
  if (answer.status == 507 || code == "QuotaExceeded")
    return busy("storage_full", said, std::chrono::seconds(60));
  if (answer.status == 429 || answer.status >= 500 || code == "OperationAborted")
    return busy(away, said);
  if (answer.status == 408 || code == "RequestTimeout") return busy(cut, said);
  return failed(said);
}

std::string without_quotes(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
    etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

Result<ObjectInfo> info_of(const HttpAnswer& answer) {
  ObjectInfo out;
  out.content_type = answer.header("content-type");
  out.etag = without_quotes(answer.header("etag"));
  const std::string_view length = answer.header("content-length");
  const auto [end, error] = std::from_chars(length.begin(), length.end(), out.size);
  const auto modified = parse_http_date(answer.header("last-modified"));
  if (error != std::errc() || end != length.end() || !modified || out.etag.empty())
    return failed("S3 described an object in a way that makes no sense");
  out.modified = *modified;
  return out;
}

bool is_bucket(std::string_view name) {
  const auto sound = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return name.size() >= 3 && name.size() <= 63 && std::ranges::all_of(name, sound);
}

S3StoreOptions checked(S3StoreOptions options) {
  if (!is_bucket(options.bucket))
    throw std::invalid_argument("'" + options.bucket + "' is no name of an S3 bucket");
  if (options.credentials.access_key.empty() || options.credentials.secret.empty())
    throw std::invalid_argument("S3 needs an access key and a secret key");
  if (options.page == 0 || options.page > 1'000)
    throw std::invalid_argument("S3 lists 1 to 1000 keys at once");
  if (options.connections == 0) throw std::invalid_argument("S3 needs connections");
  return options;
}

resilience::DependencyOptions guard_options(const S3StoreOptions& options) {
  return {
      .name = "s3",
      .attempt_limit = options.attempt,
      .breaker = {.open_for = std::chrono::milliseconds(500),
                  .open_at_most = std::chrono::milliseconds(5'000),
                  .probes = 1},
      .limiter = {.concurrency = options.connections, .wait = std::chrono::milliseconds(1'000)}};
}

}  // namespace

S3Store::S3Store(S3StoreOptions options, const Clock& clock, Random& random,
                 metrics::Registry& registry)
    : options_(checked(std::move(options))),
      clock_(clock),
      private_(door(options_.endpoint, options_)),
      public_(door(options_.public_endpoint.empty() ? options_.endpoint : options_.public_endpoint,
                   options_)),
      transport_({.ca_file = options_.ca_file, .idle = options_.connections}),
      guard_(guard_options(options_), random, registry) {}

S3Store::Door S3Store::door(const std::string& endpoint, const S3StoreOptions& options) {
  const auto scheme_end = endpoint.find("://");
  const std::string scheme = endpoint.substr(0, scheme_end);
  if (scheme_end == endpoint.npos || (scheme != "http" && scheme != "https"))
    throw std::invalid_argument("'" + endpoint + "' is no http:// or https:// endpoint");
  std::string host = endpoint.substr(scheme_end + 3);
  if (host.ends_with('/')) host.pop_back();
  // It goes into URLs and into the page's policy.
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
  if (host.empty() || host.find_first_not_of(allowed) != host.npos)
    throw std::invalid_argument("'" + endpoint + "' must be a scheme, a host and a port");
  // A port that goes without saying is not in the Host header, so it is not signed either.
  const std::string_view usual = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(usual)) host.resize(host.size() - usual.size());
  const bool path_style = options.style == S3StoreOptions::Style::path;
  if (!path_style) host = options.bucket + "." + host;
  return {.origin = scheme + "://" + host,
          .host = host,
          .base = path_style ? "/" + options.bucket + "/" : "/"};
}

Result<HttpAnswer> S3Store::send(const Ask& what, Deadline deadline) {
  std::string path = private_.base + what.key;
  if (what.key.empty() && path.size() > 1) path.pop_back();  // `/bucket`
  sigv4::AuthorizeInput input{.method = what.method,
                              .path = path,
                              .query = what.query,
                              .headers = what.headers,
                              .payload_hash = to_hex(sha256(as_text(what.body)))};
  input.headers.emplace_back("host", private_.host);
  auto authorized = sigv4::authorize(std::move(input), options_.credentials, clock_.now());
  std::string url = private_.origin + sigv4::encode(path, true);
  if (!authorized.query.empty()) url += "?" + authorized.query;
  const auto answer = transport_.send({.method = what.method,
                                       .url = std::move(url),
                                       .headers = std::move(authorized.headers),
                                       .body = what.body,
                                       .max_body = what.max_body},
                                      deadline);
  if (!answer) return problem_of(answer.error());
  if (answer->status < 200 || answer->status >= 300) return problem_of(*answer);
  return *answer;
}

Result<HttpAnswer> S3Store::ask(Ask what, Deadline deadline) {
  const auto whole = Deadline::after(options_.attempt * 2);
  if (whole.at() < deadline.at()) deadline = whole;
  const auto once = [&](Deadline attempt) { return send(what, attempt); };
  // All we ask can be asked again: S3 has no other kind of request that we use.
  auto answer = guard_.call(deadline, once, {.idempotent = true, .classify = &classify});
  if (answer) return answer;
  Problem& problem = answer.error();
  const bool ours = problem.code == late || problem.code == away || problem.code == cut;
  if (ours || problem.code == "object_store_failed") {
    // Of the key only where it is: the rest may be all that keeps strangers from a picture.
    const std::string_view folder = std::string_view(what.key).substr(0, what.key.find('/'));
    log::warn("objects", "s3_failed",
              {{"method", what.method},
               {"folder", folder},
               {"detail", std::string_view(problem.detail)}});
  }
  if (!ours) return answer;
  return busy(away, "The store of pictures does not answer just now; try again shortly.");
}

Result<void> S3Store::check(Deadline deadline) {
  Ask bucket{.method = "GET", .query = {{"list-type", "2"}, {"max-keys", "0"}}};
  const auto answer = ask(std::move(bucket), deadline);
  if (answer) return {};
  if (answer.error().code != "object_store_failed" && answer.error().code != "no_such_object")
    return fail(answer.error());
  return fail(Kind::internal, "s3_misconfigured",
              private_.origin + ", bucket " + options_.bucket + ": " + answer.error().detail);
}

Result<ObjectInfo> S3Store::put(std::string_view key, std::string_view content_type,
                                BytesView bytes) {
  if (!valid_key(key)) return bad_key();
  if (!valid_content_type(content_type))
    return fail(Kind::invalid, "bad_content_type", "That is not a content type.");
  if (bytes.size() > options_.max_object) return too_large();
  const auto answer = ask({.method = "PUT",
                           .key = std::string(key),
                           .headers = {{"content-type", std::string(content_type)}},
                           .body = bytes},
                          Deadline::never());
  if (!answer) return fail(answer.error());
  return ObjectInfo{.size = bytes.size(),
                    .content_type = std::string(content_type),
                    .etag = without_quotes(answer->header("etag")),
                    .modified = clock_.now()};
}

Result<ObjectInfo> S3Store::copy(std::string_view from, std::string_view to) {
  if (!valid_key(from) || !valid_key(to)) return bad_key();
  if (from == to) return head(from);  // S3 refuses to copy an object onto itself
  const std::string source = sigv4::encode("/" + options_.bucket + "/" + std::string(from), true);
  const auto answer =
      ask({.method = "PUT", .key = std::string(to), .headers = {{"x-amz-copy-source", source}}},
          Deadline::never());
  if (!answer) return fail(answer.error());
  // S3 begins to answer before it has copied: a 200 may still say that it failed.
  if (const std::string code = s3_error_code(as_text(answer->body)); !code.empty())
    return busy(away, "S3 could not copy: " + code);
  // What was copied, not what was there before: the source may have changed in between.
  return head(to);
}

Result<Object> S3Store::get(std::string_view key, std::uint64_t max_bytes, Deadline deadline) {
  if (!valid_key(key)) return bad_key();
  auto answer = ask({.method = "GET", .key = std::string(key), .max_body = max_bytes}, deadline);
  if (!answer) return fail(std::move(answer.error()));
  auto info = info_of(*answer);
  if (!info) return fail(std::move(info.error()));
  if (info->size != answer->body.size()) return failed("S3 sent another length than it announced");
  return Object{std::move(*info), std::move(answer->body)};
}

Result<ObjectInfo> S3Store::head(std::string_view key, Deadline deadline) {
  if (!valid_key(key)) return bad_key();
  const auto answer = ask({.method = "HEAD", .key = std::string(key)}, deadline);
  if (!answer) return fail(answer.error());
  return info_of(*answer);
}

Result<void> S3Store::remove(std::string_view key) {
  if (!valid_key(key)) return bad_key();
  const auto answer = ask({.method = "DELETE", .key = std::string(key)}, Deadline::never());
  if (!answer && answer.error().code != "no_such_object") return fail(answer.error());
  return {};
}

/// One page of the listing behind `after`, which moves on; `more`: there are further ones.
Result<std::size_t> S3Store::sweep_page(std::string_view prefix, Time older_than, std::size_t limit,
                                        std::string& after, bool& more) {
  Ask page{.method = "GET",
           .query = {{"list-type", "2"},
                     {"encoding-type", "url"},
                     {"max-keys", std::to_string(options_.page)},
                     {"prefix", std::string(prefix) + "/"}},
           .max_body = max_listing};
  if (!after.empty()) page.query.emplace_back("start-after", after);
  const auto answer = ask(std::move(page), Deadline::never());
  if (!answer) return fail(answer.error());
  const auto listing = parse_listing(as_text(answer->body));
  if (!listing) return failed("S3 sent a listing that makes no sense");
  std::size_t removed = 0;
  more = listing->truncated;
  for (const Listing::Item& item : listing->items) {
    if (removed == limit) {
      more = true;
      return removed;
    }
    if (item.modified < older_than && valid_key(item.key)) {
      if (auto gone = remove(item.key); !gone) return fail(std::move(gone.error()));
      ++removed;
    }
    after = item.key;
  }
  return removed;
}

Result<std::size_t> S3Store::sweep(std::string_view prefix, Time older_than, std::size_t limit) {
  if (!valid_key(prefix) || prefix.contains('/')) return bad_key();
  std::string after;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = swept_up_to_.find(prefix); at != swept_up_to_.end()) after = at->second;
  }
  bool from_start = after.empty();
  std::size_t removed = 0;
  std::optional<Problem> problem;
  for (int page = 0; page < max_pages && removed < limit; ++page) {
    bool more = false;
    auto some = sweep_page(prefix, older_than, limit - removed, after, more);
    if (!some) {
      problem = std::move(some.error());
      break;
    }
    removed += *some;
    if (more) continue;
    after.clear();
    if (std::exchange(from_start, true)) break;
  }
  const std::lock_guard lock(mutex_);
  swept_up_to_.insert_or_assign(std::string(prefix), std::move(after));
  if (problem && removed == 0) return fail(std::move(*problem));
  return removed;
}

std::string S3Store::presigned_url(std::string_view method, const std::string& key,
                                   std::chrono::seconds lifetime,
                                   std::vector<std::pair<std::string, std::string>> headers) const {
  headers.emplace_back("host", public_.host);
  const std::string path = public_.base + key;
  const sigv4::PresignInput input{
      .method = method, .path = path, .headers = std::move(headers), .lifetime = lifetime};
  return public_.origin + sigv4::encode(path, true) + "?" +
         sigv4::presign(input, options_.credentials, clock_.now());
}

Result<PresignedPut> S3Store::presign_put(const PutGrant& grant) const {
  if (!valid_key(grant.key)) return bad_key();
  if (!valid_content_type(grant.content_type))
    return fail(Kind::invalid, "bad_content_type", "That is not a content type.");
  PresignedPut out;
  out.headers = {{"Content-Type", grant.content_type}};
  out.expires_at = std::chrono::floor<std::chrono::seconds>(clock_.now()) + grant.lifetime;
  out.url = presigned_url(
      "PUT", grant.key, grant.lifetime,
      {{"content-type", grant.content_type}, {"content-length", std::to_string(grant.length)}});
  return out;
}

Result<std::string> S3Store::presign_get(const GetGrant& grant) const {
  if (!valid_key(grant.key)) return bad_key();
  return presigned_url("GET", grant.key, grant.lifetime, {});
}

}  // namespace madang::objects
