#include "platform/objects/http_transport.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/text.hpp"

namespace madang::objects {

namespace {

constexpr std::uint64_t max_error_body = 64 * 1024;
constexpr std::size_t max_headers = 128;
using Milliseconds = std::chrono::milliseconds;

void start_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw std::runtime_error("libcurl could not be initialised");
}

/// What the callbacks fill.
struct Receiving {
  CURL* curl;
  std::uint64_t max_body;
  HttpAnswer answer;
  bool too_large = false;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& headers = static_cast<Receiving*>(user)->answer.headers;
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) headers.clear();  // after a 100 Continue comes another head
  const auto colon = line.find(':');
  if (colon != line.npos && headers.size() < max_headers)
    headers.emplace_back(lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  return line.size();
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& receiving = *static_cast<Receiving*>(user);
  Bytes& body = receiving.answer.body;
  long status = 0;
  curl_easy_getinfo(receiving.curl, CURLINFO_RESPONSE_CODE, &status);
  const bool well = status >= 200 && status < 300;
  const std::uint64_t limit = well ? receiving.max_body : max_error_body;
  const std::size_t bytes = size * count;
  if (body.empty() && well) {
    curl_off_t announced = -1;
    curl_easy_getinfo(receiving.curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    if (announced > 0 && static_cast<std::uint64_t>(announced) <= limit)
      body.reserve(static_cast<std::size_t>(announced));
    receiving.too_large = announced > 0 && static_cast<std::uint64_t>(announced) > limit;
  }
  if (body.size() + bytes > limit) receiving.too_large = true;
  if (receiving.too_large) return 0;  // ends the transfer
  const auto* from = reinterpret_cast<const std::byte*>(data);
  body.insert(body.end(), from, from + bytes);
  return bytes;
}

TransportFailure::Kind kind_of(CURLcode code) {
  using enum TransportFailure::Kind;
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return timeout;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
      return unreachable;
    default:
      return broken;
  }
}

/// Rounded up, at least 1: to libcurl 0 is for ever.
long milliseconds_left(Deadline deadline) {
  constexpr auto longest = Milliseconds(std::chrono::hours(1));
  const auto now = Deadline::Steady::now();
  if (deadline.at() > now + longest) return longest.count();
  return std::max<long>(std::chrono::ceil<Milliseconds>(deadline.at() - now).count(), 1);
}

}  // namespace

std::string_view HttpAnswer::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (known == name) return value;
  return {};
}

struct HttpTransport::Handle {
  Handle() : curl(curl_easy_init()) {
    if (curl == nullptr) throw std::runtime_error("libcurl gave no handle");
  }
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  template <class T>
  void set(CURLoption option, T value) {
    if (const CURLcode code = curl_easy_setopt(curl, option, value); code != CURLE_OK)
      throw std::runtime_error(std::string("libcurl: ") + curl_easy_strerror(code));
  }

  CURL* const curl;
};

namespace {

struct HeaderList {
  ~HeaderList() { curl_slist_free_all(list); }
  void add(const std::string& line) {
    curl_slist* const longer = curl_slist_append(list, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list = longer;
  }
  curl_slist* list = nullptr;
};

template <class Handle>
void set_method(Handle& handle, const HttpRequest& request) {
  if (request.method == "HEAD") {
    handle.set(CURLOPT_NOBODY, 1L);
  } else if (request.method == "PUT") {
    handle.set(CURLOPT_CUSTOMREQUEST, "PUT");
    handle.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    handle.set(CURLOPT_POSTFIELDS,
               request.body.empty() ? "" : reinterpret_cast<const char*>(request.body.data()));
  } else if (request.method == "DELETE") {
    handle.set(CURLOPT_CUSTOMREQUEST, "DELETE");
  } else {
    handle.set(CURLOPT_HTTPGET, 1L);
  }
}

template <class Handle>
void set_rules(Handle& handle, const TransportOptions& options) {
  handle.set(CURLOPT_PROTOCOLS_STR, "http,https");
  handle.set(CURLOPT_FOLLOWLOCATION, 0L);
  handle.set(CURLOPT_PROXY, "");
  handle.set(CURLOPT_PATH_AS_IS, 1L);
  handle.set(CURLOPT_NOSIGNAL, 1L);
  handle.set(CURLOPT_MAXCONNECTS, 1L);
  handle.set(CURLOPT_TCP_KEEPALIVE, 1L);
  handle.set(CURLOPT_SSL_VERIFYPEER, 1L);
  handle.set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options.ca_file.empty()) handle.set(CURLOPT_CAINFO, options.ca_file.c_str());
}

}  // namespace

HttpTransport::HttpTransport(TransportOptions options) : options_(std::move(options)) {
  start_curl();
}

HttpTransport::~HttpTransport() = default;

std::unique_ptr<HttpTransport::Handle> HttpTransport::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Handle>();
  auto handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void HttpTransport::keep(std::unique_ptr<Handle> handle) {
  curl_easy_reset(handle->curl);  // the connection stays, what pointed into the request goes
  const std::lock_guard lock(mutex_);
  if (idle_.size() < options_.idle) idle_.push_back(std::move(handle));
}

std::expected<HttpAnswer, TransportFailure> HttpTransport::send(const HttpRequest& request,
                                                                Deadline deadline) {
  auto handle = take();
  CURL* const curl = handle->curl;
  HeaderList headers;
  for (const auto& [name, value] : request.headers)
    headers.add(fmt::format("{}{}{}", name, value.empty() ? ";" : ": ", value));
  headers.add("Expect:");  // no second of waiting for a 100 Continue
  headers.add("Accept:");
  const auto typed = [](const auto& header) { return header.first == "content-type"; };
  if (std::ranges::none_of(request.headers, typed)) headers.add("Content-Type:");
  Receiving receiving{.curl = curl, .max_body = request.max_body, .answer = {}};
  std::array<char, CURL_ERROR_SIZE> words{};
  set_rules(*handle, options_);
  set_method(*handle, request);
  const long left = milliseconds_left(deadline);
  handle->set(CURLOPT_URL, request.url.c_str());
  handle->set(CURLOPT_HTTPHEADER, headers.list);
  handle->set(CURLOPT_TIMEOUT_MS, left);
  handle->set(CURLOPT_CONNECTTIMEOUT_MS, std::min<long>(left, options_.connect_limit.count()));
  handle->set(CURLOPT_HEADERFUNCTION, &on_header);
  handle->set(CURLOPT_HEADERDATA, static_cast<void*>(&receiving));
  handle->set(CURLOPT_WRITEFUNCTION, &on_body);
  handle->set(CURLOPT_WRITEDATA, static_cast<void*>(&receiving));
  handle->set(CURLOPT_ERRORBUFFER, words.data());
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  keep(std::move(handle));
  receiving.answer.status = static_cast<unsigned>(status);
  if (code == CURLE_OK) return std::move(receiving.answer);
  if (receiving.too_large)
    return std::unexpected(TransportFailure{TransportFailure::Kind::too_large, "answer too large"});
  const std::string detail = words[0] != '\0' ? words.data() : curl_easy_strerror(code);
  return std::unexpected(TransportFailure{kind_of(code), detail});
}

}  // namespace madang::objects
