// The file format of the disk adapter: the object's bytes, then a trailer that says what they are.
//
//   <bytes> <content type> \n <md5 hex> \n <size> \n <u32 length of these lines, LE> "MADANG01"
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "platform/objects/object_store.hpp"

namespace madang::objects {

inline constexpr std::size_t max_content_type = 127;
inline constexpr std::size_t max_trailer = 256;

/// 1 to 127 printable ASCII characters.
bool valid_content_type(std::string_view text);

std::string make_trailer(const ObjectInfo& info);

/// From the file's last bytes (up to max_trailer of them) and its size. Nothing when it is no whole
/// object. `modified` is left alone.
std::optional<ObjectInfo> parse_trailer(std::string_view tail, std::uint64_t file_size);

}  // namespace madang::objects
