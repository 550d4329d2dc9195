#include "platform/json/node.hpp"

#include <boost/json.hpp>
#include <cmath>

namespace madang::json {

namespace bj = boost::json;

namespace {

const bj::value& of(const void* value) {
  return *static_cast<const bj::value*>(value);
}

}  // namespace

bool Node::is_null() const {
  return of(value_).is_null();
}
bool Node::is_object() const {
  return of(value_).is_object();
}
bool Node::is_array() const {
  return of(value_).is_array();
}
bool Node::is_number() const {
  return of(value_).is_number();
}

std::optional<bool> Node::boolean() const {
  const bool* found = of(value_).if_bool();
  return found != nullptr ? std::optional(*found) : std::nullopt;
}

std::optional<std::string_view> Node::string() const {
  const bj::string* found = of(value_).if_string();
  if (found == nullptr) return {};
  return std::string_view(found->data(), found->size());
}

std::optional<std::int64_t> Node::integer() const {
  if (!is_number()) return {};
  bj::error_code error;
  const auto value = of(value_).to_number<std::int64_t>(error);
  return error ? std::nullopt : std::optional(value);
}

std::optional<double> Node::number() const {
  if (!is_number()) return {};
  bj::error_code error;
  const auto value = of(value_).to_number<double>(error);
  return error || !std::isfinite(value) ? std::nullopt : std::optional(value);
}

std::size_t Node::size() const {
  const bj::array* array = of(value_).if_array();
  return array != nullptr ? array->size() : 0;
}

Node Node::at(std::size_t index) const {
  return Node(&of(value_).as_array()[index]);
}

std::optional<Node> Node::find(std::string_view name) const {
  const bj::object* object = of(value_).if_object();
  const bj::value* found =
      object != nullptr ? object->if_contains({name.data(), name.size()}) : nullptr;
  return found != nullptr ? std::optional(Node(found)) : std::nullopt;
}

struct Document::Tree {
  std::byte buffer[4096];
  bj::monotonic_resource memory{buffer, sizeof buffer};
  bj::value root;
  Tree() : root(bj::storage_ptr(&memory)) {}
};

Document::Document(std::unique_ptr<Tree> tree) : tree_(std::move(tree)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;
Node Document::root() const {
  return Node(&tree_->root);
}

Result<Document> Document::parse(std::string_view text) {
  auto tree = std::make_unique<Tree>();
  bj::parse_options options;
  options.max_depth = 32;
  bj::error_code error;
  tree->root = bj::parse({text.data(), text.size()}, error, &tree->memory, options);
  if (error)
    return fail(Kind::malformed, "malformed_json", "The body is not JSON: " + error.message());
  return Document(std::move(tree));
}

}  // namespace madang::json
