#include "platform/http/router.hpp"

#include <stdexcept>

#include "base/text.hpp"

namespace madang::http {

namespace {

constexpr std::size_t method_count = static_cast<std::size_t>(Method::other) + 1;

std::string_view take_segment(std::string_view& path) {
  const auto slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path = slash == path.npos ? std::string_view() : path.substr(slash + 1);
  return segment;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
  std::unique_ptr<Node> id;
  std::unique_ptr<Node> text;
  std::unique_ptr<Node> rest;
  std::array<std::size_t, method_count> routes;
  bool used = false;
  Node() { routes.fill(none); }

  Node& child(std::string_view segment) {
    const auto place = [](std::unique_ptr<Node>& slot) -> Node& {
      if (!slot) slot = std::make_unique<Node>();
      return *slot;
    };
    if (segment == "{id}") return place(id);
    if (segment.starts_with('{')) return place(segment.ends_with("...}") ? rest : text);
    return place(children[std::string(segment)]);
  }
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

void Router::add(Method method, std::string_view path, std::size_t route) {
  Node* node = root_.get();
  path.remove_prefix(1);
  while (!path.empty()) node = &node->child(take_segment(path));
  auto& slot = node->routes[static_cast<std::size_t>(method)];
  if (slot != none) throw std::logic_error("the route exists already");
  slot = route;
  node->used = true;
}

Router::Match Router::find(Method method, std::string_view path) const {
  Match match;
  const Node* node = root_.get();
  if (!path.starts_with('/')) return match;
  path.remove_prefix(1);
  while (!path.empty() && node != nullptr) {
    const std::string_view whole = path;
    const bool trailing_slash = path.ends_with('/');
    const std::string_view segment = take_segment(path);
    if (const auto found = node->children.find(segment); found != node->children.end()) {
      node = found->second.get();
    } else if (const auto id = node->id ? parse_id(segment) : std::nullopt) {
      match.parameters.ids.push_back(*id);
      node = node->id.get();
    } else if (node->text && !segment.empty()) {
      auto text = percent_decode(segment);
      if (!text) return match;
      match.parameters.texts.push_back(std::move(*text));
      node = node->text.get();
    } else if (node->rest) {
      match.parameters.texts.emplace_back(whole);
      node = node->rest.get();
      path = {};
      break;
    } else {
      return match;
    }
    if (path.empty() && trailing_slash) return match;
  }
  if (!node->used) return match;
  // HEAD is GET without the body; the server leaves it out.
  const Method wanted = method == Method::head ? Method::get : method;
  match.route = node->routes[static_cast<std::size_t>(wanted)];
  if (match.route != none) return match;
  for (std::size_t i = 0; i < method_count; ++i) {
    if (node->routes[i] == none) continue;
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += method_name(static_cast<Method>(i));
    if (static_cast<Method>(i) == Method::get) match.allow += ", HEAD";
  }
  return match;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] == '%') {
      if (i + 2 >= text.size()) return {};
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return {};
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return clean_text(out);
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                       (byte >= 'A' && byte <= 'Z') || byte == '-' || byte == '_' || byte == '.' ||
                       byte == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

}  // namespace madang::http
