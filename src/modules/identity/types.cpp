#include "modules/identity/types.hpp"

namespace madang::json {

void Codec<identity::ChangePassword>::read(Node node, identity::ChangePassword& value,
                                           Issues& issues) {
  if (!detail::check_object(node, issues)) return;
  const auto member = [&](std::string_view name, auto& target) {
    const auto found = node.find(name);
    if (!found) return detail::fail_required(name, issues);
    const Issues::At at(issues, name);
    Codec<std::remove_cvref_t<decltype(target)>>::read(*found, target, issues);
  };
  member("old", value.old);
  member("new", value.new_);
}

void Codec<identity::ChangePassword>::schema(std::string& out, Schemas& schemas) {
  detail::reference(out, "ChangePassword");
  if (!schemas.enter("ChangePassword")) return;
  std::string properties;
  Codec<decltype(identity::ChangePassword::old)>::schema(properties, schemas);
  std::string text = R"({"type":"object","properties":{"old":)" + properties + R"(,"new":)";
  Codec<Password>::schema(text, schemas);
  schemas.set("ChangePassword", text + R"(},"required":["old","new"]})");
}

}  // namespace madang::json
