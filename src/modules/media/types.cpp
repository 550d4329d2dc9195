#include "modules/media/types.hpp"

namespace madang::json {

void Codec<media::HeaderMap>::write(std::string& out, const media::HeaderMap& value) {
  out += '{';
  for (bool first = true; const auto& [name, text] : value.items) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, name);
    out += ':';
    append_json_string(out, text);
  }
  out += '}';
}

void Codec<media::HeaderMap>::schema(std::string& out, Schemas&) {
  out += R"({"type":"object","additionalProperties":{"type":"string"}})";
}

}  // namespace madang::json
