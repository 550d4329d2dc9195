#include "base/ids.hpp"

#include <algorithm>
#include <charconv>
#include <thread>

namespace madang {

using namespace std::chrono;

namespace {

constexpr std::int64_t sequence_size = 1 << id_sequence_bits;

std::int64_t epoch_millis(Time time) {
  return floor<milliseconds>(time - id_epoch).count();
}
std::int64_t tick(Time time) {
  return std::max<std::int64_t>(epoch_millis(time), 0) * sequence_size;
}

}  // namespace

Id first_id_at(Time time) {
  const std::int64_t millis = std::max<std::int64_t>(epoch_millis(time), 0);
  constexpr int shift = id_node_bits + id_sequence_bits;
  return millis > (max_id >> shift) ? max_id : millis << shift;
}

Time id_time(Id id) {
  return id_epoch + milliseconds(id >> (id_node_bits + id_sequence_bits));
}

std::optional<Id> parse_id(std::string_view text) {
  if (text.empty() || text.size() > 16 || text.front() < '1' || text.front() > '9') return {};
  Id id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() || id > max_id) return {};
  return id;
}

IdGenerator::IdGenerator(const Clock& clock, int node, Time floor)
    : clock_(clock),
      node_(node),
      next_(std::max<std::int64_t>(tick(floor), sequence_size)),
      ceiling_(next_) {}

Result<Id> IdGenerator::next() {
  const std::int64_t now = tick(clock_.now());
  const std::int64_t limit = now + duration_cast<milliseconds>(max_ahead).count() * sequence_size;
  const std::lock_guard lock(mutex_);
  const std::int64_t candidate = std::max(next_, now);
  if (candidate > limit || candidate >= ceiling_)
    return busy("ids_exhausted", "The server's clock was set back or it is overloaded; try again.");
  next_ = candidate + 1;
  const std::int64_t millis = candidate / sequence_size;
  const std::int64_t sequence = candidate % sequence_size;
  return (((millis << id_node_bits) | node_) << id_sequence_bits) | sequence;
}

Id IdGenerator::next_or_wait() {
  for (;;) {
    if (auto id = next()) return *id;
    std::this_thread::sleep_for(milliseconds(1));
  }
}

void IdGenerator::extend(Time ceiling) {
  const std::lock_guard lock(mutex_);
  ceiling_ = std::max(ceiling_, tick(ceiling));
}

Time IdGenerator::used_until() const {
  const std::lock_guard lock(mutex_);
  return id_epoch + milliseconds((next_ + sequence_size - 1) / sequence_size);
}

}  // namespace madang
