#include "forward/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace fairlead {
namespace {

// A peer that vanished is found out after 60 s: 30 s of silence and three probes.
constexpr int kKeepIdleSeconds = 30;
constexpr int kKeepIntervalSeconds = 10;
constexpr int kKeepCount = 3;

}  // namespace

void setOption(const UniqueFd& socket, int level, int option, int value) {
  ::setsockopt(socket.get(), level, option, &value, sizeof(value));
}

void setStreamOptions(const UniqueFd& socket) {
  setOption(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  // Urgent data has no urgent path through a forwarder: it goes in line, so that no byte is lost.
  setOption(socket, SOL_SOCKET, SO_OOBINLINE, 1);
}

void setKeepAlive(const UniqueFd& socket) {
  setOption(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  setOption(socket, IPPROTO_TCP, TCP_KEEPIDLE, kKeepIdleSeconds);
  setOption(socket, IPPROTO_TCP, TCP_KEEPINTVL, kKeepIntervalSeconds);
  setOption(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepCount);
}

bool outOfDescriptors() {
  return errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
}

}  // namespace fairlead
