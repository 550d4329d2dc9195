// The OpenAPI 3.1 document, written from the same declarations that serve the requests.
#include <algorithm>
#include <map>
#include <set>

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

bool is_keyed(const Endpoint& endpoint) {
  return endpoint.method == Method::post && endpoint.options.idempotent_by_key &&
         endpoint.access != Access::open;
}

void append_header_parameter(std::string& out, const HeaderParameter& header,
                             std::string_view schema) {
  if (!out.empty()) out += ',';
  out += R"({"in":"header","required":false,"name":)" + json_string(header.name) +
         R"(,"description":)" + json_string(header.meaning) + R"(,"schema":)";
  out.append(schema).append("}");
}

void append_header_parameters(std::string& out, const Endpoint& endpoint) {
  if (is_keyed(endpoint))
    append_header_parameter(
        out,
        {.name = "Idempotency-Key",
         .meaning = "1 to 255 visible ASCII characters, bare or in double quotes. Within 24 hours "
                    "the same key with the same body gets the first answer again, with "
                    "`Idempotent-Replayed: true`; with another body 422 `idempotency_mismatch`; "
                    "while the first is being worked on 409 `idempotency_in_flight`."},
        R"({"type":"string","minLength":1,"maxLength":257})");
  for (const HeaderParameter& header : endpoint.options.headers)
    append_header_parameter(out, header, R"({"type":"string"})");
}

/// The refusals that follow from the declaration, in the order of their numbers.
std::set<unsigned> problems_of(const Endpoint& endpoint, bool body, bool query, bool in_path) {
  std::set<unsigned> all{400, 429, 503};  // 400: a target or framing that cannot be read, too
  const bool unsafe = endpoint.method != Method::get;
  const bool signed_in = endpoint.access != Access::open;
  if (signed_in) all.insert(401);
  if (endpoint.access == Access::admin || (signed_in && unsafe)) all.insert(403);  // csrf_failed
  if (in_path) all.insert(404);
  if (unsafe) all.insert(413);  // a body is measured wherever one is sent
  if (body) all.insert(415);
  if (body || query || is_keyed(endpoint)) all.insert(422);
  if (is_keyed(endpoint)) all.insert(409);
  for (const unsigned status : endpoint.options.also)
    if (status >= 400) all.insert(status);
  return all;
}

void append_answer(std::string& out, unsigned status, std::string_view type,
                   std::string_view schema) {
  if (!out.empty()) out += ',';
  out += '"' + std::to_string(status) + R"(":{"description":)" + json_string(reason_phrase(status));
  if (!schema.empty()) {
    out += R"(,"content":{)" + json_string(type) + R"(:{"schema":)";
    out.append(schema).append("}}");
  }
  out += '}';
}

std::string security_of(Access access) {
  switch (access) {
    case Access::open:
      return "[]";
    case Access::anyone:
      return R"([{},{"bearer":[]},{"cookie":[]}])";
    case Access::user:
    case Access::admin:
      break;
  }
  return R"([{"bearer":[]},{"cookie":[]}])";
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

constexpr std::string_view introduction =
    "JSON in and out; ids are numbers below 2^53, times RFC 3339 in UTC with milliseconds. Unknown "
    "fields of a request are ignored.\n\n"
    "**Refusals** are `application/problem+json` (RFC 9457) with a stable `code`; 422 "
    "`validation_failed` lists `errors`. Besides the statuses of each operation: 404 for an "
    "unknown path, 405 with `Allow` for a wrong method, 500 `internal` for a fault of the server, "
    "and for "
    "broken HTTP 400, 408, 413, 414, 431 and 505, after which the connection closes. Every answer "
    "has an `X-Request-Id`.\n\n"
    "**Signing in**: `POST /api/v1/sessions` gives a token for `Authorization: Bearer`. With the "
    "header `Madang-Session: cookie` it sets an HttpOnly cookie instead; calls by cookie that "
    "change something need a same-origin `Origin` and `Madang-Csrf: 1`, else 403 `csrf_failed`.\n\n"
    "**Limits**: `RateLimit-Policy` and `RateLimit` tell how much is left; 429 and 503 come with "
    "`Retry-After` in seconds.\n\n"
    "**Lists** answer `items` and, when there is more, `next_cursor`; send it back as `cursor`, or "
    "follow the header `Link` with `rel=\"next\"`. Cursors mean nothing to anybody else.";

constexpr std::string_view problem_schema =
    R"({"type":"object","required":["type","title","status","code","request_id"],"properties":{)"
    R"("type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},"code":{"type":"string"},)"
    R"("detail":{"type":"string"},"request_id":{"type":"string"},"errors":{"type":"array","items":{"type":"object",)"
    R"("required":["field","code","message"],"properties":{"field":{"type":"string"},"code":{"type":"string"},)"
    R"("message":{"type":"string"}}}}}})";

}  // namespace

