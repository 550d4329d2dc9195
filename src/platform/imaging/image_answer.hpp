// The wire form of requests and answers between server and worker.
#pragma once

#include <optional>
#include <utility>

#include "platform/imaging/image_job.hpp"

namespace madang::imaging {

std::optional<std::pair<Shape, BytesView>> parse_request(BytesView request);
Bytes make_answer(const ProcessedImage& image);

}  // namespace madang::imaging
