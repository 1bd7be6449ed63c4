// Loaded before a daemon's C library (ld.so(8), LD_PRELOAD): its clocks are set and its disk is
// slow, and nobody else's on this machine. The file that BAD_DAY names holds what it is to be, as
// three numbers of 64 bits: nanoseconds that the wall clock is ahead, the same of CLOCK_BOOTTIME,
// and nanoseconds that every fsync takes longer. It may change at any time. The guard is static and
// keeps its own.

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

namespace {

struct Day {
  volatile int64_t wall_ns;
  volatile int64_t boot_ns;
  volatile int64_t fsync_ns;
};

const Day& day() {
  static const Day* const mapped = [] {
    const char* const name = getenv("BAD_DAY");
    const int file = name == nullptr ? -1 : open(name, O_RDONLY | O_CLOEXEC);
    void* const at = mmap(nullptr, sizeof(Day), PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0) close(file);
    static const Day good{};
    return at == MAP_FAILED ? &good : static_cast<const Day*>(at);
  }();
  return *mapped;
}

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

timespec plus(timespec time, int64_t ns) {
  const int64_t sum = time.tv_nsec + ns % 1'000'000'000;
  time.tv_sec += ns / 1'000'000'000 + sum / 1'000'000'000;
  time.tv_nsec = sum % 1'000'000'000;
  if (time.tv_nsec < 0) {
    time.tv_nsec += 1'000'000'000;
    time.tv_sec -= 1;
  }
  return time;
}

timespec wall() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

void wait() {
  const int64_t ns = day().fsync_ns;
  const timespec delay{ns / 1'000'000'000, ns % 1'000'000'000};
  nanosleep(&delay, nullptr);
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  static auto* const real = next<int(clockid_t, timespec*)>("clock_gettime");
  const int result = real(clock, now);
  if (result != 0) return result;
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) *now = plus(*now, day().wall_ns);
  if (clock == CLOCK_BOOTTIME) *now = plus(*now, day().boot_ns);
  return 0;
}

int gettimeofday(timeval* now, void*) noexcept {
  const timespec time = wall();
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* at) noexcept {
  const time_t seconds = wall().tv_sec;
  if (at != nullptr) *at = seconds;
  return seconds;
}

int fsync(int file) {
  static auto* const real = next<int(int)>("fsync");
  wait();
  return real(file);
}

int fdatasync(int file) {
  static auto* const real = next<int(int)>("fdatasync");
  wait();
  return real(file);
}
}
