#include "forward/listening_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "forward/socket_options.h"

namespace fairlead {
namespace {

// The kernel caps it at net.core.somaxconn, which is 4096 by default.
constexpr int kBacklog = 4096;

Result<UniqueFd> bindSocket(const Endpoint& endpoint, bool share_port) {
  UniqueFd socket(
      ::socket(endpoint.address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return lastError("socket");
  // Connections of an earlier listener on this port, in TIME_WAIT or draining, do not hinder.
  setOption(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  setOption(socket, SOL_SOCKET, SO_REUSEPORT, share_port ? 1 : 0);
  if (!endpoint.address.isV4()) {
    setOption(socket, IPPROTO_IPV6, IPV6_V6ONLY, isWildcard(endpoint) ? 0 : 1);
  }
  if (!isWildcard(endpoint)) {
    if (endpoint.address.isV4()) {
      setOption(socket, IPPROTO_IP, IP_FREEBIND, 1);
    } else {
      setOption(socket, IPPROTO_IPV6, IPV6_FREEBIND, 1);
    }
  }
  setStreamOptions(socket);
  setKeepAlive(socket);
  const SocketAddress address(endpoint);
  if (::bind(socket.get(), address.get(), address.length()) != 0) return lastError("bind");
  return socket;
}

Result<std::vector<UniqueFd>> openAll(const Endpoint& endpoint, std::size_t count) {
  std::vector<UniqueFd> sockets;
  for (std::size_t i = 0; i < count; ++i) {
    // The first one is bound alone, so that it meets whoever listens there already. The port is
    // shared only afterwards: the others are checked against what the first has by then, and
    // listen(2) is where the kernel groups them (net/ipv4/inet_connection_sock.c,
    // inet_csk_bind_conflict; net/core/sock_reuseport.c).
    auto bound = bindSocket(endpoint, i > 0);
    if (!bound.ok()) return bound.error();
    if (i == 0) setOption(bound.value(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (::listen(bound.value().get(), kBacklog) != 0) return lastError("listen");
    sockets.push_back(std::move(bound.value()));
  }
  return sockets;
}

}  // namespace

Result<std::vector<UniqueFd>> openListeningSockets(const Endpoint& endpoint, std::size_t count) {
  auto sockets = openAll(endpoint, count);
  const bool lacks_ipv6 = !sockets.ok() && (sockets.error().error_number == EAFNOSUPPORT ||
                                            sockets.error().error_number == EADDRNOTAVAIL);
  if (lacks_ipv6 && !endpoint.address.isV4() && isWildcard(endpoint)) {
    return openAll(
        Endpoint{.address = IpAddress{.length = 4, .storage = {}}, .port = endpoint.port}, count);
  }
  return sockets;
}

}  // namespace fairlead
