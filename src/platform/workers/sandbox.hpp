// What a worker process gives up before it opens a stranger's file.
#pragma once

#include <cstdint>

namespace madang::workers {

/// Once, at the start: ends with the server, gains no privileges, writes no core and no file, opens
/// few descriptors, runs behind the server's own threads. Throws std::system_error.
void limit_process();

/// Once, after everything has been loaded: no sockets, no other programs, no signals to others
/// (seccomp), and no files but the system's libraries (Landlock). What this kernel does not offer
/// is left out. Nothing in sanitizer builds, whose reports need more.
void close_doors();

/// Before each job: this much more address space and processor time from here. Address space is not
/// limited in sanitizer builds: their shadow memory takes terabytes of it.
void limit_job(std::uint64_t memory_bytes, std::uint32_t cpu_seconds);

}  // namespace madang::workers
