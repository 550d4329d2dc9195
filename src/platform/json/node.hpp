// A parsed JSON value as a light handle, so that no parser's header reaches the modules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace madang::json {

/// Borrowed from a Document.
class Node {
 public:
  explicit Node(const void* value) : value_(value) {}
  bool is_null() const;
  bool is_object() const;
  bool is_array() const;
  bool is_number() const;
  std::optional<bool> boolean() const;
  std::optional<std::string_view> string() const;
  /// Exact integers only: 3.0 and 3e0 count, 3.5 and numbers beyond 64 bits do not.
  std::optional<std::int64_t> integer() const;
  std::optional<double> number() const;  // finite
  std::size_t size() const;              // of an array
  Node at(std::size_t index) const;
  std::optional<Node> find(std::string_view name) const;  // of an object; the last of equal names

 private:
  const void* value_;
};

/// A parsed text; nodes live as long as it does. Depth is limited to 32.
class Document {
 public:
  /// Errors: malformed_json.
  static Result<Document> parse(std::string_view text);
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();
  Node root() const;

 private:
  struct Tree;
  explicit Document(std::unique_ptr<Tree> tree);
  std::unique_ptr<Tree> tree_;
};

}  // namespace madang::json
