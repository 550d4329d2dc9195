// JSON <-> described structs (BOOST_DESCRIBE_STRUCT). Reading collects every fault with its path;
// writing appends to a string. Only thin templates here: the primitives are in codec.cpp, so that a
// module's file compiles in a second or two.
//
// A type of its own gets a Codec specialisation with
//   static void read(Node, T&, Issues&);
//   static void write(std::string&, const T&);
//   static void schema(std::string& out, Schemas&);    // JSON Schema 2020-12, as text
#pragma once

#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/clock.hpp"
#include "base/json_text.hpp"
#include "base/result.hpp"
#include "platform/json/node.hpp"

namespace madang::json {

/// What is wrong with a value, gathered while it is read.
class Issues {
 public:
  static constexpr std::size_t max_listed = 20;

  void fail(std::string_view code, std::string message);
  bool empty() const { return list_.empty(); }
  Problem problem() &&;

  /// Appends a step to the path while it lives.
  class At {
   public:
    At(Issues& issues, std::string_view step);
    At(Issues& issues, std::size_t index);
    ~At() { issues_.path_.resize(length_); }
    At(const At&) = delete;
    At& operator=(const At&) = delete;

   private:
    Issues& issues_;
    std::size_t length_;
  };

 private:
  std::string path_;
  std::vector<FieldError> list_;
};

/// Named schemas met on the way: name -> JSON text.
class Schemas {
 public:
  /// False when the name is known already (or being written: types may refer to themselves).
  bool enter(const std::string& name) { return map_.try_emplace(name).second; }
  void set(const std::string& name, std::string text) { map_[name] = std::move(text); }
  const std::map<std::string, std::string>& all() const { return map_; }

 private:
  std::map<std::string, std::string> map_;
};

template <class T>
struct Codec;

template <class T>
void write(std::string& out, const T& value) {
  Codec<T>::write(out, value);
}

template <class T>
std::string to_json(const T& value) {
  std::string out;
  out.reserve(512);
  Codec<T>::write(out, value);
  return out;
}

/// Reads a whole text. Errors: malformed_json; validation_failed with a list of fields.
template <class T>
Result<T> from_json(std::string_view text) {
  auto document = Document::parse(text);
  if (!document) return std::unexpected(std::move(document.error()));
  T value{};
  Issues issues;
  Codec<T>::read(document->root(), value, issues);
  if (!issues.empty()) return std::unexpected(std::move(issues).problem());
  return value;
}

// ---- primitives
// ----------------------------------------------------------------------------------

namespace detail {

void read_boolean(Node node, bool& value, Issues& issues);
void read_integer(Node node, std::int64_t& value, std::int64_t low, std::int64_t high,
                  Issues& issues);
void read_number(Node node, double& value, Issues& issues);
void read_string(Node node, std::string& value, Issues& issues);
void read_time(Node node, Time& value, Issues& issues);
bool check_object(Node node, Issues& issues);
bool check_array(Node node, std::size_t max_size, Issues& issues);
void fail_required(std::string_view name, Issues& issues);
void fail_choice(Issues& issues);
void write_integer(std::string& out, std::int64_t value);
void write_number(std::string& out, double value);
void write_time(std::string& out, Time value);
void integer_schema(std::string& out, std::int64_t low, std::int64_t high);
void reference(std::string& out, std::string_view name);
std::string nullable(std::string schema);
/// `madang::social::Post` -> `Post`.
std::string short_name(std::string_view pretty_function);

template <class T>
std::string type_name() {
  return short_name(__PRETTY_FUNCTION__);
}

template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public |
                                                         boost::describe::mod_inherited>;

}  // namespace detail

/// A list longer than this is refused when it is read, unless the type says otherwise (types.hpp).
inline constexpr std::size_t max_list = 1000;

template <>
struct Codec<bool> {
  static void read(Node node, bool& value, Issues& issues) {
    detail::read_boolean(node, value, issues);
  }
  static void write(std::string& out, bool value) { out += value ? "true" : "false"; }
  static void schema(std::string& out, Schemas&) { out += R"({"type":"boolean"})"; }
};

template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
struct Codec<T> {
  // 53 bits: more would not survive JavaScript.
  static constexpr std::int64_t high =
      sizeof(T) >= 8 ? (std::int64_t(1) << 53) - 1
                     : static_cast<std::int64_t>(std::numeric_limits<T>::max());
  static constexpr std::int64_t low =
      std::is_unsigned_v<T>
          ? 0
          : (sizeof(T) >= 8 ? -high : static_cast<std::int64_t>(std::numeric_limits<T>::min()));
  static void read(Node node, T& value, Issues& issues) {
    std::int64_t wide = static_cast<std::int64_t>(value);
    detail::read_integer(node, wide, low, high, issues);
    value = static_cast<T>(wide);
  }
  static void write(std::string& out, T value) {
    detail::write_integer(out, static_cast<std::int64_t>(value));
  }
  static void schema(std::string& out, Schemas&) { detail::integer_schema(out, low, high); }
};

template <>
struct Codec<double> {
  static void read(Node node, double& value, Issues& issues) {
    detail::read_number(node, value, issues);
  }
  static void write(std::string& out, double value) { detail::write_number(out, value); }
  static void schema(std::string& out, Schemas&) { out += R"({"type":"number"})"; }
};

template <>
struct Codec<std::string> {
  static void read(Node node, std::string& value, Issues& issues) {
    detail::read_string(node, value, issues);
  }
  static void write(std::string& out, std::string_view value) { append_json_string(out, value); }
  static void schema(std::string& out, Schemas&) { out += R"({"type":"string"})"; }
};

template <>
struct Codec<Time> {
  static void read(Node node, Time& value, Issues& issues) {
    detail::read_time(node, value, issues);
  }
  static void write(std::string& out, Time value) { detail::write_time(out, value); }
  static void schema(std::string& out, Schemas&) {
    out += R"({"type":"string","format":"date-time"})";
  }
};

template <class T>
struct Codec<std::optional<T>> {
  static void read(Node node, std::optional<T>& value, Issues& issues) {
    if (node.is_null())
      value.reset();
    else
      Codec<T>::read(node, value.emplace(), issues);
  }
  static void write(std::string& out, const std::optional<T>& value) {
    if (value)
      Codec<T>::write(out, *value);
    else
      out += "null";
  }
  static void schema(std::string& out, Schemas& schemas) {
    std::string inner;
    Codec<T>::schema(inner, schemas);
    out += detail::nullable(std::move(inner));
  }
};

template <class T>
struct Codec<std::vector<T>> {
  static void read(Node node, std::vector<T>& value, Issues& issues) {
    read(node, value, max_list, issues);
  }
  static void read(Node node, std::vector<T>& value, std::size_t max_size, Issues& issues) {
    if (!detail::check_array(node, max_size, issues)) return;
    value.clear();
    value.reserve(node.size());
    for (std::size_t i = 0; i < node.size(); ++i) {
      const Issues::At at(issues, i);
      Codec<T>::read(node.at(i), value.emplace_back(), issues);
    }
  }
  static void write(std::string& out, const std::vector<T>& value) {
    out += '[';
    bool first = true;
    for (const auto& item : value) {
      if (!first) out += ',';
      first = false;
      Codec<T>::write(out, item);
    }
    out += ']';
  }
  static void schema(std::string& out, Schemas& schemas) {
    out += R"({"type":"array","items":)";
    Codec<T>::schema(out, schemas);
    out += '}';
  }
};

template <class T>
  requires boost::describe::has_describe_enumerators<T>::value
struct Codec<T> {
  static void read(Node node, T& value, Issues& issues) {
    const auto text = node.string();
    if (!text || !boost::describe::enum_from_string(std::string(*text).c_str(), value))
      detail::fail_choice(issues);
  }
  static void write(std::string& out, T value) {
    append_json_string(out, boost::describe::enum_to_string(value, "unknown"));
  }
  static void schema(std::string& out, Schemas&) {
    out += R"({"type":"string","enum":[)";
    bool first = true;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto D) {
      if (!first) out += ',';
      first = false;
      append_json_string(out, D.name);
    });
    out += "]}";
  }
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
  requires(boost::describe::has_describe_members<T>::value && !std::is_union_v<T>)
