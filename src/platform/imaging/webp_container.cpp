#include "platform/imaging/webp_container.hpp"

#include <algorithm>
#include <stdexcept>

#include "base/encoding.hpp"

namespace madang::imaging {

namespace {

constexpr std::size_t riff_head = 12;                    // RIFF size WEBP
constexpr std::size_t chunk_head = 8;                    // name size
constexpr std::byte metadata_flags{0x20 | 0x08 | 0x04};  // ICC, EXIF, XMP in VP8X

std::uint32_t little_endian(BytesView bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * i);
  return value;
}

}  // namespace

Bytes without_metadata(const Bytes& webp) {
  const BytesView whole = webp;
  if (webp.size() < riff_head || as_text(whole.subspan(8, 4)) != "WEBP")
    throw std::runtime_error("not a WebP");
  Bytes out(webp.begin(), webp.begin() + riff_head);
  for (std::size_t at = riff_head; at + chunk_head <= webp.size();) {
    const std::string_view name = as_text(whole.subspan(at, 4));
    const std::size_t size =
        chunk_head + ((little_endian(whole.subspan(at + 4, 4)) + 1ull) & ~1ull);
    if (size > webp.size() - at) throw std::runtime_error("not a WebP");
    if (name != "EXIF" && name != "XMP " && name != "ICCP") {
      const auto chunk = whole.subspan(at, size);
      out.insert(out.end(), chunk.begin(), chunk.end());
      if (name == "VP8X" && size > chunk_head)
        out[out.size() - size + chunk_head] &= ~metadata_flags;
    }
    at += size;
  }
  const auto riff_size = static_cast<std::uint32_t>(out.size() - 8);
  for (std::size_t i = 0; i < 4; ++i) out[4 + i] = static_cast<std::byte>(riff_size >> (8 * i));
  return out;
}

}  // namespace madang::imaging
