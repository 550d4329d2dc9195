// The command line: one function a verb.
#pragma once

#include <string>
#include <vector>

namespace madang::app {

/// The process's exit code: 0 well, 1 it failed, 2 it was asked wrongly.
int run_command(const std::vector<std::string>& arguments);

}  // namespace madang::app
