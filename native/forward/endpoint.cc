#include "forward/endpoint.h"

#include <algorithm>
#include <cstring>

namespace fairlead {

SocketAddress::SocketAddress(const Endpoint& endpoint) {
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.isV4()) {
    storage_.ipv4 = sockaddr_in{};
    storage_.ipv4.sin_family = AF_INET;
    storage_.ipv4.sin_port = htons(endpoint.port);
    std::memcpy(&storage_.ipv4.sin_addr, bytes.data(), bytes.size());
  } else {
    storage_.ipv6 = sockaddr_in6{};
    storage_.ipv6.sin6_family = AF_INET6;
    storage_.ipv6.sin6_port = htons(endpoint.port);
    std::memcpy(&storage_.ipv6.sin6_addr, bytes.data(), bytes.size());
  }
}

socklen_t SocketAddress::length() const {
  return storage_.any.sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

bool isWildcard(const Endpoint& endpoint) {
  return std::ranges::all_of(endpoint.address.bytes(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace fairlead
