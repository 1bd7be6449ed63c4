#pragma once

#include <fcntl.h>
#include <sched.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace fairlead {

// A handle on the network namespace at a path such as /proc/1/ns/net.
inline Result<UniqueFd> openNetworkNamespace(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return lastError("open");
  return fd;
}

// Moves the calling thread, and only it, into the namespace (setns(2)).
inline Result<Done> enterNetworkNamespace(const UniqueFd& fd) {
  if (::setns(fd.get(), CLONE_NEWNET) != 0) return lastError("setns");
  return Done{};
}

}  // namespace fairlead
