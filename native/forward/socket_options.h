#pragma once

#include "base/unique_fd.h"

namespace fairlead {

// Sets one option. What fails is left as it is: each caller works without it.
void setOption(const UniqueFd& socket, int level, int option, int value);

// Sets what every forwarded socket has: no delay for small messages, and probes that find a dead
// peer. An accepted socket inherits it all from its listener (net/ipv4/tcp_minisocks.c copies the
// parent).
void setStreamOptions(const UniqueFd& socket);

// Whether errno says that a descriptor or socket memory is wanting, which time alone cures.
[[nodiscard]] bool outOfDescriptors();

}  // namespace fairlead
