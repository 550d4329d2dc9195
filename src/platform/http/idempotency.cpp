#include "platform/http/call.hpp"

namespace madang::http {

namespace {

constexpr auto kept = std::chrono::hours(24);

}  // namespace

Result<std::optional<StoredAnswer>> find_answer(db::Transaction& tx, const IdempotencyKey& key) {
  const auto row = tx.row<db::Bytes, unsigned, std::string, std::string>(
      "select body_hash, status, answer, location from idempotency_keys where account_id = ? and "
      "route = ? "
      "and idem_key = ?",
      key.account, key.route, key.key);
  if (!row) return std::optional<StoredAnswer>();
  if (std::get<0>(*row) != key.body_hash)
    return fail(Kind::invalid, "idempotency_mismatch",
                "This Idempotency-Key was used with another body.");
  return std::optional(StoredAnswer{std::get<1>(*row), std::get<2>(*row), std::get<3>(*row)});
}

Result<void> store_answer(db::Transaction& tx, const IdempotencyKey& key, unsigned status,
                          std::string_view body, Time now, std::string_view location) {
  try {
    tx.execute(
        "insert into idempotency_keys (account_id, route, idem_key, body_hash, status, answer, "
        "location, created_at) values (?, ?, ?, ?, ?, ?, ?, ?)",
        key.account, key.route, key.key, db::BytesView(key.body_hash), status, body, location, now);
    return {};
  } catch (const db::SqlError& error) {
    // Not there when it was looked for: it was committed on another connection since.
    if (error.cause() != db::SqlError::Cause::unique) throw;
    return std::unexpected(key_in_flight());
  }
}

Problem key_in_flight() {
  return {.kind = Kind::conflict,
          .code = "idempotency_in_flight",
          .detail = "The first request with this key is still being worked on.",
          .retry_after = std::chrono::seconds(1)};
}

std::int64_t forget_answers(db::Transaction& tx, Time now, std::int64_t limit) {
  return tx.execute("delete from idempotency_keys where created_at < ? limit ?", now - kept, limit);
}

void forget_answers_of(db::Transaction& tx, Id account) {
  tx.execute("delete from idempotency_keys where account_id = ?", account);
}

}  // namespace madang::http
