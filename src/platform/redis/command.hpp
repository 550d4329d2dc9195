// One command for Redis, and where it belongs.
//
//   Command::write("ZADD").key("feed:{42}").arg(score).arg(member)
//   Command::read("GET").key("post:17")
//   Command::script(trim, 1).key("feed:{42}").arg(400)
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace madang::redis {

inline constexpr std::uint16_t slot_count = 16384;

/// The hash slot of a key: of what stands between its first `{` and the next `}`, when that is
/// something.
std::uint16_t slot_of(std::string_view key);

/// A Lua script and the name servers keep it by (SHA-1, hexadecimal).
class Script {
 public:
  explicit Script(std::string source);
  const std::string& source() const { return text_->source; }
  const std::string& sha() const { return text_->sha; }

 private:
  friend class Command;
  struct Text {
    std::string source;
    std::string sha;
  };
  std::shared_ptr<const Text> text_;
};

inline constexpr std::size_t reign_size = 16;

/// Lua for the beginning of a script: `local reign`, 16 digits of the replication id that a server
/// takes when it starts or becomes master. Two states of which one does not continue the other
/// never have the same, however often masters are restarted and replaced. 2 us a call, 5 with
/// replicas (measured, 7.0).
inline constexpr std::string_view reign_lua =
    "local reign = string.match(redis.call('INFO', 'replication'), "
    "'master_replid:('..('%x'):rep(16)"
    "..')')\n";

class Command {
 public:
  /// What may be done with a command that is not known to have been carried out.
  enum class Effect : std::uint8_t {
    read,    // changes nothing: again, anywhere
    repeat,  // a write that may be done twice (SET, ZADD): again
    once,    // a write that may not (INCR): `redis_outcome_unknown`
  };

  /// A read; of the master, unless from_replica() is added.
  static Command read(std::string_view name) { return Command(name, Effect::read); }
  /// A write that does the same when it is done twice.
  static Command write(std::string_view name) { return Command(name, Effect::repeat); }
  /// A write that does not.
  static Command once(std::string_view name) { return Command(name, Effect::once); }
  /// EVALSHA; the keys first, `keys` of them. The client sends the source where it is unknown.
  static Command script(const Script& script, std::size_t keys, Effect effect = Effect::repeat);

  Command&& key(std::string_view key) &&;
  Command&& arg(std::string_view text) && { return std::move(add(text)); }
  template <std::integral T>
  Command&& arg(T number) && {
    return std::move(add_number(static_cast<std::int64_t>(number)));
  }
  /// A replica may answer, and may be behind.
  Command&& from_replica() && {
    replica_ = true;
    return std::move(*this);
  }
  /// For reads that are no scripts: the answer is an array of two, what the server answered and the
  /// reign (see reign_lua) that it has right afterwards. A value that carries that reign was
  /// written in it: a server has no values of a reign that is still to come. All that leave
  /// together ask for the reign once, which is what this is for: a script asks each time.
  Command&& with_reign() && {
    reign_ = true;
    return std::move(*this);
  }
  /// The same in steps.
  Command& add(std::string_view text);
  Command& add_key(std::string_view key);
  Command& add_number(std::int64_t number);

  /// As the protocol has it, appended.
  void append_to(std::string& wire) const;
  std::size_t wire_size() const { return body_.size() + 16; }

  /// Of its first key; none: any node will do.
  std::optional<std::uint16_t> slot() const {
    return slot_ < slot_count ? std::optional(slot_) : std::nullopt;
  }
  /// Keys in different slots: no node of a cluster takes it.
  bool crosses_slots() const { return crosses_slots_; }
  Effect effect() const { return effect_; }
  bool may_repeat() const { return effect_ != Effect::once; }
  bool wants_reign() const { return reign_; }
  bool wants_replica() const { return replica_ && effect_ == Effect::read; }
  /// The script's SHA and source; null for other commands.
  const std::string* script_sha() const { return script_ ? &script_->sha : nullptr; }
  const std::string* script_source() const { return script_ ? &script_->source : nullptr; }

 private:
  Command(std::string_view name, Effect effect);

  std::string body_;
  std::uint32_t parts_ = 0;
  std::uint16_t slot_ = slot_count;
  Effect effect_;
  bool replica_ = false;
  bool reign_ = false;
  bool crosses_slots_ = false;
  std::shared_ptr<const Script::Text> script_;
};

}  // namespace madang::redis
