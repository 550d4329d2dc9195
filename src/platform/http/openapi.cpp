// The OpenAPI 3.1 document, written from the same declarations that serve the requests.
#include <map>

#include "platform/http/problem.hpp"
#include "platform/http/route.hpp"

namespace madang::http {

namespace {

std::string lower_method(Method method) {
  std::string name(method_name(method));
  for (char& c : name) c = static_cast<char>(c | 0x20);
  return name;
}

/// `{id}` may stand twice in a template; OpenAPI wants distinct names, and no dots.
std::vector<std::string> path_parameters(const std::string& path) {
  std::vector<std::string> names;
  for (std::size_t open = path.find('{'); open != path.npos; open = path.find('{', open + 1)) {
    std::string name = path.substr(open + 1, path.find('}', open) - open - 1);
    if (name.ends_with("...")) name.resize(name.size() - 3);
    names.push_back(std::move(name));
  }
  return names;
}

void append_path_parameters(std::string& out, const std::string& path) {
  for (const std::string& name : path_parameters(path)) {
    if (!out.empty()) out += ',';
    out += R"({"in":"path","required":true,"name":)" + json_string(name) + R"(,"schema":)";
    if (name == "id")
      json::detail::integer_schema(out, 1, max_id);
    else
      out += R"({"type":"string"})";
    out += '}';
  }
}

void append_problem(std::string& out, unsigned status) {
  out +=
      ",\"" + std::to_string(status) + R"(":{"description":)" + json_string(reason_phrase(status)) +
      R"(,"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}})";
}

std::string operation_id(const Endpoint& endpoint) {
  std::string id = lower_method(endpoint.method);
  for (const char c : endpoint.path.substr(std::string_view("/api/v1").size())) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain)
      id += c;
    else if (!id.ends_with('_'))
      id += '_';
  }
  while (id.ends_with('_')) id.pop_back();
  return id;
}

constexpr std::string_view problem_schema =
    R"({"type":"object","required":["type","title","status","code","request_id"],"properties":{)"
    R"("type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},"code":{"type":"string"},)"
    R"("detail":{"type":"string"},"request_id":{"type":"string"},"errors":{"type":"array","items":{"type":"object",)"
    R"("required":["field","code","message"],"properties":{"field":{"type":"string"},"code":{"type":"string"},)"
    R"("message":{"type":"string"}}}}}})";

}  // namespace

std::string Api::openapi() const {
  json::Schemas schemas;
  std::map<std::string, std::string> paths;
  for (const auto& route : routes_) {
    const Endpoint& endpoint = route->endpoint;
    if (endpoint.options.hidden) continue;
    const bool user = endpoint.access == Access::user || endpoint.access == Access::admin;
    std::string parameters;
    append_path_parameters(parameters, endpoint.path);
    const bool has_path_parameters = !parameters.empty();
    if (route->description.query != nullptr) {
      std::string query;
      route->description.query(query, schemas);
      if (!parameters.empty() && !query.empty()) parameters += ',';
      parameters += query;
    }
    std::string& operations = paths[endpoint.path];
    if (!operations.empty()) operations += ',';
    operations += '"' + lower_method(endpoint.method) + R"(":{"operationId":)" +
                  json_string(operation_id(endpoint)) + R"(,"summary":)" +
                  json_string(endpoint.summary) + R"(,"tags":[)" +
                  json_string(endpoint.options.tag) + "]";
    if (user) operations += R"(,"security":[{"bearer":[]},{"cookie":[]}])";
    if (endpoint.access == Access::anyone)
      operations += R"(,"security":[{},{"bearer":[]},{"cookie":[]}])";
    if (endpoint.access == Access::open) operations += R"(,"security":[])";
    if (!parameters.empty()) operations += ",\"parameters\":[" + parameters + "]";
    if (route->description.body != nullptr) {
      operations += R"(,"requestBody":{"required":true,"content":{"application/json":{"schema":)";
      route->description.body(operations, schemas);
      operations += "}}}";
    }
    const unsigned status = route->description.answer == nullptr && endpoint.options.status == 200
                                ? 204
                                : endpoint.options.status;
    operations += R"(,"responses":{")" + std::to_string(status) + R"(":{"description":)" +
                  json_string(reason_phrase(status));
    if (route->description.answer != nullptr) {
      operations += R"(,"content":{"application/json":{"schema":)";
      route->description.answer(operations, schemas);
      operations += "}}";
    }
    operations += '}';
    if (route->description.body != nullptr) append_problem(operations, 400);
    if (user) append_problem(operations, 401);
    if (endpoint.access == Access::admin) append_problem(operations, 403);
    if (has_path_parameters) append_problem(operations, 404);
    if (route->description.body != nullptr || route->description.query != nullptr)
      append_problem(operations, 422);
    append_problem(operations, 429);
    append_problem(operations, 503);
    operations += "}}";
  }
  std::string out =
      R"({"openapi":"3.1.0","info":{"title":"Madang","version":)" + json_string(MADANG_VERSION) +
      R"(,"license":{"name":"Apache-2.0","identifier":"Apache-2.0"}},"servers":[{"url":"/"}],"paths":{)";
  bool first = true;
  for (const auto& [path, operations] : paths) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, path);
    out += ":{" + operations + '}';
  }
  out += R"(},"components":{"securitySchemes":{"bearer":{"type":"http","scheme":"bearer"},)"
         R"("cookie":{"type":"apiKey","in":"cookie","name":"madang_session"}},"schemas":{)";
  out += R"("Problem":)" + std::string(problem_schema);
  for (const auto& [name, schema] : schemas.all()) {
    out += ',';
    append_json_string(out, name);
    out += ':' + schema;
  }
  out += "}}}";
  return out;
}

}  // namespace madang::http
