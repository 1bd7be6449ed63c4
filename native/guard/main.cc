// The guard: a process beside the daemon that withdraws its VIPs when the daemon cannot.
//
// It knows what to delete, and until when the daemon may serve. When that deadline passes (the
// daemon is stopped, blocked or cut off) or the socket to the daemon ends (it is dead), the guard
// closes the gate, deletes the addresses, waits for the kernel to confirm it, and sends the
// resignation that the daemon has prepared, so that the other nodes need not wait for a time-out.
//
// It only ever closes and deletes, and decides nothing: stopped at any instruction and continued at
// any later time, it does no more than delete too much, which the daemon sees and mends.
//
//   fairlead-guard                      the daemon has started it (child.cc)
//   fairlead-guard [--] COMMAND ARG…    it starts the daemon (parent.cc)

#include <sys/resource.h>

#include <cstring>

#include "guard/child.h"
#include "guard/guard.h"
#include "guard/parent.h"

namespace {

// Before other programs, as the daemon is (src/daemon/priority.ts), that it may start. A nice value
// that somebody else has chosen stays; without CAP_SYS_NICE or RLIMIT_NICE it is refused.
void askForPriority() {
  constexpr int kNice = -10;
  if (getpriority(PRIO_PROCESS, 0) == 0) static_cast<void>(setpriority(PRIO_PROCESS, 0, kNice));
}

}  // namespace

int main(int argc, char** argv) {
  askForPriority();
  // Static: it is most of a megabyte, which a stack would not have to give.
  static fairlead::guard::Guard guard;
  char** command = argv + 1;
  if (argc > 1 && strcmp(*command, "--") == 0) ++command;
  if (argc <= 1 || *command == nullptr) return fairlead::guard::guardParent(guard);
  return fairlead::guard::guardChild(guard, command);
}
