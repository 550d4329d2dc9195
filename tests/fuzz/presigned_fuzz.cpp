// Presigned requests: the query parser, Signature V4, and what stands behind them, on any bytes.
//
// Input: method \n path \n query \n name:value \n ... (as many as there are). Whatever it is: no
// crash, no request is believed whose signature was not made with the secret, and what is decoded
// encodes again to the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "platform/objects/checksums.hpp"
#include "platform/objects/object_store.hpp"
#include "platform/objects/sigv4.hpp"

namespace {

namespace sigv4 = madang::objects::sigv4;

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

void check(bool holds) {
  if (!holds) std::abort();
}

void try_encodings(std::string_view path, std::string_view query) {
  if (const auto plain = sigv4::decode(path)) {
    const auto again = sigv4::decode(sigv4::encode(*plain, true));
    check(again && *again == *plain);
    check(!madang::objects::valid_key(*plain) || plain->find("..") != 0 || plain->size() > 2);
  }
  const auto parameters = sigv4::parse_query(query);
  if (!parameters) return;
  std::string rebuilt;
  for (const auto& [name, value] : *parameters)
    rebuilt += sigv4::encode(name, false) + "=" + sigv4::encode(value, false) + "&";
  const auto again = sigv4::parse_query(rebuilt);
  check(again && *again == *parameters);
}

/// The same request, signed properly: it must be believed, and no longer once its secret is
/// another.
void try_signing(const sigv4::SignedRequest& request, std::string_view plain_path) {
  sigv4::Credentials credentials{"AKID", "secret", "us-east-1"};
  const madang::Time now{std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)};
  const std::string query = sigv4::presign(
      {.method = request.method, .path = plain_path, .headers = {{"host", "yard.example"}}},
      credentials, now);
  const std::string path = sigv4::encode(plain_path, true);
  const sigv4::SignedRequest good{request.method, path, query, {{"Host", "yard.example"}}};
  const auto lookup = [&](std::string_view) { return &credentials; };
  check(sigv4::verify(good, now, lookup).has_value());
  credentials.secret = "another";
  check(!sigv4::verify(good, now, lookup).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  sigv4::SignedRequest request{take_line(text), take_line(text), take_line(text), {}};
  while (!text.empty() && request.headers.size() < 64) {
    const std::string_view line = take_line(text);
    const auto colon = line.find(':');
    if (colon == line.npos) continue;
    request.headers.emplace_back(line.substr(0, colon), line.substr(colon + 1));
  }
  const sigv4::Credentials credentials{"AKIAIOSFODNN7EXAMPLE", "a secret no input can know",
                                       "us-east-1"};
  const madang::Time now = *sigv4::parse_amz_date("20130524T000100Z");
  const auto verified = sigv4::verify(request, now, [&](std::string_view) { return &credentials; });
  check(!verified.has_value());
  (void)madang::objects::DigestChecks::from_request(request, "UNSIGNED-PAYLOAD");
  try_encodings(request.path, request.query);
  if (const auto plain = sigv4::decode(request.path)) try_signing(request, *plain);
  return 0;
}
