// A page whose JSON is put together from prepared fragments; described as a Page<T>.
#pragma once

#include "platform/http/api.hpp"

namespace madang::http {

template <class T>
struct WrittenPage {
  std::string items;  // the list's items, separated by commas
  std::optional<std::string> next_cursor;
};

}  // namespace madang::http

template <class T>
struct madang::json::Codec<madang::http::WrittenPage<T>> {
  static void write(std::string& out, const madang::http::WrittenPage<T>& page) {
    constexpr std::string_view around = R"({"items":[],"next_cursor":""})";
    out.reserve(out.size() + around.size() + page.items.size() +
                (page.next_cursor ? page.next_cursor->size() : 0));
    out += "{\"items\":[";
    out += page.items;
    out += ']';
    if (page.next_cursor) {
      out += ",\"next_cursor\":";
      append_json_string(out, *page.next_cursor);
    }
    out += '}';
  }
  static void schema(std::string& out, Schemas& schemas) {
    Codec<madang::http::Page<T>>::schema(out, schemas);
  }
};