struct Codec<T> {
  static void read(Node node, T& value, Issues& issues) {
    if (!detail::check_object(node, issues)) return;
    boost::mp11::mp_for_each<detail::Members<T>>([&](auto D) {
      auto& member = value.*D.pointer;
      using M = std::remove_cvref_t<decltype(member)>;
      if (const auto found = node.find(D.name)) {
        const Issues::At at(issues, D.name);
        Codec<M>::read(*found, member, issues);
      } else if constexpr (!is_optional<M>) {
        detail::fail_required(D.name, issues);
      }
    });
  }
  static void write(std::string& out, const T& value) {
    out += '{';
    write_members(out, value, true);
    out += '}';
  }
  /// The members alone, for objects that are put together from parts. Absent optionals are left
  /// out.
  static bool write_members(std::string& out, const T& value, bool first) {
    boost::mp11::mp_for_each<detail::Members<T>>([&](auto D) {
      const auto& member = value.*D.pointer;
      using M = std::remove_cvref_t<decltype(member)>;
      if constexpr (is_optional<M>) {
        if (!member) return;
      }
      if (!first) out += ',';
      first = false;
      out += '"';
      out += D.name;
      out += "\":";
      if constexpr (is_optional<M>)
        Codec<typename M::value_type>::write(out, *member);
      else
        Codec<M>::write(out, member);
    });
    return first;
  }
  static void schema(std::string& out, Schemas& schemas) {
    const std::string name = detail::type_name<T>();
    detail::reference(out, name);
    if (!schemas.enter(name)) return;
    std::string properties;
    std::string required;
    boost::mp11::mp_for_each<detail::Members<T>>([&](auto D) {
      using M = std::remove_cvref_t<decltype(std::declval<T&>().*D.pointer)>;
      if (!properties.empty()) properties += ',';
      append_json_string(properties, D.name);
      properties += ':';
      Codec<M>::schema(properties, schemas);
      if constexpr (!is_optional<M>) {
        if (!required.empty()) required += ',';
        append_json_string(required, D.name);
      }
    });
    schemas.set(name, R"({"type":"object","properties":{)" + properties + R"(},"required":[)" +
                          required + "]}");
  }
};

/// A T whose JSON is written already (a cached fragment).
template <class T>
struct Written {
  std::string text;
};

template <class T>
struct Codec<Written<T>> {
  static void write(std::string& out, const Written<T>& value) { out += value.text; }
  static void schema(std::string& out, Schemas& schemas) { Codec<T>::schema(out, schemas); }
};

}  // namespace madang::json
