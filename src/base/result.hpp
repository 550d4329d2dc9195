// Result<T> and Problem: how anything a user can cause is reported. Exceptions are kept for broken
// infrastructure and bugs (docs/adr/0004-errors.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace madang {

/// What went wrong, in kinds that map one to one to an HTTP status (platform/http/problem.cpp).
enum class Kind : std::uint8_t {
  malformed,           // 400: cannot be read at all
  unauthenticated,     // 401
  forbidden,           // 403
  not_found,           // 404
  method_not_allowed,  // 405
  timeout,             // 408
  conflict,            // 409
  gone,                // 410
  precondition,        // 412
  too_large,           // 413
  uri_too_long,        // 414
  unsupported_type,    // 415
  invalid,             // 422: understood, and wrong
  too_many,            // 429
  head_too_large,      // 431
  internal,            // 500: a bug or a broken part; details stay in the log
  unavailable,         // 503: busy, starting, stopping, or a dependency is away
};

/// One field that was refused. `field` is a path such as `media/0` or `text`.
struct FieldError {
  std::string field;
  std::string code;     // stable: required, too_short, too_long, not_a_number, ...
  std::string message;  // for people, English
};

/// An error with a stable code. `code` must outlive the problem: use string literals.
struct Problem {
  Kind kind = Kind::internal;
  std::string_view code = "internal";
  std::string detail;
  std::vector<FieldError> errors{};
  std::optional<std::chrono::seconds> retry_after{};
  /// Members of the document besides (RFC 9457, 3.2); names are string literals.
  std::vector<std::pair<std::string_view, std::string>> members{};
};

template <class T>
using Result = std::expected<T, Problem>;

/// `return fail(Kind::conflict, "email_taken", "That e-mail address has an account already.");`
inline std::unexpected<Problem> fail(Kind kind, std::string_view code, std::string detail = {}) {
  return std::unexpected(Problem{.kind = kind, .code = code, .detail = std::move(detail)});
}

inline std::unexpected<Problem> fail(Problem problem) {
  return std::unexpected(std::move(problem));
}

/// One invalid field: 422 validation_failed.
inline std::unexpected<Problem> invalid_field(std::string field, std::string code,
                                              std::string message) {
  Problem problem{.kind = Kind::invalid,
                  .code = "validation_failed",
                  .detail = "Some fields are not acceptable; see errors."};
  problem.errors.push_back({std::move(field), std::move(code), std::move(message)});
  return std::unexpected(std::move(problem));
}

/// A bounded resource is full; the caller should try again after `retry_after`.
inline std::unexpected<Problem> busy(std::string_view code, std::string detail,
                                     std::chrono::seconds retry_after = std::chrono::seconds(1)) {
  return std::unexpected(Problem{.kind = Kind::unavailable,
                                 .code = code,
                                 .detail = std::move(detail),
                                 .retry_after = retry_after});
}

}  // namespace madang
