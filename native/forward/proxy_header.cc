#include "forward/proxy_header.h"

#include <algorithm>

namespace fairlead {
namespace {

// "\r\n\r\n\0\r\nQUIT\n"
constexpr std::array<std::uint8_t, 12> kSignature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                  0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::uint8_t kVersion2Proxy = 0x21;
constexpr std::uint8_t kTcpOverIpv4 = 0x11;
constexpr std::uint8_t kTcpOverIpv6 = 0x21;

}  // namespace

ProxyHeader::ProxyHeader(const Endpoint& client, const Endpoint& local) {
  const bool is_ipv4 = client.address.isV4();
  append(kSignature);
  append(std::array{kVersion2Proxy, is_ipv4 ? kTcpOverIpv4 : kTcpOverIpv6});
  // Of what follows: two addresses, two ports.
  append(static_cast<std::uint16_t>(2 * (client.address.bytes().size() + sizeof(client.port))));
  append(client.address.bytes());
  append(local.address.bytes());
  append(client.port);
  append(local.port);
}

void ProxyHeader::append(std::span<const std::uint8_t> bytes) {
  std::ranges::copy(bytes, storage_.begin() + length_);
  length_ += bytes.size();
}

void ProxyHeader::append(std::uint16_t number) {
  append(
      std::array{static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number & 0xff)});
}

}  // namespace fairlead
