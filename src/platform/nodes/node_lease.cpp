#include "platform/nodes/node_lease.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "base/encoding.hpp"
#include "base/ids.hpp"
#include "platform/log/log.hpp"

namespace madang::nodes {

static_assert(NodeLease::numbers == 1 << id_node_bits);

namespace {

std::int64_t micros(std::chrono::milliseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

std::string random_name(Random& random) {
  return to_hex(random.bytes<16>());
}

}  // namespace

struct NodeLease::Row {
  std::int64_t number = 0;
  std::string place;
  std::int64_t fence = 0;
  std::int64_t ceiling = 0;
  bool shares = false;
  std::string secret_mark;
  bool alive = false;  // another process has it, as far as anybody knows
};

NodeLease::NodeLease(db::Database& db, const Clock& clock, NodeOptions options, Random& random)
    : db_(db), clock_(clock), options_(std::move(options)), holder_(random_name(random)) {
  const auto taken =
      db_.write_blocking([this](db::Transaction& tx) -> Result<void> { return take(tx); });
  if (!taken) throw std::runtime_error(taken.error().detail);
  log::info("nodes", "number_taken", {{"number", number_}, {"fence", fence_}});
}

Result<void> NodeLease::take(db::Transaction& tx) {
  // One after the other: two that do not share must not both find the store free.
  tx.execute("update nodes set fence = fence + 1 where number = -1");
  if (tx.value<int>("select 1 from store_copy limit 1"))
    return fail(
        Kind::unavailable, "half_copied",
        "database.url: `madang migrate-store` has not finished filling this database; run it "
        "again, it goes on where it stopped");
  if (auto checked = check_clock(tx); !checked) return checked;
  std::vector<Row> rows;
  const std::string now(db::store_clock(tx.dialect()));
  tx.each<std::int64_t, std::string, std::int64_t, std::int64_t, bool, std::string, bool>(
      "select number, place, fence, id_ceiling, shares, secret_mark, lease_until >= " + now +
          " and place <> ? from nodes where number >= 0 order by number",
      [&](std::int64_t number, std::string place, std::int64_t fence, std::int64_t ceiling,
          bool shares, std::string secret_mark, bool alive) {
        rows.push_back(
            {number, std::move(place), fence, ceiling, shares, std::move(secret_mark), alive});
      },
      options_.place);
  if (auto checked = check_others(rows); !checked) return checked;
  for (std::int64_t number = 0; std::cmp_less(rows.size(), numbers); ++number) {
    const bool known = std::ranges::any_of(rows, [&](const Row& r) { return r.number == number; });
    if (!known) rows.push_back({.number = number, .place = {}, .secret_mark = {}});
  }
  std::erase_if(rows, [](const Row& row) { return row.alive; });
  if (rows.empty())
    return fail(Kind::unavailable, "no_number",
                "database.url: 32 instances serve from this database already");
  // The one whose ids are furthest behind the clock: none has to wait for its last holder's
  // ceiling.
  const Row& best = *std::ranges::min_element(rows, {}, &Row::ceiling);
  // A place has one process: its earlier one is gone.
  tx.execute("update nodes set lease_until = 0 where place = ?", options_.place);
  tx.execute(
      "insert into nodes (number, holder, place, fence, lease_until, id_ceiling, shares) "
      "select ?, '', '', 0, 0, 0, 0 where not exists (select 1 from nodes where number = ?)",
      best.number, best.number);
  tx.execute(
      "update nodes set holder = ?, place = ?, fence = ?, shares = ?, secret_mark = ?, lease_until "
      "= " +
          now + " + ? where number = ?",
      holder_, options_.place, best.fence + 1, options_.shares, options_.secret_mark,
      micros(options_.lease), best.number);
  number_ = static_cast<int>(best.number);
  fence_ = best.fence + 1;
  floor_ = from_micros(best.ceiling);
  return {};
}

Result<void> NodeLease::check_clock(db::Transaction& tx) const {
  const auto theirs =
      tx.value<std::int64_t>("select " + std::string(db::store_clock(tx.dialect())));
  const auto apart = std::chrono::abs(clock_.now() - from_micros(theirs.value_or(0)));
  if (apart <= options_.max_clock_difference) return {};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(apart).count();
  return fail(Kind::unavailable, "clock_off",
              "this machine's clock and the database's are " + std::to_string(seconds) +
                  " seconds apart: mend the clock that is wrong (chrony, ntpd), then start again");
}

Result<void> NodeLease::check_others(const std::vector<Row>& rows) const {
  for (const Row& row : rows) {
    if (!row.alive) continue;
    if (row.shares && options_.shares) {
      if (row.secret_mark == options_.secret_mark) continue;
      return fail(Kind::unavailable, "another_secret",
                  "server.secret: node " + std::to_string(row.number) +
                      " signs with another one; all instances need the same");
    }
    return fail(Kind::unavailable, "not_shared",
                "database.url: another instance (node " + std::to_string(row.number) +
                    ") serves from this database, and " + (options_.shares ? "it" : "this one") +
                    " keeps what both must see in its own memory or folder; stop the other one, or "
                    "wait " +
                    std::to_string(options_.lease.count() / 1000) + " s if it was killed");
  }
  return {};
}

NodeLease::Renewed NodeLease::renew(Time ceiling) {
  try {
    const auto kept = db_.write_blocking([&](db::Transaction& tx) -> Result<bool> {
      return tx.execute("update nodes set id_ceiling = ?, lease_until = " +
                            std::string(db::store_clock(tx.dialect())) +
                            " + ? where number = ? and fence = ? and holder = ?",
                        ceiling, micros(options_.lease), number_, fence_, holder_) != 0;
    });
    if (kept) return *kept ? Renewed::yes : Renewed::lost;
    log::warn("nodes", "not_renewed", {{"code", std::string_view(kept.error().code)}});
  } catch (const db::SqlError& error) {
    log::warn("nodes", "not_renewed", {{"error", std::string_view(error.what())}});
  }
  return Renewed::unknown;
}

void NodeLease::release(Time used_until) {
  try {
    const auto released = db_.write_blocking([&](db::Transaction& tx) -> Result<void> {
      tx.execute(
          "update nodes set id_ceiling = ?, lease_until = 0 where number = ? and fence = ? and "
          "holder = ?",
          used_until, number_, fence_, holder_);
      return {};
    });
    if (!released)
      log::warn("nodes", "not_released", {{"code", std::string_view(released.error().code)}});
  } catch (const db::SqlError& error) {
    log::warn("nodes", "not_released", {{"error", std::string_view(error.what())}});
  }
}

}  // namespace madang::nodes
