#include "base/ip_address.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cstdio>

namespace fairlead {

int IpAddress::family() const { return isV4() ? AF_INET : AF_INET6; }

std::optional<IpAddress> parseIpAddress(const char* text) {
  IpAddress address;
  if (::inet_pton(AF_INET, text, address.storage.data()) == 1) {
    address.length = 4;
    return address;
  }
  if (::inet_pton(AF_INET6, text, address.storage.data()) == 1) {
    address.length = 16;
    return address;
  }
  return std::nullopt;
}

IpAddress ipAddressFromBytes(std::span<const std::uint8_t> bytes) {
  assert(bytes.size() == 4 || bytes.size() == 16);
  IpAddress address{.length = static_cast<std::uint8_t>(bytes.size())};
  std::copy(bytes.begin(), bytes.end(), address.storage.begin());
  return address;
}

namespace {

struct Run {
  std::size_t begin = 0;
  std::size_t length = 0;
};

// The run of zero groups that "::" stands for: the longest, the first of equals, never a single one
// (RFC 5952 §4.2.2, §4.2.3).
Run longestZeroRun(const std::array<unsigned, 8>& groups) {
  Run best;
  for (std::size_t begin = 0; begin < groups.size(); ++begin) {
    std::size_t end = begin;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - begin > best.length) best = Run{.begin = begin, .length = end - begin};
  }
  return best.length >= 2 ? best : Run{};
}

std::string formatV6(const std::array<std::uint8_t, 16>& bytes) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<unsigned>(bytes[2 * i] << 8) | bytes[2 * i + 1];
  }
  const Run zeros = longestZeroRun(groups);
  std::string text;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (zeros.length > 0 && i == zeros.begin) {
      text += "::";
      i += zeros.length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    std::array<char, 5> group{};
    std::snprintf(group.data(), group.size(), "%x", groups[i]);
    text += group.data();
  }
  return text;
}

}  // namespace

std::string formatIpAddress(const IpAddress& address) {
  if (!address.isV4()) return formatV6(address.storage);
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, address.storage.data(), text.data(), text.size());
  return text.data();
}

}  // namespace fairlead
