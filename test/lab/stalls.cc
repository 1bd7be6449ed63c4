// Tells when this machine gave a processor to nobody here: a thread of the highest real-time
// priority on each processor sleeps for half a millisecond at a time, and what it comes late by is
// nothing that any process of this machine could have had. On stdout, times in nanoseconds of the
// wall clock:
//   ready
//   PROCESSOR FROM UNTIL

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace {

constexpr int64_t kSleepNs = 500'000;
constexpr int64_t kToldNs = 1'000'000;

[[noreturn]] void fail(const char* call, int error) {
  fprintf(stderr, "stalls: %s failed: %s\n", call, strerror(error));
  _exit(1);
}

int64_t now(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

void watch(int processor) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  if (sched_setaffinity(0, sizeof(one), &one) != 0) fail("sched_setaffinity", errno);
  sched_param highest = {.sched_priority = sched_get_priority_max(SCHED_FIFO)};
  const int refused = pthread_setschedparam(pthread_self(), SCHED_FIFO, &highest);
  if (refused != 0) {
    // At an ordinary priority it could not tell a stall from somebody else's turn.
    fprintf(stderr, "stalls: no CAP_SYS_NICE, so none is seen on processor %d\n", processor);
    return;
  }
  while (true) {
    const int64_t due = now(CLOCK_MONOTONIC) + kSleepNs;
    const timespec until = {.tv_sec = due / 1'000'000'000, .tv_nsec = due % 1'000'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    const int64_t late = now(CLOCK_MONOTONIC) - due;
    if (late < kToldNs) continue;
    const int64_t end = now(CLOCK_REALTIME);
    char line[80];
    const int length = snprintf(line, sizeof(line), "%d %lld %lld\n", processor,
                                static_cast<long long>(end - late), static_cast<long long>(end));
    (void)!write(STDOUT_FILENO, line, static_cast<size_t>(length));
  }
}

}  // namespace

int main() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  cpu_set_t all;
  if (sched_getaffinity(0, sizeof(all), &all) != 0) fail("sched_getaffinity", errno);
  std::vector<std::thread> threads;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(processor, &all)) threads.emplace_back(watch, processor);
  }
  (void)!write(STDOUT_FILENO, "ready\n", 6);
  for (std::thread& thread : threads) thread.join();
}
