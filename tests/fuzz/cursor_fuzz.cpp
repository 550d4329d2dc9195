// Cursors and the blobs of feed marks: forged ones are refused or mean what they say.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/cursor.hpp"
#include "modules/social/feed_marks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace madang;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto kind = static_cast<CursorKind>(size > 0 ? data[0] % 10 : 0);
  for (std::size_t count = 0; count <= 8; ++count) {
    const auto numbers = decode_cursor(kind, text, count);
    if (!numbers) continue;
    if (numbers->size() != count) std::abort();
    for (const std::int64_t number : *numbers)
      if (number < 0) std::abort();
  }
  const auto marks = social::decode_feed_marks(text);
  if (marks && social::encode_feed_marks(*marks) != text) std::abort();
  return 0;
}
