#include "netns/namespaces.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fairlead::netns {
namespace {

bool hasSysAdmin() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return false;
  return (sets[0].effective & (1U << CAP_SYS_ADMIN)) != 0;
}

bool writeText(const char* path, const char* text, Failure& failure) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  const auto length = static_cast<ssize_t>(strlen(text));
  const bool written = fd >= 0 && write(fd, text, static_cast<size_t>(length)) == length;
  if (!written) failure = failureOf(path);
  if (fd >= 0) close(fd);
  return written;
}

// One id may be mapped without any privilege, if setgroups(2) is given up first
// (user_namespaces(7), "Defining user and group ID mappings").
bool becomeRootInside(uid_t outer_uid, gid_t outer_gid, Failure& failure) {
  char uid_map[32];
  char gid_map[32];
  snprintf(uid_map, sizeof(uid_map), "0 %u 1\n", outer_uid);
  snprintf(gid_map, sizeof(gid_map), "0 %u 1\n", outer_gid);
  return writeText("/proc/self/setgroups", "deny", failure) &&
         writeText("/proc/self/uid_map", uid_map, failure) &&
         writeText("/proc/self/gid_map", gid_map, failure);
}

// /sys stays as it is: nothing of ours reads it, and a new one would hide the control groups.
bool mountOurOwn(Isolation isolation, Failure& failure) {
  constexpr unsigned long kPlain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    failure = failureOf("mount(/, MS_PRIVATE)");
    return false;
  }
  if (isolation.processes && mount("proc", "/proc", "proc", kPlain, nullptr) != 0) {
    failure = failureOf("mount(/proc)");
    return false;
  }
  if (mount("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") != 0) {
    failure = failureOf("mount(/run)");
    return false;
  }
  return true;
}

}  // namespace

Isolation isolationNeeded() { return {.user = !hasSysAdmin(), .processes = true}; }

Clone cloneInto(Isolation isolation) {
  unsigned long flags = CLONE_NEWNS | CLONE_NEWNET | SIGCHLD;
  if (isolation.user) flags |= CLONE_NEWUSER;
  if (isolation.processes) flags |= CLONE_NEWPID;
  // The bare system call, as fork: glibc's clone() wants a stack, and its fork() takes no flags.
  const auto pid = static_cast<pid_t>(syscall(SYS_clone, flags, 0, 0, 0, 0));
  if (pid >= 0) return {.pid = pid, .failure = {}};
  return {.pid = -1,
          .failure = failureOf(isolation.user ? "clone(CLONE_NEWUSER, CLONE_NEWNET)"
                                              : "clone(CLONE_NEWNET)")};
}

bool furnish(Isolation isolation, uid_t outer_uid, gid_t outer_gid, Failure& failure,
             bool& refused_mount) {
  if (isolation.user && !becomeRootInside(outer_uid, outer_gid, failure)) return false;
  if (!bringLoopbackUp(failure)) return false;
  refused_mount = !mountOurOwn(isolation, failure);
  return !refused_mount;
}

bool bringLoopbackUp(Failure& failure) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    failure = failureOf("socket(AF_INET)");
    return false;
  }
  ifreq request = {};
  strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  if (!up) failure = failureOf("ioctl(SIOCSIFFLAGS, lo)");
  close(fd);
  return up;
}

}  // namespace fairlead::netns
