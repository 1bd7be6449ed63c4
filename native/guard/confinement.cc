#include "guard/confinement.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "guard/protocol.h"

namespace fairlead::guard {

void detach() {
  // Out of the terminal's foreground group: Ctrl-C and Ctrl-Z are for the daemon, whom the guard
  // must outlive and outpace.
  setsid();
  constexpr int kIgnored[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1,
                              SIGUSR2, SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU};
  for (const int number : kIgnored) signal(number, SIG_IGN);
  closeFrom(kDeadlinePageFd + 1);
}

void closeFrom(int first) {
  if (syscall(SYS_close_range, first, UINT_MAX, 0) == 0) return;
  // Linux before 5.9. The daemon opens everything with O_CLOEXEC, so this is for what it
  // inherited.
  for (int fd = first; fd < 1024; ++fd) close(fd);
}

bool lockMemory() { return mlockall(MCL_CURRENT | MCL_FUTURE) == 0; }

const char* dropCapabilities() {
  // Allowed to those with CAP_SETPCAP only; for others no_new_privs has the same effect.
  for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; ++cap) {
    if (cap != CAP_NET_ADMIN) prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "prctl(PR_SET_NO_NEW_PRIVS)";
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  sets[0].effective = sets[0].permitted = 1U << CAP_NET_ADMIN;
  if (syscall(SYS_capset, &header, sets) != 0) return "capset(CAP_NET_ADMIN)";
  return nullptr;
}

}  // namespace fairlead::guard
