#include "platform/db/mariadb_schema.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace madang::db::mariadb {

namespace {

constexpr std::string_view space = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(space);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(space) + 1 - begin);
}

/// Takes the next word off the text.
std::string_view take_word(std::string_view& text) {
  text = trimmed(text);
  const std::string_view word = text.substr(0, text.find_first_of(" \t\r\n(,"));
  text.remove_prefix(word.size());
  return word;
}

/// Whether the text begins with these words; takes them off.
bool take(std::string_view& text, std::initializer_list<std::string_view> words) {
  std::string_view rest = text;
  for (const std::string_view word : words)
    if (take_word(rest) != word) return false;
  text = trimmed(rest);
  return true;
}

/// The parts between commas that stand in no brackets or quotes.
std::vector<std::string_view> parts(std::string_view list) {
  std::vector<std::string_view> out;
  int depth = 0;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '\'') quoted = !quoted;
    if (quoted) continue;
    if (list[i] == '(') ++depth;
    if (list[i] == ')') --depth;
    if (list[i] != ',' || depth != 0) continue;
    out.push_back(trimmed(list.substr(begin, i - begin)));
    begin = i + 1;
  }
  out.push_back(trimmed(list.substr(begin)));
  return out;
}

std::string type_of(std::string_view type, std::string_view rest) {
  const bool primary = rest.contains("primary key");
  if (type == "integer" && primary && !rest.contains("not null"))
    return "bigint not null auto_increment";
  if (type == "integer") return "bigint";
  if (type == "text") return "mediumtext";
  if (type == "blob") return primary || rest.contains("unique") ? "varbinary(255)" : "longblob";
  return std::string(type);
}

/// `name type ...`, or a constraint of the table.
std::string column(std::string_view text) {
  constexpr std::array constraints{"primary", "unique", "check", "foreign", "constraint", "key"};
  std::string_view rest = text;
  const std::string_view name = take_word(rest);
  if (std::ranges::find(constraints, name) != constraints.end()) return std::string(text);
  const std::string_view type = take_word(rest);
  return std::string(name) + " " + type_of(type, rest) + std::string(rest);
}

std::string table(std::string_view rest) {
  take(rest, {"if", "not", "exists"});
  const std::string_view name = take_word(rest);
  const std::size_t open = rest.find('(');
  const std::size_t close = rest.rfind(')');
  std::string out = "create table if not exists " + std::string(name) + " (";
  for (const std::string_view part : parts(rest.substr(open + 1, close - open - 1))) {
    if (!out.ends_with('(')) out += ", ";
    out += column(part);
  }
  return out +
         ") engine=InnoDB row_format=dynamic default character set utf8mb4 collate "
         "utf8mb4_nopad_bin";
}

}  // namespace

std::string definition(std::string_view statement) {
  std::string_view rest = trimmed(statement);
  if (take(rest, {"create", "table"}) && rest.contains('(')) return table(rest);
  for (const bool unique : {false, true}) {
    rest = trimmed(statement);
    const bool is_index =
        unique ? take(rest, {"create", "unique", "index"}) : take(rest, {"create", "index"});
    if (!is_index) continue;
    take(rest, {"if", "not", "exists"});
    return (unique ? "create unique index if not exists " : "create index if not exists ") +
           std::string(rest);
  }
  rest = trimmed(statement);
  if (take(rest, {"alter", "table"})) {
    const std::string_view name = take_word(rest);
    if (take(rest, {"add", "column"}))
      return "alter table " + std::string(name) + " add column if not exists " + column(rest);
  }
  return std::string(statement);
}

}  // namespace madang::db::mariadb
