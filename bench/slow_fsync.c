// LD_PRELOAD shim: every fsync and fdatasync takes SLOW_FSYNC_US microseconds longer. With the data
// on a file system in memory, where a real one costs nothing, it makes a disk of a chosen speed,
// the same for every program under test.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static long delay_ns(void) {
  static long cached = -1;
  if (cached < 0) {
    const char* text = getenv("SLOW_FSYNC_US");
    cached = text ? atol(text) * 1000 : 0;
  }
  return cached;
}

static void wait_a_while(void) {
  static __thread int precise;
  if (!precise) {
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // else 50 microseconds are added to each sleep
    precise = 1;
  }
  struct timespec left = {delay_ns() / 1000000000L, delay_ns() % 1000000000L};
  while (nanosleep(&left, &left) != 0) {
  }
}

int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  const int result = real(fd);
  wait_a_while();
  return result;
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  const int result = real(fd);
  wait_a_while();
  return result;
}
