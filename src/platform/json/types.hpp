// Field types that carry their own rule, so that a request struct says once what is acceptable and
// decoding, the error and the OpenAPI document all follow.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "platform/json/codec.hpp"

namespace madang::json {

namespace detail {

struct TextRule {
  std::size_t min;  // code points, after normalisation
  std::size_t max;
  bool one_line;  // no line feed, no tab; trimmed
};
void read_text(Node node, std::string& value, const TextRule& rule, Issues& issues);
void text_schema(std::string& out, const TextRule& rule);
void read_email(Node node, std::string& value, Issues& issues);
void read_handle(Node node, std::string& value, Issues& issues);
void read_password(Node node, std::string& value, Issues& issues);

}  // namespace detail

/// Texts as people write them, NFC; Min to Max code points, not only white space when Min > 0.
template <std::size_t Min, std::size_t Max>
struct Text {
  std::string value;
};

/// A text of one line, trimmed.
template <std::size_t Min, std::size_t Max>
struct Line {
  std::string value;
};

/// name@domain, trimmed, at most 254 bytes.
struct Email {
  std::string value;
};

/// 2-20 Latin or Hangul letters, digits, `_`.
struct Handle {
  std::string value;
};

/// 8 to 128 characters. Whether it is a common one is identity's business.
struct Password {
  std::string value;
};

/// At most Max items.
template <class T, std::size_t Max>
struct List {
  std::vector<T> items;
};

template <std::int64_t Low, std::int64_t High>
struct Integer {
  std::int64_t value = Low;
};

/// A member of a PATCH: left out (stays as it is), null (is removed), or a value.
template <class T>
struct Patch {
  using value_type = T;
  bool given = false;
  std::optional<T> value;
  explicit operator bool() const { return given; }
};
template <class T>
inline constexpr bool is_optional<Patch<T>> = true;

template <class T>
struct Codec<Patch<T>> {
  static void read(Node node, Patch<T>& patch, Issues& issues) {
    patch.given = true;
    Codec<std::optional<T>>::read(node, patch.value, issues);
  }
  static void schema(std::string& out, Schemas& schemas) {
    Codec<std::optional<T>>::schema(out, schemas);
  }
};

template <std::size_t Min, std::size_t Max>
struct Codec<Text<Min, Max>> {
  static constexpr detail::TextRule rule{Min, Max, false};
  static void read(Node node, Text<Min, Max>& text, Issues& issues) {
    detail::read_text(node, text.value, rule, issues);
  }
  static void write(std::string& out, const Text<Min, Max>& text) {
    append_json_string(out, text.value);
  }
  static void schema(std::string& out, Schemas&) { detail::text_schema(out, rule); }
};

template <std::size_t Min, std::size_t Max>
struct Codec<Line<Min, Max>> {
  static constexpr detail::TextRule rule{Min, Max, true};
  static void read(Node node, Line<Min, Max>& text, Issues& issues) {
    detail::read_text(node, text.value, rule, issues);
  }
  static void write(std::string& out, const Line<Min, Max>& text) {
    append_json_string(out, text.value);
  }
  static void schema(std::string& out, Schemas&) { detail::text_schema(out, rule); }
};

template <>
struct Codec<Email> {
  static void read(Node node, Email& email, Issues& issues) {
    detail::read_email(node, email.value, issues);
  }
  static void write(std::string& out, const Email& email) { append_json_string(out, email.value); }
  static void schema(std::string& out, Schemas&) {
    out += R"({"type":"string","format":"email","maxLength":254})";
  }
};

template <>
struct Codec<Handle> {
  static void read(Node node, Handle& handle, Issues& issues) {
    detail::read_handle(node, handle.value, issues);
  }
  static void write(std::string& out, const Handle& handle) {
    append_json_string(out, handle.value);
  }
  static void schema(std::string& out, Schemas&) {
    out +=
        R"({"type":"string","minLength":2,"maxLength":20,"pattern":"^[\\p{Script=Latin}\\p{Script=Hangul}0-9_]+$"})";
  }
};

template <>
struct Codec<Password> {
  static void read(Node node, Password& password, Issues& issues) {
    detail::read_password(node, password.value, issues);
  }
  static void schema(std::string& out, Schemas&) {
    out += R"({"type":"string","format":"password","minLength":8,"maxLength":128})";
  }
};

template <class T, std::size_t Max>
struct Codec<List<T, Max>> {
  static void read(Node node, List<T, Max>& list, Issues& issues) {
    Codec<std::vector<T>>::read(node, list.items, Max, issues);
  }
  static void write(std::string& out, const List<T, Max>& list) {
    Codec<std::vector<T>>::write(out, list.items);
  }
  static void schema(std::string& out, Schemas& schemas) {
    out += R"({"type":"array","maxItems":)";
    detail::write_integer(out, static_cast<std::int64_t>(Max));
    out += R"(,"items":)";
    Codec<T>::schema(out, schemas);
    out += '}';
  }
};

template <std::int64_t Low, std::int64_t High>
struct Codec<Integer<Low, High>> {
  static void read(Node node, Integer<Low, High>& number, Issues& issues) {
    detail::read_integer(node, number.value, Low, High, issues);
  }
  static void write(std::string& out, const Integer<Low, High>& number) {
    detail::write_integer(out, number.value);
  }
  static void schema(std::string& out, Schemas&) { detail::integer_schema(out, Low, High); }
};

}  // namespace madang::json
