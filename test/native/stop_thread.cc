// stop_thread TID: stops one thread of another process until stdin closes, and leaves the others
// running, as a signal cannot. A process whose main thread is stopped so is what a blocked event
// loop looks like from the outside, whatever blocks it. Prints `stopped NS` once the kernel
// confirms it, and `running NS` when it lets go (CLOCK_BOOTTIME). Whoever kills it lets the thread
// go, too (ptrace(2): a tracer that ends detaches).

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr int kUsage = 2;
constexpr int kRefused = 4;
constexpr int kGone = 5;  // The thread was killed while it was stopped.

void say(const char* what) {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  printf("%s %lld\n", what, static_cast<long long>(now.tv_sec) * 1'000'000'000 + now.tv_nsec);
  fflush(stdout);
}

int refuse(const char* call) {
  fprintf(stderr, "stop_thread: %s failed: %s\n", call, strerror(errno));
  return kRefused;
}

// Whether stdin closed; false when the thread was killed before. Its parent learns of that only
// after we have (ptrace(2), "Death under ptrace"), so it must not wait for stdin.
bool stdinClosesBeforeDeathOf(pid_t thread, int deaths) {
  pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {deaths, POLLIN, 0}};
  char discarded[256];
  for (;;) {
    poll(watched, 2, -1);
    if (watched[1].revents != 0) {
      signalfd_siginfo news;
      if (read(deaths, &news, sizeof(news)) < 0) continue;
      int status = 0;
      if (waitpid(thread, &status, __WALL | WNOHANG) == thread && !WIFSTOPPED(status)) return false;
    } else if (watched[0].revents != 0 && read(STDIN_FILENO, discarded, sizeof(discarded)) <= 0) {
      return true;
    }
  }
}

int stop(pid_t thread) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  const int deaths = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
  // SEIZE and INTERRUPT, not ATTACH: that one sends a SIGSTOP, which stops the whole process when
  // it is detached from at the wrong moment.
  if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) return refuse("PTRACE_SEIZE");
  if (ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) != 0) return refuse("PTRACE_INTERRUPT");
  int status = 0;
  if (waitpid(thread, &status, __WALL) != thread) return refuse("waitpid");
  if (!WIFSTOPPED(status)) return kGone;
  say("stopped");
  if (!stdinClosesBeforeDeathOf(thread, deaths)) return kGone;
  // A signal that it was about to take is handed on.
  const bool was_ours = status >> 16 == PTRACE_EVENT_STOP;
  const long signal = was_ours ? 0 : WSTOPSIG(status);
  if (ptrace(PTRACE_DETACH, thread, nullptr, signal) != 0) {
    return errno == ESRCH ? kGone : refuse("PTRACE_DETACH");
  }
  say("running");
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const pid_t thread = count == 2 ? static_cast<pid_t>(strtol(arguments[1], nullptr, 10)) : 0;
  if (thread <= 0) {
    fputs("usage: stop_thread TID\n", stderr);
    return kUsage;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return stop(thread);
}
