// Text as people write it: UTF-8, NFC, counted in code points. ICU knows the rules (docs/adr).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace madang {

/// Well-formed UTF-8 (no surrogates, no overlong forms)?
bool is_utf8(std::string_view text);
/// Code points of well-formed UTF-8.
std::size_t code_points(std::string_view text);
/// NFC, CRLF and CR as LF. Nothing when the text is not UTF-8 or holds a control character other
/// than line feed and tab.
std::optional<std::string> clean_text(std::string_view text);
/// For comparing names without regard to case: NFKC case folding of well-formed UTF-8.
std::string fold_case(std::string_view text);
/// Without white space at both ends (Unicode white space).
std::string_view trim(std::string_view text);
/// 2-20 letters (Latin, Hangul), digits, `_`. The text is NFC already.
bool is_handle(std::string_view text);

}  // namespace madang
