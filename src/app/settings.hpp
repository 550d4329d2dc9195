// The configuration's schema: every key there is. docs/configuration.md is generated from it.
#pragma once

#include "platform/config/config.hpp"

namespace madang::app {

const std::vector<config::Key>& settings();

}  // namespace madang::app
