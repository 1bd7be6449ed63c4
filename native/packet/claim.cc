#include "packet/claim.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "packet/arp.h"
#include "packet/ndp.h"

namespace fairlead {
namespace {

constexpr std::uint8_t kTypeNeighborSolicitation = 135;
constexpr std::uint8_t kTypeNeighborAdvertisement = 136;
constexpr std::uint8_t kOptionSourceLinkLayerAddress = 1;
constexpr std::uint8_t kOptionTargetLinkLayerAddress = 2;
// RFC 4861 §7.1: the hop limit of a neighbour's own words.
constexpr std::uint8_t kHopLimit = 255;
// Type, code, checksum, flags or reserved, target: the same in both messages (§4.3, §4.4).
constexpr std::size_t kMessageBytes = 24;
constexpr std::size_t kTargetOffset = 8;

template <typename T>
std::optional<T> readAs(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

bool isZero(std::span<const std::uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

std::optional<Claim> claimInArp(std::span<const std::uint8_t> frame) {
  const auto arp = readAs<ArpFrame>(frame);
  if (!arp || ntohs(arp->hardware_type) != ARPHRD_ETHER ||
      ntohs(arp->protocol_type) != ETHERTYPE_IP || arp->hardware_length != sizeof(MacAddress) ||
      arp->protocol_length != sizeof(Ipv4Bytes)) {
    return std::nullopt;
  }
  const std::uint16_t operation = ntohs(arp->operation);
  if (operation != ARPOP_REQUEST && operation != ARPOP_REPLY) return std::nullopt;
  const Ipv4Bytes sender = arp->sender_ip;
  if (isZero(sender)) return std::nullopt;
  return Claim{.address = ipAddressFromBytes(sender), .mac = arp->sender_mac};
}

// The link-layer address in the option of `type`, if there is one (RFC 4861 §4.6).
std::optional<MacAddress> macIn(std::span<const std::uint8_t> options, std::uint8_t type) {
  while (options.size() >= 2) {
    const std::size_t length = std::size_t{options[1]} * 8;
    if (length == 0 || length > options.size()) return std::nullopt;
    if (options[0] == type) return readAs<MacAddress>(options.subspan(2, length - 2));
    options = options.subspan(length);
  }
  return std::nullopt;
}

std::optional<Claim> claimInNdp(std::span<const std::uint8_t> frame, const MacAddress& source) {
  const auto ip = readAs<Ipv6Header>(frame.subspan(sizeof(EthernetHeader)));
  if (!ip || ip->next_header != IPPROTO_ICMPV6 || ip->hop_limit != kHopLimit) return std::nullopt;
  auto message = frame.subspan(sizeof(EthernetHeader) + sizeof(Ipv6Header));
  const std::size_t length = ntohs(ip->payload_length);
  if (length < kMessageBytes || length > message.size()) return std::nullopt;
  message = message.first(length);
  const auto options = message.subspan(kMessageBytes);
  Claim claim;
  std::optional<MacAddress> told;
  if (message[0] == kTypeNeighborAdvertisement) {
    claim.address = ipAddressFromBytes(message.subspan(kTargetOffset, sizeof(Ipv6Bytes)));
    told = macIn(options, kOptionTargetLinkLayerAddress);
  } else if (message[0] == kTypeNeighborSolicitation) {
    const Ipv6Bytes from = ip->source;
    if (isZero(from)) return std::nullopt;
    claim.address = ipAddressFromBytes(from);
    told = macIn(options, kOptionSourceLinkLayerAddress);
  } else {
    return std::nullopt;
  }
  claim.mac = told.value_or(source);
  return claim;
}

}  // namespace

std::optional<Claim> claimIn(std::span<const std::uint8_t> frame) {
  const auto ethernet = readAs<EthernetHeader>(frame);
  if (!ethernet) return std::nullopt;
  switch (ntohs(ethernet->ether_type)) {
    case ETHERTYPE_ARP:
      return claimInArp(frame);
    case ETHERTYPE_IPV6:
      return claimInNdp(frame, ethernet->source);
    default:
      return std::nullopt;
  }
}

}  // namespace fairlead