std::string Api::operation(const Route& route, json::Schemas& schemas) {
  const Endpoint& endpoint = route.endpoint;
  std::string parameters;
  append_path_parameters(parameters, endpoint.path);
  const bool in_path = !parameters.empty();
  std::string query;
  if (route.description.query != nullptr) route.description.query(query, schemas);
  if (!parameters.empty() && !query.empty()) parameters += ',';
  parameters += query;
  append_header_parameters(parameters, endpoint);
  std::string out = R"({"operationId":)" + json_string(operation_id(endpoint)) + R"(,"summary":)" +
                    json_string(endpoint.summary) + R"(,"tags":[)" +
                    json_string(endpoint.options.tag) + R"(],"security":)" +
                    security_of(endpoint.access);
  if (endpoint.access == Access::admin) out += R"(,"x-required-role":"admin")";
  if (!parameters.empty()) out += ",\"parameters\":[" + parameters + "]";
  const bool body = route.description.body != nullptr;
  if (body) {
    out += R"(,"requestBody":{"required":true,"content":{"application/json":{"schema":)";
    route.description.body(out, schemas);
    out += "}}}";
  }
  std::string responses = answers(route, schemas);
  for (const unsigned status :
       problems_of(endpoint, body, route.description.query != nullptr, in_path))
    append_answer(responses, status, "application/problem+json",
                  R"({"$ref":"#/components/schemas/Problem"})");
  return out + R"(,"responses":{)" + responses + "}}";
}

/// What comes of a call that is in order.
std::string Api::answers(const Route& route, json::Schemas& schemas) {
  const EndpointOptions& options = route.endpoint.options;
  const bool by_hand = !options.content_type.empty();
  std::string schema;
  if (by_hand) schema = R"({"type":"string"})";
  if (route.description.answer != nullptr) route.description.answer(schema, schemas);
  const std::string_view type = by_hand ? options.content_type : "application/json";
  std::string out;
  append_answer(out, schema.empty() && options.status == 200 ? 204 : options.status, type, schema);
  for (const unsigned status : options.also)
    if (status < 400) append_answer(out, status, type, schema);
  return out;
}

std::string Api::openapi() const {
  json::Schemas schemas;
  std::map<std::string, std::string> paths;
  std::vector<std::string_view> tags;  // as they come up
  for (const auto& route : routes_) {
    const Endpoint& endpoint = route->endpoint;
    if (endpoint.options.hidden) continue;
    if (std::ranges::find(tags, endpoint.options.tag) == tags.end())
      tags.push_back(endpoint.options.tag);
    std::string& operations = paths[endpoint.path];
    if (!operations.empty()) operations += ',';
    operations += '"' + lower_method(endpoint.method) + "\":" + operation(*route, schemas);
  }
  std::string out =
      R"({"openapi":"3.1.0","info":{"title":"Madang","version":)" + json_string(MADANG_VERSION) +
      R"(,"description":)" + json_string(introduction) +
      R"(,"license":{"name":"Apache-2.0","identifier":"Apache-2.0"}},"servers":[{"url":"/"}],"tags":[)";
  for (const std::string_view tag : tags)
    out += (tag == tags.front() ? R"({"name":)" : R"(,{"name":)") + json_string(tag) + '}';
  out += R"(],"paths":{)";
  bool first = true;
  for (const auto& [path, operations] : paths) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, path);
    out += ":{" + operations + '}';
  }
  out += R"(},"components":{"securitySchemes":{"bearer":{"type":"http","scheme":"bearer"},)"
         R"("cookie":{"type":"apiKey","in":"cookie","name":)" +
         json_string(session_cookie_name(options_.public_url)) + R"(}},"schemas":{)";
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
