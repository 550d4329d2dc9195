// Problems as RFC 9457 documents. The one place where a Kind becomes an HTTP status.
#pragma once

#include "platform/http/message.hpp"

namespace madang::http {

unsigned status_of(Kind kind);
std::string_view reason_phrase(unsigned status);
/// application/problem+json; `Retry-After` when the problem has one. status: another than the
/// kind's (505 has no kind); 0: the kind's.
Response problem_response(const Problem& problem, std::string_view request_id, unsigned status = 0);

}  // namespace madang::http
