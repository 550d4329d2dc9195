// The RIFF container of WebP, as far as needed to take metadata out of it.
// Source: "WebP Container Specification", Google.
#pragma once

#include "platform/imaging/image_job.hpp"

namespace madang::imaging {

/// Without EXIF, XMP and ICC chunks. Throws std::runtime_error when it is no WebP.
Bytes without_metadata(const Bytes& webp);

}  // namespace madang::imaging
