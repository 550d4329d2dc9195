#include "app/inherited_socket.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace madang::app {

namespace {

constexpr int first_descriptor = 3;

std::string take(const char* name) {
  const char* const value = std::getenv(name);
  std::string copy = value == nullptr ? "" : value;
  ::unsetenv(name);
  return copy;
}

}  // namespace

int inherited_socket() {
  const std::string pid = take("LISTEN_PID");
  const std::string count = take("LISTEN_FDS");
  take("LISTEN_FDNAMES");
  if (pid != std::to_string(::getpid()) || count.empty()) return -1;
  if (count != "1")
    throw std::runtime_error("LISTEN_FDS is " + count + ": one listening socket is all it takes");
  // Not for the workers that are started later.
  if (::fcntl(first_descriptor, F_SETFD, FD_CLOEXEC) != 0)
    throw std::runtime_error("LISTEN_FDS is 1, but descriptor 3 is not open");
  return first_descriptor;
}

}  // namespace madang::app
