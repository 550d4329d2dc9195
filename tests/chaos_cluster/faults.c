// Preloaded into a server: its clock can be moved and its disk filled while it runs, by whoever
// writes to the two numbers in the file that FAULT_CONTROL names. (libfaketime reads its file at
// every question for the time, and a file system of a test's own wants root.)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct control {
  int64_t clock_offset_us;
  int64_t disk_full;
};
static const struct control none;
static const volatile struct control* control = &none;

__attribute__((constructor)) static void attach(void) {
  const char* path = getenv("FAULT_CONTROL");
  const int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void* found = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (found != MAP_FAILED) control = found;
}

#define REAL(name)               \
  static __typeof__(name)* real; \
  if (!real) real = (__typeof__(name)*)dlsym(RTLD_NEXT, #name)

int clock_gettime(clockid_t which, struct timespec* out) {
  REAL(clock_gettime);
  const int code = real(which, out);
  const int64_t offset = control->clock_offset_us;
  if (code != 0 || offset == 0 || (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE))
    return code;
  const int64_t us = (int64_t)out->tv_sec * 1000000 + out->tv_nsec / 1000 + offset;
  out->tv_sec = us / 1000000;
  out->tv_nsec = us % 1000000 * 1000;
  return 0;
}

int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

// A full disk takes what goes over blocks a file has, and nothing beyond its end.
static int has_no_room(int file, int64_t end) {
  struct stat status;
  return control->disk_full && fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
         end > status.st_size;
}
static int no_room(void) {
  errno = ENOSPC;
  return -1;
}

ssize_t write(int file, const void* bytes, size_t size) {
  REAL(write);
  if (control->disk_full && has_no_room(file, lseek(file, 0, SEEK_CUR) + (int64_t)size))
    return no_room();
  return real(file, bytes, size);
}

ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t at) {
  REAL(pwrite64);
  return has_no_room(file, at + (int64_t)size) ? no_room() : real(file, bytes, size, at);
}
ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  return pwrite64(file, bytes, size, at);
}

int posix_fallocate64(int file, off64_t at, off64_t size) {
  REAL(posix_fallocate64);
  return has_no_room(file, at + size) ? ENOSPC : real(file, at, size);
}
int posix_fallocate(int file, off_t at, off_t size) {
  return posix_fallocate64(file, at, size);
}
