#include "base/text.hpp"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include <stdexcept>

namespace madang {

namespace {

/// Calls visit(code point) for each; stops and returns false at malformed input or when visit does.
template <class Visit>
bool each_code_point(std::string_view text, Visit visit) {
  std::size_t at = 0;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  while (at < text.size()) {
    UChar32 c = 0;
    U8_NEXT(bytes, at, text.size(), c);
    if (c < 0 || !visit(c)) return false;
  }
  return true;
}

bool is_ascii(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  return true;
}

const icu::Normalizer2& normalizer(const icu::Normalizer2* (*get)(UErrorCode&)) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* found = get(error);
  if (U_FAILURE(error) != 0) throw std::runtime_error("ICU has no normalisation data");
  return *found;
}

std::string normalize(const icu::Normalizer2& with, std::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  std::string out;
  icu::StringByteSink<std::string> sink(&out, static_cast<int32_t>(text.size()));
  with.normalizeUTF8(0, {text.data(), static_cast<int32_t>(text.size())}, sink, nullptr, error);
  if (U_FAILURE(error) != 0) throw std::runtime_error("ICU could not normalise a text");
  return out;
}

std::string unify_line_ends(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      out += text[i];
    } else {
      out += '\n';
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    }
  }
  return out;
}

/// Not by u_iscntrl(): it counts format characters too, and emoji are joined by one (U+200D), as
/// Persian and Indic words are.
bool is_allowed(UChar32 c) {
  if (c == '\n' || c == '\t' || c == '\r') return true;
  const auto type = u_charType(c);
  return type != U_CONTROL_CHAR && type != U_LINE_SEPARATOR && type != U_PARAGRAPH_SEPARATOR;
}

bool is_handle_letter(UChar32 c) {
  if (c == '_' || (c >= '0' && c <= '9')) return true;
  // Hangul fillers are letters that nobody sees.
  if (!u_isalpha(c) || u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT)) return false;
  UErrorCode error = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(c, &error);
  return script == USCRIPT_LATIN || script == USCRIPT_HANGUL;
}

}  // namespace

bool is_utf8(std::string_view text) {
  return each_code_point(text, [](UChar32) { return true; });
}

std::size_t code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

std::optional<std::string> clean_text(std::string_view text) {
  if (!each_code_point(text, is_allowed)) return {};
  std::string lines = unify_line_ends(text);
  if (is_ascii(lines)) return lines;
  return normalize(normalizer(icu::Normalizer2::getNFCInstance), lines);
}

std::string fold_case(std::string_view text) {
  return normalize(normalizer(icu::Normalizer2::getNFKCCasefoldInstance), text);
}

std::string_view trim(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t next = begin;
    UChar32 c = 0;
    U8_NEXT(bytes, next, text.size(), c);
    if (c < 0 || !u_isUWhiteSpace(c)) break;
    begin = next;
  }
  auto end = static_cast<int32_t>(text.size());
  const auto first = static_cast<int32_t>(begin);
  while (end > first) {
    int32_t before = end;
    UChar32 c = 0;
    U8_PREV(bytes, first, before, c);
    if (c < 0 || !u_isUWhiteSpace(c)) break;
    end = before;
  }
  return text.substr(begin, static_cast<std::size_t>(end) - begin);
}

bool is_handle(std::string_view text) {
  const std::size_t length = code_points(text);
  return length >= 2 && length <= 20 && each_code_point(text, is_handle_letter);
}

}  // namespace madang
