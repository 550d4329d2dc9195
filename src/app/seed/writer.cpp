#include "app/seed/writer.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace madang::app::seed {

namespace {

/// By the form after a closed syllable.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> open_forms{{
    {"은", "는"},
    {"이", "가"},
    {"을", "를"},
    {"과", "와"},
    {"으로", "로"},
    {"이에요", "예요"},
    {"이었어요", "였어요"},
    {"이랑", "랑"},
    {"이라네요", "라네요"},
}};

/// The final consonant of the last Hangul syllable: 0 none, 8 is ㄹ; -1 when it is not Hangul.
int last_final(std::string_view word) {
  if (word.size() < 3) return -1;
  const auto byte = [&](std::size_t from_end) {
    return static_cast<unsigned>(static_cast<unsigned char>(word[word.size() - from_end]));
  };
  const unsigned code = (byte(3) & 0x0F) << 12 | (byte(2) & 0x3F) << 6 | (byte(1) & 0x3F);
  if ((byte(3) & 0xF0) != 0xE0 || code < 0xAC00 || code > 0xD7A3) return -1;
  return static_cast<int>((code - 0xAC00) % 28);
}

std::string_view season_name(Season season) {
  constexpr std::array<std::string_view, 4> names{"spring", "summer", "autumn", "winter"};
  return names[static_cast<std::size_t>(season)];
}

bool is_season(std::string_view word) {
  return word == "spring" || word == "summer" || word == "autumn" || word == "winter";
}

bool is_time(std::string_view word, int hour) {
  if (word == "day") return hour >= 10 && hour < 17;
  if (word == "morning") return hour >= 5 && hour < 10;
  if (word == "evening") return hour >= 17 && hour < 20;
  return hour >= 20 || hour < 5;  // night
}

constexpr std::string_view alone = "alone";

/// `[a,b] text`: what stands in the brackets, and the text.
std::pair<std::string_view, std::string_view> split_condition(std::string_view line) {
  if (!line.starts_with('[')) return {{}, line};
  const auto end = line.find(']');
  return {line.substr(1, end - 1), line.substr(end + 2)};
}

}  // namespace

std::string particle(std::string_view word, std::string_view form) {
  const int final = last_final(word);
  const bool open = final == 0 || (form == "으로" && final == 8);
  if (!open) return std::string(form);
  for (const auto& [closed, opened] : open_forms)
    if (form == closed) return std::string(opened);
  // What else begins with the copula loses it: 이죠 -> 죠.
  constexpr std::string_view copula = "이";
  return std::string(form.starts_with(copula) ? form.substr(copula.size()) : form);
}

bool stands_alone(std::string_view line) {
  return split_condition(line).first.contains(alone);
}

std::string capitalised(std::string text) {
  bool begins = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (begins && text[i] >= 'a' && text[i] <= 'z') text[i] = static_cast<char>(text[i] - 32);
    const bool space = text[i] == ' ';
    begins = space && i > 0 && (text[i - 1] == '.' || text[i - 1] == '!' || text[i - 1] == '?');
  }
  return text;
}

bool Writer::fits(std::string_view line) const {
  std::string_view conditions = split_condition(line).first;
  bool season_named = false, season_fits = false, time_named = false, time_fits = false;
  while (!conditions.empty()) {
    const auto comma = conditions.find(',');
    const std::string_view one = conditions.substr(0, comma);
    conditions = comma == conditions.npos ? std::string_view() : conditions.substr(comma + 1);
    if (is_season(one)) {
      season_named = true;
      season_fits |= one == season_name(moment_.season);
    } else if (one != alone) {
      time_named = true;
      time_fits |= is_time(one, moment_.hour);
    }
  }
  return (!season_named || season_fits) && (!time_named || time_fits);
}

bool Writer::can_say(std::string_view line) const {
  if (person_.pet.empty() && (line.contains("{pet") || line.contains("{!pet"))) return false;
  return !subject_.empty() || !line.contains("{subject");
}

std::optional<std::size_t> Writer::choose(const Lines& lines) {
  std::vector<std::size_t> possible;
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (fits(lines[i]) && can_say(lines[i])) possible.push_back(i);
  if (possible.empty()) return {};
  return dice_.pick(possible);
}

std::string Writer::write(const Lines& lines) {
  const auto chosen = choose(lines);
  return chosen ? fill(lines[*chosen]) : std::string();
}

std::string Writer::fill(std::string_view line) {
  line = split_condition(line).second;
  std::string out;
  while (!line.empty()) {
    const auto open = line.find('{');
    out += line.substr(0, open);
    if (open == line.npos) break;
    const auto close = line.find('}', open);
    out += slot(line.substr(open + 1, close - open - 1));
    line = line.substr(close + 1);
  }
  return out;
}

std::string Writer::slot(std::string_view slot) {
  const bool about = slot.starts_with('!');
  if (about) slot.remove_prefix(1);
  const auto bar = slot.find('|');
  const std::string chosen = word(slot.substr(0, bar));
  if (about) subject_ = chosen;
  if (bar == slot.npos) return chosen;
  return chosen + particle(chosen, slot.substr(bar + 1));
}

std::string Writer::word(std::string_view list) {
  if (list == "subject") return subject_;
  if (list == "pet") return person_.pet;
  const Craft& craft = phrases_.crafts[person_.craft % phrases_.crafts.size()];
  if (list == "craft") return std::string(craft.name);
  if (const auto known = words_.find(list); known != words_.end()) return known->second;
  const Lines* choices = &craft.works;
  if (list != "work") {
    const std::string seasonal = std::string(list) + "." + std::string(season_name(moment_.season));
    auto found = phrases_.lists.find(seasonal);
    if (found == phrases_.lists.end()) found = phrases_.lists.find(list);
    if (found == phrases_.lists.end()) throw std::logic_error("no list " + std::string(list));
    choices = &found->second;
  }
  return words_[std::string(list)] = std::string(dice_.pick(*choices));
}

}  // namespace madang::app::seed
