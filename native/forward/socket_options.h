#pragma once

#include "base/unique_fd.h"

namespace fairlead {

// Sets one option. What fails is left as it is: each caller works without it.
void setOption(const UniqueFd& socket, int level, int option, int value);

// Sets what every forwarded socket has from its beginning: no delay for small messages. An accepted
// socket inherits this and what follows from its listener (net/ipv4/tcp_minisocks.c copies the
// parent).
void setStreamOptions(const UniqueFd& socket);

// Has the kernel ask for a sign of life where there has been none for a while.
void setKeepAlive(const UniqueFd& socket);

// Whether errno says that a descriptor or socket memory is wanting, which time alone cures.
[[nodiscard]] bool outOfDescriptors();

}  // namespace fairlead
