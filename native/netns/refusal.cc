#include "netns/refusal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

namespace fairlead::netns {
namespace {

// The number in a sysctl's file, or `absent` on kernels that do not have it.
long readSetting(const char* path, long absent) {
  char text[32] = {};
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absent;
  const ssize_t length = read(fd, text, sizeof(text) - 1);
  close(fd);
  return length > 0 ? strtol(text, nullptr, 10) : absent;
}

// WSL 1 translates system calls and has no kernel of its own; its release ends in "-Microsoft",
// that of WSL 2 in "-microsoft-standard-WSL2".
bool isWsl1() {
  char release[128] = {};
  const int fd = open("/proc/sys/kernel/osrelease", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t length = read(fd, release, sizeof(release) - 1);
  close(fd);
  return length > 0 && strstr(release, "-Microsoft") != nullptr;
}

bool isContainer() {
  return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
}

}  // namespace

Refusal explain(const Failure& failure) {
  if (isWsl1()) {
    return {"WSL 1 has no namespaces", "run `wsl --set-version DISTRIBUTION 2` in Windows"};
  }
  if (readSetting("/proc/sys/user/max_user_namespaces", 1) == 0) {
    return {"user.max_user_namespaces is 0",
            "run `sudo sysctl -w user.max_user_namespaces=15000`, or this as root"};
  }
  if (failure.error == ENOSPC) {
    return {"a limit of /proc/sys/user/max_*_namespaces is reached",
            "raise it, for example `sudo sysctl -w user.max_net_namespaces=15000`"};
  }
  if (isContainer()) {
    return {"the container's runtime forbids them",
            "start the container with `--privileged`, or run this outside of it"};
  }
  if (readSetting("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0) {
    return {"kernel.unprivileged_userns_clone is 0",
            "run `sudo sysctl -w kernel.unprivileged_userns_clone=1`, or this as root"};
  }
  if (readSetting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) != 0) {
    return {"AppArmor restricts user namespaces, as Ubuntu sets it since 23.10",
            "run `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or this as root"};
  }
  if (failure.error == ENOSYS || failure.error == EINVAL) {
    return {"the kernel is built without them",
            "use one with CONFIG_USER_NS, CONFIG_NET_NS and CONFIG_PID_NS"};
  }
  return {"the kernel or a security module forbids them", "run this as root"};
}

void printRefusal(const Failure& failure) {
  const Refusal refusal = explain(failure);
  fprintf(stderr, "fairlead-netns: Cannot make namespaces: %s; %s (%s failed: %s, errno %d)\n",
          refusal.cause, refusal.cure, failure.call, strerror(failure.error), failure.error);
}

}  // namespace fairlead::netns
