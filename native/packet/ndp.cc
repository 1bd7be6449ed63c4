#include "packet/ndp.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace fairlead {
namespace {

constexpr std::uint8_t kTypeNeighborSolicitation = 135;
constexpr std::uint8_t kTypeNeighborAdvertisement = 136;
constexpr std::uint8_t kOptionTargetLinkLayerAddress = 2;
// A receiver discards anything that a router may have passed on (RFC 4861 §7.1.2).
constexpr std::uint8_t kHopLimit = 255;
constexpr std::uint32_t kFlagRouter = 0x80000000;
constexpr std::uint32_t kFlagOverride = 0x20000000;

// ff02::1, and the Ethernet address that it maps to (RFC 2464 §7).
constexpr Ipv6Bytes kAllNodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01};
constexpr MacAddress kAllNodesMac{0x33, 0x33, 0, 0, 0, 0x01};

// The Internet checksum's running sum over 16-bit words (RFC 1071); the sizes here are even.
std::uint32_t addWords(std::uint32_t sum, std::span<const std::uint8_t> bytes) {
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i] << 8) | bytes[i + 1];
  }
  return sum;
}

// RFC 8200 §8.1: the message and a pseudo-header of addresses, length and next header.
template <typename Message>
std::uint16_t checksum(const Ipv6Header& ip, const Message& message) {
  std::array<std::uint8_t, sizeof message> bytes{};
  std::memcpy(bytes.data(), &message, sizeof message);
  std::uint32_t sum = sizeof message + IPPROTO_ICMPV6;
  sum = addWords(sum, ip.source);
  sum = addWords(sum, ip.destination);
  sum = addWords(sum, bytes);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum & 0xffff);
}

}  // namespace

NeighborAdvertisementFrame unsolicitedAdvertisement(const MacAddress& mac, const Ipv6Bytes& vip,
                                                    bool router) {
  NeighborAdvertisementFrame frame{
      .ethernet = {.destination = kAllNodesMac, .source = mac, .ether_type = htons(ETHERTYPE_IPV6)},
      .ip = {.version_class_flow = htonl(std::uint32_t{6} << 28),
             .payload_length = htons(sizeof(NeighborAdvertisement)),
             .next_header = IPPROTO_ICMPV6,
             .hop_limit = kHopLimit,
             .source = vip,
             .destination = kAllNodes},
      .advertisement = {.type = kTypeNeighborAdvertisement,
                        .code = 0,
                        .checksum = 0,
                        .flags = htonl(kFlagOverride | (router ? kFlagRouter : 0)),
                        .target = vip,
                        .option_type = kOptionTargetLinkLayerAddress,
                        .option_length = 1,
                        .option_mac = mac},
  };
  frame.advertisement.checksum = htons(checksum(frame.ip, frame.advertisement));
  return frame;
}

NeighborSolicitationFrame duplicateSolicitation(const MacAddress& mac, const Ipv6Bytes& vip) {
  // The solicited-node address, ff02::1:ff and the last three octets (RFC 4291 §2.7.1), and the
  // Ethernet address that it maps to.
  Ipv6Bytes group{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xff};
  std::copy(vip.begin() + 13, vip.end(), group.begin() + 13);
  const MacAddress group_mac{0x33, 0x33, group[12], group[13], group[14], group[15]};
  NeighborSolicitationFrame frame{
      .ethernet = {.destination = group_mac, .source = mac, .ether_type = htons(ETHERTYPE_IPV6)},
      .ip = {.version_class_flow = htonl(std::uint32_t{6} << 28),
             .payload_length = htons(sizeof(NeighborSolicitation)),
             .next_header = IPPROTO_ICMPV6,
             .hop_limit = kHopLimit,
             .source = {},
             .destination = group},
      .solicitation = {.type = kTypeNeighborSolicitation,
                       .code = 0,
                       .checksum = 0,
                       .reserved = 0,
                       .target = vip},
  };
  frame.solicitation.checksum = htons(checksum(frame.ip, frame.solicitation));
  return frame;
}

}  // namespace fairlead
