// A library for LD_PRELOAD that makes every flush take SLOW_SYNC_MS milliseconds longer, as a slower disk would.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void wait_first(void) {
  const char* text = getenv("SLOW_SYNC_MS");
  const long ms = text ? atol(text) : 0;
  const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&pause, NULL);
}

#define SLOW(name)                                           \
  int name(int fd) {                                         \
    static int (*real)(int);                                 \
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name); \
    wait_first();                                            \
    return real(fd);                                         \
  }

SLOW(fdatasync)
SLOW(fsync)
SLOW(syncfs)
