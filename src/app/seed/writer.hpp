// Fills templates (phrases.hpp) for one person at one moment.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "app/seed/phrases.hpp"

namespace madang::app::seed {

struct Moment {
  Season season = Season::autumn;
  int hour = 12;
};

/// What is chosen for one text: the same list gives the same word again.
class Writer {
 public:
  Writer(const Phrases& phrases, const Person& person, Moment moment, Dice& dice)
      : phrases_(phrases), person_(person), moment_(moment), dice_(dice) {}

  /// One of the lines that can be said now and about this subject, filled in. Empty when none can.
  std::string write(const Lines& lines);
  /// One that could be said at this moment; nothing when there is none.
  std::optional<std::size_t> choose(const Lines& lines);
  std::string fill(std::string_view line);
  /// What the text was about so far; empty when nothing was marked.
  const std::string& subject() const { return subject_; }
  void set_subject(std::string subject) { subject_ = std::move(subject); }

 private:
  bool fits(std::string_view line) const;
  bool can_say(std::string_view line) const;
  std::string slot(std::string_view slot);
  std::string word(std::string_view list);

  const Phrases& phrases_;
  const Person& person_;
  const Moment moment_;
  Dice& dice_;
  std::map<std::string, std::string, std::less<>> words_;
  std::string subject_;
};

/// The particle in the form that follows `word`: ("감", "을") -> "을", ("배", "을") -> "를".
std::string particle(std::string_view word, std::string_view form);

/// Whether an opening wants nothing after it: `[alone] ...`.
bool stands_alone(std::string_view line);

/// The first letter of each sentence, where it is a Latin one, as a capital.
std::string capitalised(std::string text);

}  // namespace madang::app::seed
