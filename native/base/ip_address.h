#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace fairlead {

// An IPv4 or IPv6 address in network byte order.
struct IpAddress {
  std::uint8_t length = 0;  // 4 or 16 bytes.
  std::array<std::uint8_t, 16> storage{};

  [[nodiscard]] bool isV4() const { return length == 4; }
  [[nodiscard]] int family() const;
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {storage.data(), length}; }

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

std::optional<IpAddress> parseIpAddress(const char* text);
// `bytes` are 4 or 16.
IpAddress ipAddressFromBytes(std::span<const std::uint8_t> bytes);
// The canonical text of RFC 5952 §4. inet_ntop differs from it, and between C libraries, for
// addresses that begin with 96 zero bits.
std::string formatIpAddress(const IpAddress& address);

}  // namespace fairlead
