#include "netns/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fairlead::netns {
namespace {

sigset_t supervisedSignals() {
  constexpr int kNumbers[] = {SIGCHLD, SIGHUP,  SIGINT,  SIGQUIT,
                              SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kNumbers) sigaddset(&set, number);
  return set;
}

int exitCodeOf(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

sigset_t holdSignals() {
  // A caller that ignores SIGCHLD would make the kernel reap in our place, and the exit code is
  // lost.
  signal(SIGCHLD, SIG_DFL);
  const sigset_t set = supervisedSignals();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &set, &before);
  return before;
}

int superviseUntilExit(pid_t pid) {
  const sigset_t set = supervisedSignals();
  for (;;) {
    siginfo_t received = {};
    const int number = sigwaitinfo(&set, &received);
    if (number == SIGCHLD) {
      int status = 0;
      for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (ended == pid) return exitCodeOf(status);
      }
      continue;
    }
    // What a terminal sends (SI_KERNEL) reaches its whole foreground group, the command included:
    // passing it on as well would deliver it twice.
    if (number > 0 && received.si_code != SI_KERNEL) kill(pid, number);
  }
}

bool dieWithParent(int lifeline) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd other_end{.fd = lifeline, .events = 0, .revents = 0};
  return poll(&other_end, 1, 0) == 0;
}

void killOrphans() {
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
  // Children of a killed process become ours in turn, so look again until none is left.
  for (;;) {
    FILE* const children = fopen(path, "re");
    if (children == nullptr) return;
    int pid = 0;
    int found = 0;
    for (; fscanf(children, "%d", &pid) == 1; ++found) kill(pid, SIGKILL);
    fclose(children);
    if (found == 0) return;
    while (waitpid(-1, nullptr, 0) > 0) {
    }
  }
}

}  // namespace fairlead::netns
