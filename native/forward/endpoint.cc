#include "forward/endpoint.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace fairlead {
namespace {

Endpoint endpointOf(const sockaddr_storage& of) {
  std::array<std::uint8_t, 16> bytes{};
  if (of.ss_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(of);
    std::memcpy(bytes.data(), &ipv4.sin_addr, 4);
    return {.address = ipAddressFromBytes(std::span(bytes).first(4)), .port = ntohs(ipv4.sin_port)};
  }
  const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(of);
  std::memcpy(bytes.data(), &ipv6.sin6_addr, bytes.size());
  const bool is_mapped = IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr);
  return {.address = ipAddressFromBytes(is_mapped ? std::span(bytes).last(4) : std::span(bytes)),
          .port = ntohs(ipv6.sin6_port)};
}

}  // namespace

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

Endpoint localEndpoint(const UniqueFd& socket) {
  sockaddr_storage bound{};
  socklen_t length = sizeof(bound);
  auto* const address = reinterpret_cast<sockaddr*>(&bound);
  if (::getsockname(socket.get(), address, &length) != 0) return {};
  return endpointOf(bound);
}

Endpoint peerEndpoint(const UniqueFd& socket) {
  sockaddr_storage peer{};
  socklen_t length = sizeof(peer);
  auto* const address = reinterpret_cast<sockaddr*>(&peer);
  if (::getpeername(socket.get(), address, &length) != 0) return {};
  return endpointOf(peer);
}

bool isWildcard(const Endpoint& endpoint) {
  return std::ranges::all_of(endpoint.address.bytes(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace fairlead
