// What the server and a worker process say to each other over their socket pair: frames of
//
//   u32 length of the payload | u8 kind | u64 job | payload        (little endian)
//
// The worker may have been taken over by the file it opened: its side is read as strangers' input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace madang::workers {

using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

enum class FrameKind : std::uint8_t {
  ready = 1,     // worker: started; no payload
  job = 2,       // server: JobHead, then the job's own bytes
  progress = 3,  // worker: u32 per mille, text stage
  result = 4,    // worker: the job's own bytes
  failure = 5,   // worker: u8 Problem kind, text code, text detail
};

inline constexpr std::size_t frame_header_size = 13;
inline constexpr std::size_t max_frame = 64u << 20;

struct FrameHeader {
  std::uint32_t length = 0;
  FrameKind kind = FrameKind::ready;
  std::uint64_t job = 0;
};

/// Nothing when the kind is unknown or the length beyond max_frame.
std::optional<FrameHeader> parse_header(BytesView bytes);
Bytes make_frame(FrameKind kind, std::uint64_t job, BytesView payload);

/// Appends numbers and texts.
class ByteWriter {
 public:
  ByteWriter& u8(std::uint8_t value) { return number(value, 1); }
  ByteWriter& u32(std::uint32_t value) { return number(value, 4); }
  ByteWriter& u64(std::uint64_t value) { return number(value, 8); }
  ByteWriter& bytes(BytesView value);        // u32 length first
  ByteWriter& text(std::string_view value);  // u32 length first
  ByteWriter& rest(BytesView value);         // without a length: comes last
  Bytes take() { return std::move(out_); }

 private:
  ByteWriter& number(std::uint64_t value, int size);
  Bytes out_;
};

/// Reads what a ByteWriter wrote. Past the end everything is zero or empty, and ok() is false.
class ByteReader {
 public:
  explicit ByteReader(BytesView bytes) : left_(bytes) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  BytesView bytes();
  std::string_view text();
  BytesView rest();
  bool ok() const { return ok_; }
  /// Nothing failed and nothing is left.
  bool done() const { return ok_ && left_.empty(); }

 private:
  std::uint64_t number(std::size_t size);
  BytesView take(std::size_t size);
  BytesView left_;
  bool ok_ = true;
};

/// The head of a job's payload: which function, and what it may use.
struct JobHead {
  std::string_view function;
  std::uint64_t memory = 0;  // bytes beyond what the worker has when idle
  std::uint32_t cpu_seconds = 0;
};

Bytes make_job(const JobHead& head, BytesView payload);
/// The head and the job's own bytes.
std::optional<std::pair<JobHead, BytesView>> parse_job(BytesView payload);

Bytes make_failure(const Problem& problem);
/// A problem as a worker tells it. Codes are [a-z_]{1,64}; so that they outlive the frame, at most
/// 256 different ones are ever kept, and the rest become `worker_failed`.
Problem parse_failure(BytesView payload);

}  // namespace madang::workers
