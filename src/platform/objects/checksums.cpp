#include "platform/objects/checksums.hpp"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/encoding.hpp"
#include "base/text.hpp"

namespace madang::objects {

namespace {

using Failure = DigestChecks::Failure;

struct ChecksumKind {
  Algorithm algorithm;
  std::string_view header;
  std::size_t size;  // bytes
};

constexpr std::array kinds{
    ChecksumKind{Algorithm::crc32, "x-amz-checksum-crc32", 4},
    ChecksumKind{Algorithm::crc32c, "x-amz-checksum-crc32c", 4},
    ChecksumKind{Algorithm::crc64nvme, "x-amz-checksum-crc64nvme", 8},
    ChecksumKind{Algorithm::sha1, "x-amz-checksum-sha1", 20},
    ChecksumKind{Algorithm::sha256, "x-amz-checksum-sha256", 32},
};

class OpenSslDigest final : public Digest {
 public:
  explicit OpenSslDigest(const EVP_MD* algorithm) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (context_ == nullptr || EVP_DigestInit_ex(context_.get(), algorithm, nullptr) != 1)
      throw std::runtime_error("a digest is not available");
  }
  void update(BytesView bytes) override {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  }
  Bytes finish() override {
    Bytes out(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(out.data()), &size);
    out.resize(size);
    return out;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

/// Reflected CRCs: the register starts with ones and ends inverted.
template <class Register, Register polynomial>
class Crc final : public Digest {
 public:
  void update(BytesView bytes) override {
    for (const std::byte byte : bytes)
      register_ = table()[(register_ ^ std::to_integer<Register>(byte)) & 0xff] ^ (register_ >> 8);
  }
  Bytes finish() override {
    Bytes out;
    for (std::size_t i = sizeof(Register); i-- > 0;)
      out.push_back(static_cast<std::byte>(~register_ >> (8 * i) & 0xff));
    return out;
  }

 private:
  static const std::array<Register, 256>& table() {
    static const std::array<Register, 256> values = [] {
      std::array<Register, 256> out{};
      for (std::size_t i = 0; i < 256; ++i) {
        Register value = i;
        for (int bit = 0; bit < 8; ++bit)
          value = static_cast<Register>(value >> 1) ^ ((value & 1) != 0 ? polynomial : Register(0));
        out[i] = value;
      }
      return out;
    }();
    return values;
  }
  Register register_ = static_cast<Register>(~Register(0));
};

std::optional<Bytes> from_base64(std::string_view text) {
  Bytes out(text.size() + 1);  // never empty: libsodium wants an address
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                        text.size(), nullptr, &size, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size())
    return {};
  out.resize(size);
  return out;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

}  // namespace

std::unique_ptr<Digest> make_digest(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::md5:
      return std::make_unique<OpenSslDigest>(EVP_md5());
    case Algorithm::sha1:
      return std::make_unique<OpenSslDigest>(EVP_sha1());
    case Algorithm::sha256:
      return std::make_unique<OpenSslDigest>(EVP_sha256());
    case Algorithm::crc32:
      return std::make_unique<Crc<std::uint32_t, 0xedb88320u>>();
    case Algorithm::crc32c:
      return std::make_unique<Crc<std::uint32_t, 0x82f63b78u>>();
    case Algorithm::crc64nvme:
      return std::make_unique<Crc<std::uint64_t, 0x9a6c9329ac4bc9b5ull>>();
  }
  throw std::logic_error("unknown digest");
}

std::string to_base64(BytesView bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();
  return out;
}

void DigestChecks::add(std::string name, std::string_view failure_code, Algorithm algorithm,
                       Bytes expected) {
  checks_.push_back({std::move(name), failure_code, std::move(expected), make_digest(algorithm)});
}

std::optional<Failure> DigestChecks::add_checksum(std::string_view name, std::string_view value,
                                                  bool in_query) {
  const auto kind = std::ranges::find(kinds, name, &ChecksumKind::header);
  if (kind == kinds.end()) return {};
  auto expected = from_base64(trim(value));
  if (!expected || expected->size() != kind->size)
    return Failure{"InvalidRequest", "Value for " + std::string(name) + " header is invalid."};
  if (in_query && make_digest(kind->algorithm)->finish() == *expected) return {};
  add(std::string(name), "BadDigest", kind->algorithm, std::move(*expected));
  return {};
}

std::optional<Failure> DigestChecks::add_hex_sha256(std::string_view value) {
  if (value == "UNSIGNED-PAYLOAD") return {};
  Bytes expected(32);
  std::size_t size = 0;
  if (value.size() != 64 ||
      sodium_hex2bin(reinterpret_cast<unsigned char*>(expected.data()), expected.size(),
                     value.data(), value.size(), nullptr, &size, nullptr) != 0 ||
      size != 32)
    return Failure{"InvalidRequest",
                   "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value."};
  add("x-amz-content-sha256", "XAmzContentSHA256Mismatch", Algorithm::sha256, std::move(expected));
  return {};
}

std::optional<Failure> DigestChecks::add_header(std::string_view name, std::string_view value) {
  const std::string folded = lower_case(name);
  if (folded == "x-amz-content-sha256") return add_hex_sha256(trim(value));
  if (folded != "content-md5") return add_checksum(folded, value, false);
  auto expected = from_base64(trim(value));
  if (!expected || expected->size() != 16)
    return Failure{"InvalidDigest", "The Content-MD5 you specified is not valid."};
  add("Content-MD5", "BadDigest", Algorithm::md5, std::move(*expected));
  return {};
}

std::expected<DigestChecks, Failure> DigestChecks::from_request(const sigv4::SignedRequest& request,
                                                                std::string_view payload_hash) {
  DigestChecks out;
  if (auto failure = out.add_hex_sha256(payload_hash)) return std::unexpected(std::move(*failure));
  for (const auto& [name, value] : request.headers)
    if (auto failure = out.add_header(name, value)) return std::unexpected(std::move(*failure));
  for (const auto& [name, value] : sigv4::parse_query(request.query).value_or(sigv4::Parameters{}))
    if (auto failure = out.add_checksum(lower_case(name), value, true))
      return std::unexpected(std::move(*failure));
  if (out.checks_.size() > 8)
    return std::unexpected(Failure{"InvalidRequest", "Too many checksums."});
  return out;
}

void DigestChecks::update(BytesView bytes) {
  for (Check& check : checks_) check.digest->update(bytes);
}

std::optional<Failure> DigestChecks::finish() {
  for (Check& check : checks_)
    if (check.digest->finish() != check.expected)
      return Failure{check.failure_code,
                     "The " + check.name + " you specified did not match what we received."};
  return {};
}

}  // namespace madang::objects
