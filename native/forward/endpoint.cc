#include "forward/endpoint.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

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

IpAddress boundAddress(const UniqueFd& socket) {
  sockaddr_storage bound{};
  socklen_t length = sizeof(bound);
  auto* const address = reinterpret_cast<sockaddr*>(&bound);
  if (::getsockname(socket.get(), address, &length) != 0) return IpAddress{};
  std::array<std::uint8_t, 16> bytes{};
  if (bound.ss_family == AF_INET) {
    std::memcpy(bytes.data(), &reinterpret_cast<sockaddr_in*>(&bound)->sin_addr, 4);
    return ipAddressFromBytes(std::span(bytes).first(4));
  }
  const in6_addr& ipv6 = reinterpret_cast<sockaddr_in6*>(&bound)->sin6_addr;
  std::memcpy(bytes.data(), &ipv6, bytes.size());
  return ipAddressFromBytes(IN6_IS_ADDR_V4MAPPED(&ipv6) ? std::span(bytes).last(4)
                                                        : std::span(bytes));
}

bool isWildcard(const Endpoint& endpoint) {
  return std::ranges::all_of(endpoint.address.bytes(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace fairlead
