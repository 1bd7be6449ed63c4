#include "guard/parent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "guard/confinement.h"

namespace fairlead::guard {
namespace {

// What a guard takes notice of. The stop signals are among them so that Ctrl-Z, which is for the
// daemon, does not stop the guard as well.
sigset_t heardSignals() {
  constexpr int kNumbers[] = {SIGCHLD, SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE, SIGALRM,
                              SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH};
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kNumbers) sigaddset(&set, number);
  return set;
}

int exitCodeOf(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

class Parent {
 public:
  // The name of the call that failed, with errno set, or null.
  const char* open();
  const char* start(char* const* command);
  int superviseWith(Guard& guard, bool guards);
  [[nodiscard]] pid_t daemon() const { return daemon_; }

 private:
  [[noreturn]] void becomeDaemon(char* const* command);
  void hear();
  void reap();
  [[nodiscard]] bool daemonEnded() const { return daemon_ == 0; }

  sigset_t inherited_mask_{};
  UniqueFd signals_;
  UniqueFd daemon_end_;
  pid_t daemon_ = 0;
  int exit_code_ = 0;
};

// Makes the page and the socket, this end of which is kChannelFd, as a daemon would have given it.
const char* Parent::open() {
  // Whoever ignores SIGCHLD lets the kernel reap, and the exit code is lost.
  signal(SIGCHLD, SIG_DFL);
  const sigset_t heard = heardSignals();
  if (sigprocmask(SIG_BLOCK, &heard, &inherited_mask_) != 0) return "sigprocmask";
  closeFrom(kChannelFd);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return "socketpair";
  // Both numbers were free, and are the lowest: the one is kChannelFd, and the other in the way.
  daemon_end_ = UniqueFd(fcntl(ends[1], F_DUPFD_CLOEXEC, kDeadlinePageFd + 1));
  close(ends[1]);
  if (!daemon_end_.valid()) return "fcntl(F_DUPFD_CLOEXEC)";
  const int page = memfd_create("fairlead-deadline", MFD_CLOEXEC);
  if (ends[0] != kChannelFd || page != kDeadlinePageFd) return "memfd_create";
  if (ftruncate(page, kDeadlinePageBytes) != 0) return "ftruncate";
  signals_ = UniqueFd(signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK));
  return signals_.valid() ? nullptr : "signalfd";
}

// Before the guard drops its capabilities and forbids new ones: the daemon keeps what it has.
const char* Parent::start(char* const* command) {
  daemon_ = fork();
  if (daemon_ < 0) return "fork";
  if (daemon_ == 0) becomeDaemon(command);
  daemon_end_.reset();
  return nullptr;
}

void Parent::becomeDaemon(char* const* command) {
  sigprocmask(SIG_SETMASK, &inherited_mask_, nullptr);
  dup2(daemon_end_.get(), kChannelFd);  // Clears O_CLOEXEC, here and below.
  fcntl(kDeadlinePageFd, F_SETFD, 0);
  setenv("FAIRLEAD_GUARD", "parent", 1);
  execvp(command[0], command);
  const int error = errno;
  fprintf(stderr, "fairlead-guard: Cannot start \"%s\": %s\n", command[0], strerror(error));
  _exit(error == ENOENT ? 127 : 126);
}

void Parent::hear() {
  signalfd_siginfo heard = {};
  while (read(signals_.get(), &heard, sizeof(heard)) == sizeof(heard)) {
    // What a terminal sends (SI_KERNEL) reaches its whole foreground group, the daemon included.
    const bool from_terminal = heard.ssi_code == SI_KERNEL;
    const auto number = static_cast<int>(heard.ssi_signo);
    if (number == SIGCHLD || from_terminal || daemonEnded()) continue;
    kill(daemon_, number);
  }
  reap();
}

// Also what was left to process 1 by others.
void Parent::reap() {
  int status = 0;
  for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (ended != daemon_) continue;
    exit_code_ = exitCodeOf(status);
    daemon_ = 0;
  }
}

int Parent::superviseWith(Guard& guard, bool guards) {
  bool connected = guards;
  bool resigned = false;
  while (!daemonEnded()) {
    if (guards) guard.armTimer();
    pollfd sources[] = {
        {.fd = signals_.get(), .events = POLLIN, .revents = 0},
        {.fd = connected ? kChannelFd : -1, .events = POLLIN, .revents = 0},
        {.fd = connected ? guard.timer() : -1, .events = POLLIN, .revents = 0},
        {.fd = connected ? guard.bell() : -1, .events = POLLIN, .revents = 0},
    };
    poll(sources, 4, -1);
    // A dying process closes its files long after its threads have ended, and before its parent
    // hears of it.
    const bool dead = connected && guard.daemonDied();
    if (dead || (connected && !guard.serve())) {
      connected = false;
      const bool withdrawn = guard.withdraw().failed == 0;
      if (dead && withdrawn) guard.resign();
      resigned = dead && withdrawn;
    }
    hear();
  }
  // Once more: the socket may have ended by mistake, or somebody else hold the daemon's end of it.
  if (guards && !resigned && guard.withdraw().failed == 0) guard.resign();
  return exit_code_;
}

}  // namespace

int guardChild(Guard& guard, char* const* command) {
  static Parent parent;
  const char* failed = parent.open();
  if (failed == nullptr) {
    // A command that holds nothing needs no guard: the daemon is told why there is none, and
    // refuses to start.
    const char* const unable = guard.open();
    const int error = errno;
    failed = parent.start(command);
    if (failed == nullptr) {
      const char* const refused = unable != nullptr ? unable : guard.begin(parent.daemon());
      if (refused != nullptr) guard.reportFailure(refused, unable != nullptr ? error : errno);
      return parent.superviseWith(guard, refused == nullptr);
    }
  }
  fprintf(stderr, "fairlead-guard: %s: %s\n", failed, strerror(errno));
  return 1;
}

}  // namespace fairlead::guard
