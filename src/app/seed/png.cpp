// PNG with stored blocks (RFC 1950, 1951; W3C PNG): what libvips can open at once.
#include <array>

#include "app/seed/canvas.hpp"

namespace madang::app::seed {

namespace {

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> out{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value & 1) != 0 ? 0xEDB88320U ^ (value >> 1) : value >> 1;
    out[i] = value;
  }
  return out;
}();

using Buffer = std::vector<std::uint8_t>;

void put_u32(Buffer& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void put_chunk(Buffer& out, const char* type, const Buffer& data) {
  put_u32(out, static_cast<std::uint32_t>(data.size()));
  const std::size_t from = out.size();
  out.insert(out.end(), type, type + 4);
  out.insert(out.end(), data.begin(), data.end());
  std::uint32_t crc = ~0U;
  for (std::size_t i = from; i < out.size(); ++i)
    crc = crc_table[(crc ^ out[i]) & 255] ^ (crc >> 8);
  put_u32(out, ~crc);
}

std::uint32_t adler(const Buffer& data) {
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  std::size_t i = 0;
  while (i < data.size()) {
    for (const std::size_t end = std::min(i + 5552, data.size()); i < end; ++i) b += a += data[i];
    a %= 65521;
    b %= 65521;
  }
  return b << 16 | a;
}

Buffer stored(const Buffer& data) {
  Buffer out{0x78, 0x01};
  for (std::size_t from = 0; from < data.size(); from += 65535) {
    const std::size_t size = std::min<std::size_t>(65535, data.size() - from);
    out.push_back(from + size == data.size() ? 1 : 0);
    for (const std::size_t word : {size, size ^ 0xFFFF}) {
      out.push_back(static_cast<std::uint8_t>(word & 255));
      out.push_back(static_cast<std::uint8_t>(word >> 8));
    }
    out.insert(out.end(), data.begin() + static_cast<std::ptrdiff_t>(from),
               data.begin() + static_cast<std::ptrdiff_t>(from + size));
  }
  put_u32(out, adler(data));
  return out;
}

std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0F, 1.0F) * 255.999F);
}

}  // namespace

std::vector<std::byte> Canvas::to_png() const {
  Buffer lines;
  lines.reserve(area() * 3 + static_cast<std::size_t>(height_));
  for (std::size_t i = 0; i < pixels_.size(); ++i) {
    if (i % static_cast<std::size_t>(width_) == 0) lines.push_back(0);  // no filter
    lines.push_back(to_byte(pixels_[i].r));
    lines.push_back(to_byte(pixels_[i].g));
    lines.push_back(to_byte(pixels_[i].b));
  }
  Buffer header;
  put_u32(header, static_cast<std::uint32_t>(width_));
  put_u32(header, static_cast<std::uint32_t>(height_));
  header.insert(header.end(), {8, 2, 0, 0, 0});  // 8 bits, RGB
  Buffer out{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  put_chunk(out, "IHDR", header);
  put_chunk(out, "IDAT", stored(lines));
  put_chunk(out, "IEND", {});
  const auto bytes = std::as_bytes(std::span(out));
  return {bytes.begin(), bytes.end()};
}

}  // namespace madang::app::seed
