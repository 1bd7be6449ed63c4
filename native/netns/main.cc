// Runs commands in namespaces of their own: the network of the demo and of the tests, without root
// and without ip(8), unshare(1) or a shell.
//
// - `run [--] COMMAND…`: in a machine of its own, with its own network, processes, /proc and /run
// - `hold`: a network until stdin closes, which /proc/PID/ns/net names
// - `enter PATH [--] COMMAND…`: in the network that PATH names
// - `watch`: prints every change of an address in the networks that veths join to this one
// - `check`: exit code 0 when `run` works here, else 4 with the cause and its cure

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns/namespaces.h"
#include "netns/refusal.h"
#include "netns/supervise.h"
#include "netns/watch.h"

namespace fairlead::netns {
namespace {

constexpr int kUsage = 2;  // The exit codes of `fairlead` itself …
constexpr int kNotPermitted = 4;
constexpr int kNotExecutable = 126;  // … and of shells, where the command is to blame.
constexpr int kNotFound = 127;

// What the new init says, once, before it runs the command; silence until it closes means success.
struct Report {
  Failure failure;
  bool refused_mount = false;
};

struct Caller {
  uid_t uid = geteuid();
  gid_t gid = getegid();
};

[[noreturn]] void execute(char** command) {
  execvp(command[0], command);
  const Failure failure = failureOf("execvp");
  fprintf(stderr, "fairlead-netns: Cannot run \"%s\": %s failed: %s\n", command[0], failure.call,
          strerror(failure.error));
  _exit(failure.error == ENOENT ? kNotFound : kNotExecutable);
}

// The first process of the new namespaces. `command` null: only try whether they can be made.
[[noreturn]] void beInit(Isolation isolation, const Caller& caller, int report_to,
                         const sigset_t& mask, char** command) {
  Report report;
  const bool furnished =
      furnish(isolation, caller.uid, caller.gid, report.failure, report.refused_mount);
  // Only now: a change of credentials, as the id maps are, forgets the death signal (prctl(2)).
  if (!dieWithParent(report_to)) _exit(1);
  if (!furnished && (isolation.processes || !report.refused_mount)) {
    _exit(send(report_to, &report, sizeof(report), MSG_NOSIGNAL) < 0 ? 1 : 0);
  }
  if (command == nullptr) _exit(0);
  if (!isolation.processes) prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("FAIRLEAD_NAMESPACES", "1", 1);
    sigprocmask(SIG_SETMASK, &mask, nullptr);
    execute(command);
  }
  if (child < 0) {
    report.failure = failureOf("fork");
    _exit(send(report_to, &report, sizeof(report), MSG_NOSIGNAL) < 0 ? 1 : 0);
  }
  close(report_to);
  const int code = superviseUntilExit(child);
  if (!isolation.processes) killOrphans();
  _exit(code);
}

struct Started {
  pid_t init = -1;
  Report report;
};

Started start(Isolation isolation, const Caller& caller, const sigset_t& mask, char** command) {
  Started started;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    started.report.failure = failureOf("socketpair");
    return started;
  }
  const Clone clone = cloneInto(isolation);
  if (clone.pid == 0) {
    close(ends[0]);
    beInit(isolation, caller, ends[1], mask, command);
  }
  close(ends[1]);
  if (clone.pid < 0) {
    started.report.failure = clone.failure;
    return started;
  }
  if (recv(ends[0], &started.report, sizeof(started.report), 0) == 0) {
    started.init = clone.pid;
    return started;  // ends[0] stays open: the init watches its other end for our death.
  }
  close(ends[0]);
  waitpid(clone.pid, nullptr, 0);
  return started;
}

int run(char** command) {
  const Caller caller;
  const sigset_t mask = holdSignals();
  // Before the first fork and without a race worth a lifeline: who starts this and dies within the
  // same millisecond leaves a command that ends by itself.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Isolation isolation = isolationNeeded();
  Started started = start(isolation, caller, mask, command);
  if (started.init < 0 && started.report.refused_mount) {
    isolation.processes = false;
    if (command != nullptr) {
      fprintf(stderr, "fairlead-netns: %s failed: %s; carrying on without a process namespace\n",
              started.report.failure.call, strerror(started.report.failure.error));
    }
    started = start(isolation, caller, mask, command);
  }
  if (started.init < 0) {
    printRefusal(started.report.failure);
    return kNotPermitted;
  }
  return superviseUntilExit(started.init);
}

int hold() {
  Failure failure;
  if (unshare(CLONE_NEWNET) != 0) {
    failure = failureOf("unshare(CLONE_NEWNET)");
  } else if (bringLoopbackUp(failure)) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Ctrl-C ends those who live in this network, which they need until they have left in order.
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    char discarded[256];
    if (write(STDOUT_FILENO, "ready\n", 6) != 6) return 1;
    for (ssize_t length = 1; length > 0 || (length < 0 && errno == EINTR);) {
      length = read(STDIN_FILENO, discarded, sizeof(discarded));
    }
    return 0;
  }
  fprintf(stderr, "fairlead-netns: Cannot make a network: %s failed: %s; use it inside `run`\n",
          failure.call, strerror(failure.error));
  return kNotPermitted;
}

int enter(const char* path, char** command) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && setns(fd, CLONE_NEWNET) == 0) execute(command);
  const Failure failure = failureOf(fd < 0 ? "open" : "setns");
  fprintf(stderr, "fairlead-netns: Cannot enter \"%s\": %s failed: %s\n", path, failure.call,
          strerror(failure.error));
  return kNotPermitted;
}

// The command after the verb's own arguments, or null when there is none.
char** commandFrom(char** rest) {
  if (*rest != nullptr && strcmp(*rest, "--") == 0) ++rest;
  return *rest == nullptr ? nullptr : rest;
}

int main(int count, char** arguments) {
  const char* const verb = count > 1 ? arguments[1] : "";
  if (strcmp(verb, "run") == 0) {
    if (char** const command = commandFrom(arguments + 2)) return run(command);
  }
  if (strcmp(verb, "enter") == 0 && count > 2) {
    if (char** const command = commandFrom(arguments + 3)) return enter(arguments[2], command);
  }
  if (strcmp(verb, "hold") == 0 && count == 2) return hold();
  if (strcmp(verb, "watch") == 0 && count == 2) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return watchAddresses();
  }
  if (strcmp(verb, "check") == 0 && count == 2) return run(nullptr);
  fputs(
      "usage: fairlead-netns run [--] COMMAND... | hold | enter PATH [--] COMMAND... | watch | "
      "check\n",
      stderr);
  return kUsage;
}

}  // namespace
}  // namespace fairlead::netns

int main(int count, char** arguments) { return fairlead::netns::main(count, arguments); }
