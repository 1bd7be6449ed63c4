#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <compare>
#include <cstdint>

#include "base/ip_address.h"
#include "base/unique_fd.h"

namespace fairlead {

// Where a listener listens, or a backend is reached.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// An endpoint in the form that socket calls take.
class SocketAddress {
 public:
  explicit SocketAddress(const Endpoint& endpoint);

  [[nodiscard]] const sockaddr* get() const { return &storage_.any; }
  [[nodiscard]] socklen_t length() const;

 private:
  union {
    sockaddr any;
    sockaddr_in ipv4;
    sockaddr_in6 ipv6;
  } storage_{};
};

// The two ends of a connected socket; without an address when the peer has reset it. Who came over
// IPv4 to a socket of both families has an IPv4 address here, not the mapped one of RFC 4291
// §2.5.5.2 that the kernel tells.
[[nodiscard]] Endpoint localEndpoint(const UniqueFd& socket);
[[nodiscard]] Endpoint peerEndpoint(const UniqueFd& socket);

// Whether the address is `::` or `0.0.0.0`.
[[nodiscard]] bool isWildcard(const Endpoint& endpoint);

}  // namespace fairlead
