#pragma once

#include <cerrno>
#include <cstring>

namespace fairlead::netns {

// A call that the kernel refused. It travels through a socket from the process that makes the
// namespaces to the one that reports, so it holds its text itself.
struct Failure {
  int error = 0;
  char call[60] = {};
};

// To be called before anything else may change errno.
inline Failure failureOf(const char* call) {
  Failure failure{.error = errno};
  strncpy(failure.call, call, sizeof(failure.call) - 1);
  return failure;
}

}  // namespace fairlead::netns
