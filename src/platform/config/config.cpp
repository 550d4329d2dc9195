#include "platform/config/config.hpp"

#include <boost/property_tree/ini_parser.hpp>
#include <boost/property_tree/ptree.hpp>
#include <charconv>
#include <stdexcept>

extern char** environ;

namespace madang::config {

namespace {

constexpr std::string_view prefix = "MADANG_";

auto bad(std::string detail) {
  return fail(Kind::invalid, "bad_configuration", std::move(detail));
}

const Key* find_key(const std::vector<Key>& schema, std::string_view name) {
  for (const Key& key : schema)
    if (key.name == name) return &key;
  return nullptr;
}

/// A whole number with a unit: s m h d for seconds, k m g (powers of 1024) for bytes.
std::optional<std::int64_t> parse_number(Type type, std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return {};
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  std::int64_t factor = 1;
  if (type == Type::seconds) {
    factor = unit.empty() || unit == "s" ? 1
             : unit == "m"               ? 60
             : unit == "h"               ? 3600
             : unit == "d"               ? 86400
                                         : 0;
  } else if (type == Type::bytes) {
    factor = unit.empty()  ? 1
             : unit == "k" ? 1 << 10
             : unit == "m" ? 1 << 20
             : unit == "g" ? 1 << 30
                           : 0;
  } else if (!unit.empty()) {
    return {};
  }
  std::int64_t product = 0;
  if (factor == 0 || __builtin_mul_overflow(value, factor, &product)) return {};
  return product;
}

Result<void> check(const Key& key, const std::string& value) {
  const std::string name(key.name);
  if (key.type == Type::flag && value != "true" && value != "false")
    return bad(name + " must be true or false");
  if (key.type == Type::text || key.type == Type::list || key.type == Type::flag) return {};
  const auto number = parse_number(key.type, value);
  if (!number)
    return bad(name + (key.type == Type::seconds ? " must be a time such as 30s, 5m or 1h"
                       : key.type == Type::bytes ? " must be a size such as 512k, 64m or 1g"
                                                 : " must be a whole number"));
  if (*number < key.min || *number > key.max)
    return bad(name + " must be between " + std::to_string(key.min) + " and " +
               std::to_string(key.max));
  return {};
}

/// MADANG_HTTP__MAX_HEAD -> http.max_head; nothing when it is not ours.
std::optional<std::string> key_of_variable(std::string_view variable) {
  if (!variable.starts_with(prefix)) return {};
  std::string name;
  for (const char c : variable.substr(prefix.size()))
    name += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  const auto split = name.find("__");
  if (split == name.npos) return {};
  return name.replace(split, 2, ".");
}

}  // namespace

Environment system_environment() {
  Environment out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view pair(*entry);
    const auto equals = pair.find('=');
    if (equals != pair.npos) out.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return out;
}

Result<Config> Config::load(const std::vector<Key>& schema, const std::filesystem::path& file,
                            const Environment& environment) {
  Config config;
  config.schema_ = &schema;
  for (const Key& key : schema) config.values_.emplace(key.name, key.fallback);
  if (!file.empty()) {
    boost::property_tree::ptree tree;
    try {
      boost::property_tree::ini_parser::read_ini(file.string(), tree);
    } catch (const boost::property_tree::ini_parser_error& e) {
      return bad(file.string() + ": " + e.message() +
                 (e.line() != 0 ? " in line " + std::to_string(e.line()) : ""));
    }
    for (const auto& [section, keys] : tree)
      for (const auto& [name, value] : keys)
        if (auto set = config.set(section + "." + name, value.data()); !set)
          return std::unexpected(set.error());
  }
  for (const auto& [variable, value] : environment) {
    const auto name = key_of_variable(variable);
    if (!name) continue;
    if (auto set = config.set(*name, value); !set)
      return bad("environment " + variable + ": " + set.error().detail);
  }
  return config;
}

Result<void> Config::set(std::string_view name, std::string value) {
  const Key* key = find_key(*schema_, name);
  if (key == nullptr)
    return bad("unknown key " + std::string(name) + "; `madang config` lists them");
  if (auto checked = check(*key, value); !checked) return checked;
  values_[std::string(name)] = std::move(value);
  return {};
}

const std::string& Config::text(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end())
    throw std::logic_error("no such configuration key: " + std::string(name));
  return found->second;
}

std::int64_t Config::integer(std::string_view name) const {
  const Key* key = find_key(*schema_, name);
  return parse_number(key != nullptr ? key->type : Type::integer, text(name)).value_or(0);
}

std::chrono::seconds Config::seconds(std::string_view name) const {
  return std::chrono::seconds(integer(name));
}
std::int64_t Config::bytes(std::string_view name) const {
  return integer(name);
}
bool Config::flag(std::string_view name) const {
  return text(name) == "true";
}

std::vector<std::string> Config::list(std::string_view name) const {
  std::vector<std::string> out;
  std::string_view rest = text(name);
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    std::string_view item = rest.substr(0, comma);
    rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) out.emplace_back(item);
  }
  return out;
}

std::string Config::to_text() const {
  std::string out;
  std::string_view section;
  for (const Key& key : *schema_) {
    const auto dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      out += (out.empty() ? "[" : "\n[") + std::string(section) + "]\n";
    }
    const std::string& value = text(key.name);
    out += std::string(key.name.substr(dot + 1)) + " = " +
           (key.secret && !value.empty() ? "********" : value) + '\n';
  }
  return out;
}

std::string documentation(const std::vector<Key>& schema) {
  std::string out =
      "# Configuration\n\n<!-- Generated by `madang config --markdown`. -->\n\n"
      "Values come from the file given by `--config` (INI: `[section]` and `key = value`) and from "
      "the\n"
      "environment, which wins: `MADANG_<SECTION>__<KEY>`. Unknown keys are errors. `madang "
      "config` prints what\n"
      "is in effect, with secrets masked.\n";
  std::string_view section;
  for (const Key& key : schema) {
    const auto dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      out +=
          "\n## " + std::string(section) + "\n\n| key | default | meaning |\n| --- | --- | --- |\n";
    }
    out += "| `" + std::string(key.name.substr(dot + 1)) + "` | " +
           (key.fallback.empty() ? "" : "`" + std::string(key.fallback) + "`") + " | " +
           std::string(key.help) + " |\n";
  }
  return out;
}

}  // namespace madang::config
