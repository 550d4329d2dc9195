// Query strings to described structs, by way of JSON: the same rules and the same errors as a body.
#pragma once

#include <string>
#include <string_view>

#include "platform/json/codec.hpp"
#include "platform/json/types.hpp"

namespace madang::http {

namespace detail {

template <class T>
inline constexpr bool is_number = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;
template <std::int64_t Low, std::int64_t High>
inline constexpr bool is_number<json::Integer<Low, High>> = true;
template <class T>
inline constexpr bool is_number<std::optional<T>> = is_number<T>;
template <class T>
inline constexpr bool is_flag = std::is_same_v<T, bool> || std::is_same_v<T, std::optional<bool>>;

enum class QueryKind { text, number, flag };
template <class T>
inline constexpr QueryKind query_kind = is_number<T> ? QueryKind::number
                                        : is_flag<T> ? QueryKind::flag
                                                     : QueryKind::text;

/// Appends `"name":value` when the query has the parameter (the first of equal names).
/// Errors: validation_failed for broken escapes and text that is not UTF-8.
Result<void> append_parameter(std::string& object, std::string_view query, std::string_view name,
                              QueryKind kind);
void append_parameter_schema(std::string& out, std::string_view name, bool required,
                             std::string_view schema);

}  // namespace detail

template <class T>
Result<T> read_query(std::string_view query) {
  std::string object = "{";
  Result<void> appended;
  boost::mp11::mp_for_each<json::detail::Members<T>>([&](auto D) {
    using M = std::remove_cvref_t<decltype(std::declval<T&>().*D.pointer)>;
    if (appended) appended = detail::append_parameter(object, query, D.name, detail::query_kind<M>);
  });
  if (!appended) return std::unexpected(std::move(appended.error()));
  object += '}';
  return json::from_json<T>(object);
}

/// The OpenAPI parameter objects, separated by commas.
template <class T>
void write_query_parameters(std::string& out, json::Schemas& schemas) {
  boost::mp11::mp_for_each<json::detail::Members<T>>([&](auto D) {
    using M = std::remove_cvref_t<decltype(std::declval<T&>().*D.pointer)>;
    std::string schema;
    if constexpr (json::is_optional<M>)
      json::Codec<typename M::value_type>::schema(schema, schemas);
    else
      json::Codec<M>::schema(schema, schemas);
    detail::append_parameter_schema(out, D.name, !json::is_optional<M>, schema);
  });
}

}  // namespace madang::http
