// Path templates to routes. `{id}` matches an id (anything else is a 404), `{name}` one segment,
// and a last `{name...}` the rest of the path.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "platform/http/message.hpp"

namespace madang::http {

/// The values of a template's parameters, in order.
struct PathParameters {
  std::vector<Id> ids;
  std::vector<std::string> texts;  // percent-decoded, UTF-8
};

class Router {
 public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  struct Match {
    std::size_t route = none;
    PathParameters parameters;
    std::string allow;  // when the path exists with other methods: their names
  };

  Router();
  ~Router();
  /// Throws std::logic_error when the same method and template are there already.
  void add(Method method, std::string_view path, std::size_t route);
  Match find(Method method, std::string_view path) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

/// Nothing when an escape is broken or the result is not UTF-8 or holds control characters.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
std::string percent_encode(std::string_view text);

}  // namespace madang::http
