#pragma once

#include <sys/socket.h>

namespace fairlead {

// Asks for `bytes` of buffer for what a socket receives, as far as this process may: past
// net.core.rmem_max only with CAP_NET_ADMIN in the first user namespace (socket(7)).
inline void askForReceiveBuffer(int fd, int bytes) {
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) == 0) return;
  static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes));
}

}  // namespace fairlead
