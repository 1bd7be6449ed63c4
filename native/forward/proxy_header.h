#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "forward/endpoint.h"

namespace fairlead {

// What stands before a client's first byte, to tell a backend who the client is.
class ProxyHeader {
 public:
  static constexpr std::size_t kMaximumBytes = 52;  // Of IPv6.

  // The header of version 2 (HAProxy's proxy-protocol.txt, §2.2) for a TCP connection that `client`
  // made to `local`, which have one family. It has no TLVs.
  ProxyHeader(const Endpoint& client, const Endpoint& local);

  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return std::span(storage_).first(length_);
  }

 private:
  void append(std::span<const std::uint8_t> bytes);
  void append(std::uint16_t number);

  std::array<std::uint8_t, kMaximumBytes> storage_{};
  std::size_t length_ = 0;
};

}  // namespace fairlead
