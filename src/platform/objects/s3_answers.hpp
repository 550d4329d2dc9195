// Answers as S3 gives them. Source: "Error responses", Amazon S3 API Reference.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/http/message.hpp"
#include "platform/objects/sigv4.hpp"

namespace madang::objects {

struct S3Error {
  unsigned status = 400;
  std::string_view code;  // a literal: SignatureDoesNotMatch, ...
  std::string message;
  std::vector<std::pair<std::string_view, std::string>> more{};  // further elements of the document
  int retry_after = 0;                                           // seconds; 0: no such header
};

S3Error to_s3_error(const sigv4::Refusal& refusal);
/// What an object store says.
S3Error to_s3_error(const Problem& problem);

/// The error document; the connection ends after it when the body was not read.
http::Response s3_response(const S3Error& error, const http::Request& request);

}  // namespace madang::objects
