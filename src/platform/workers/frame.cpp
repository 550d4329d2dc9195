#include "platform/workers/frame.hpp"

#include <algorithm>
#include <mutex>
#include <set>

namespace madang::workers {

namespace {

constexpr std::size_t max_code = 64;
constexpr std::size_t max_codes = 256;
constexpr std::size_t max_detail = 1000;

bool is_code(std::string_view text) {
  return !text.empty() && text.size() <= max_code &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

/// A Problem's code must live for ever.
std::string_view kept(std::string_view code) {
  static std::mutex mutex;
  static std::set<std::string, std::less<>> codes;
  if (!is_code(code)) return "worker_failed";
  const std::lock_guard lock(mutex);
  if (const auto found = codes.find(code); found != codes.end()) return *found;
  if (codes.size() >= max_codes) return "worker_failed";
  return *codes.emplace(code).first;
}

}  // namespace

std::optional<FrameHeader> parse_header(BytesView bytes) {
  ByteReader reader(bytes);
  FrameHeader header;
  header.length = reader.u32();
  const std::uint8_t kind = reader.u8();
  header.job = reader.u64();
  if (!reader.ok() || header.length > max_frame) return {};
  if (kind < static_cast<std::uint8_t>(FrameKind::ready) ||
      kind > static_cast<std::uint8_t>(FrameKind::failure))
    return {};
  header.kind = static_cast<FrameKind>(kind);
  return header;
}

Bytes make_frame(FrameKind kind, std::uint64_t job, BytesView payload) {
  ByteWriter writer;
  writer.u32(static_cast<std::uint32_t>(payload.size())).u8(static_cast<std::uint8_t>(kind));
  return writer.u64(job).rest(payload).take();
}

ByteWriter& ByteWriter::number(std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) out_.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
  return *this;
}

ByteWriter& ByteWriter::rest(BytesView value) {
  out_.insert(out_.end(), value.begin(), value.end());
  return *this;
}

ByteWriter& ByteWriter::bytes(BytesView value) {
  return u32(static_cast<std::uint32_t>(value.size())).rest(value);
}

ByteWriter& ByteWriter::text(std::string_view value) {
  return bytes(std::as_bytes(std::span(value.data(), value.size())));
}

BytesView ByteReader::take(std::size_t size) {
  if (!ok_ || size > left_.size()) {
    ok_ = false;
    return {};
  }
  const BytesView out = left_.first(size);
  left_ = left_.subspan(size);
  return out;
}

std::uint64_t ByteReader::number(std::size_t size) {
  std::uint64_t value = 0;
  const BytesView bytes = take(size);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

BytesView ByteReader::bytes() {
  return take(u32());
}

std::string_view ByteReader::text() {
  const BytesView bytes = this->bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

BytesView ByteReader::rest() {
  return take(left_.size());
}

Bytes make_job(const JobHead& head, BytesView payload) {
  ByteWriter writer;
  writer.text(head.function).u64(head.memory).u32(head.cpu_seconds).rest(payload);
  return writer.take();
}

std::optional<std::pair<JobHead, BytesView>> parse_job(BytesView payload) {
  ByteReader reader(payload);
  JobHead head;
  head.function = reader.text();
  head.memory = reader.u64();
  head.cpu_seconds = reader.u32();
  const BytesView rest = reader.rest();
  if (!reader.ok()) return {};
  return std::pair(head, rest);
}

Bytes make_failure(const Problem& problem) {
  const std::string_view detail = std::string_view(problem.detail).substr(0, max_detail);
  ByteWriter writer;
  writer.u8(static_cast<std::uint8_t>(problem.kind)).text(problem.code).text(detail);
  return writer.take();
}

Problem parse_failure(BytesView payload) {
  ByteReader reader(payload);
  const std::uint8_t kind = reader.u8();
  const std::string_view code = reader.text();
  const std::string_view detail = reader.text();
  if (!reader.done() || kind > static_cast<std::uint8_t>(Kind::unavailable))
    return {.kind = Kind::internal, .code = "worker_failed", .detail = "an unreadable failure"};
  return {.kind = static_cast<Kind>(kind),
          .code = kept(code),
          .detail = std::string(detail.substr(0, max_detail))};
}

}  // namespace madang::workers
