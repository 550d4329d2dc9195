#include "platform/imaging/image_answer.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace madang::imaging {

namespace {

constexpr std::uint32_t max_variants = 16;
constexpr std::size_t max_name = 16;

bool plausible_side(int side) {
  return side > 0 && side <= max_side;
}

std::optional<Format> to_format(std::uint8_t value) {
  if (value > static_cast<std::uint8_t>(Format::webp)) return {};
  return static_cast<Format>(value);
}

bool plausible_name(std::string_view name) {
  return !name.empty() && name.size() <= max_name && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

}  // namespace

std::optional<Format> sniff(BytesView bytes) {
  const std::string_view text = as_text(bytes.first(std::min<std::size_t>(bytes.size(), 16)));
  if (text.starts_with("\xff\xd8\xff")) return Format::jpeg;
  if (text.starts_with("\x89PNG\r\n\x1a\n")) return Format::png;
  if (text.size() >= 16 && text.starts_with("RIFF") && text.substr(8, 7) == "WEBPVP8")
    return Format::webp;
  return {};
}

std::string_view content_type(Format format) {
  switch (format) {
    case Format::jpeg:
      return "image/jpeg";
    case Format::png:
      return "image/png";
    case Format::webp:
      return "image/webp";
  }
  return "application/octet-stream";
}

Bytes make_request(Shape shape, BytesView original) {
  workers::ByteWriter writer;
  return writer.u8(static_cast<std::uint8_t>(shape)).rest(original).take();
}

std::optional<std::pair<Shape, BytesView>> parse_request(BytesView request) {
  workers::ByteReader reader(request);
  const std::uint8_t shape = reader.u8();
  const BytesView original = reader.rest();
  if (!reader.ok() || shape > static_cast<std::uint8_t>(Shape::square)) return {};
  return std::pair(static_cast<Shape>(shape), original);
}

Bytes make_answer(const ProcessedImage& image) {
  workers::ByteWriter writer;
  writer.u8(static_cast<std::uint8_t>(image.format));
  writer.u32(static_cast<std::uint32_t>(image.width)).u32(static_cast<std::uint32_t>(image.height));
  writer.u32(image.colour).u32(static_cast<std::uint32_t>(image.variants.size()));
  for (const Variant& variant : image.variants) {
    writer.text(variant.name).u8(static_cast<std::uint8_t>(variant.format));
    writer.u32(static_cast<std::uint32_t>(variant.width));
    writer.u32(static_cast<std::uint32_t>(variant.height)).bytes(variant.bytes);
  }
  return writer.take();
}

namespace {

std::optional<Variant> read_variant(workers::ByteReader& reader) {
  Variant out;
  out.name = std::string(reader.text().substr(0, max_name + 1));
  const auto format = to_format(reader.u8());
  out.width = static_cast<int>(reader.u32());
  out.height = static_cast<int>(reader.u32());
  const BytesView bytes = reader.bytes();
  // The bytes are served to people: they must at least be what they are called.
  if (!reader.ok() || !format || sniff(bytes) != format || !plausible_name(out.name)) return {};
  if (!plausible_side(out.width) || !plausible_side(out.height)) return {};
  out.format = *format;
  out.bytes.assign(bytes.begin(), bytes.end());
  return out;
}

}  // namespace

std::optional<ProcessedImage> parse_answer(BytesView answer) {
  workers::ByteReader reader(answer);
  ProcessedImage out;
  const auto format = to_format(reader.u8());
  out.width = static_cast<int>(reader.u32());
  out.height = static_cast<int>(reader.u32());
  out.colour = reader.u32() & 0xffffff;
  const std::uint32_t count = reader.u32();
  if (!reader.ok() || !format || count == 0 || count > max_variants) return {};
  if (!plausible_side(out.width) || !plausible_side(out.height)) return {};
  out.format = *format;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto variant = read_variant(reader);
    if (!variant) return {};
    out.variants.push_back(std::move(*variant));
  }
  if (!reader.done()) return {};
  return out;
}

workers::Limits image_limits() {
  // 50 megapixels of 16-bit RGBA are 400 MB; vips streams most of it, orientation may need it
  // whole.
  return {.wall = std::chrono::seconds(20),
          .cpu = std::chrono::seconds(20),
          .memory = 768ull << 20,
          .result = 32u << 20};
}

}  // namespace madang::imaging
