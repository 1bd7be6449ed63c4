#include "guard/child.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "guard/confinement.h"

namespace fairlead::guard {
namespace {

// The end of the socket alone does not prove the daemon's death: one that closed it by mistake, or
// sent what cannot be understood, would bind its addresses again. A dying process closes its files
// some microseconds before its children get another parent, and by then each of its threads is
// through with its last system call.
bool daemonDied(pid_t daemon) {
  constexpr int kLooks = 100;
  constexpr timespec kBetween{.tv_sec = 0, .tv_nsec = 1'000'000};
  for (int look = 0; look < kLooks; ++look) {
    if (getppid() != daemon) return true;
    nanosleep(&kBetween, nullptr);
  }
  return false;
}

}  // namespace

int guardParent(Guard& guard) {
  const pid_t daemon = getppid();
  detach();
  const char* failed = guard.open();
  if (failed == nullptr) failed = guard.begin(daemon);
  if (failed != nullptr) {
    guard.reportFailure(failed, errno);
    return 1;
  }
  bool dead = false;
  do {
    guard.armTimer();
    pollfd sources[] = {{.fd = kChannelFd, .events = POLLIN, .revents = 0},
                        {.fd = guard.timer(), .events = POLLIN, .revents = 0},
                        {.fd = guard.bell(), .events = POLLIN, .revents = 0}};
    poll(sources, 3, -1);
    dead = guard.daemonDied();
  } while (!dead && guard.serve());
  if (guard.withdraw().failed != 0) return 1;
  if (dead || daemonDied(daemon)) guard.resign();
  return 0;
}

}  // namespace fairlead::guard
