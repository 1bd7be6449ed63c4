#pragma once

#include <array>
#include <cstdint>

#include "base/mac_address.h"
#include "packet/ethernet.h"

namespace fairlead {

using Ipv6Bytes = std::array<std::uint8_t, 16>;

// RFC 8200 §3.
struct Ipv6Header {
  std::uint32_t version_class_flow;
  std::uint16_t payload_length;
  std::uint8_t next_header;
  std::uint8_t hop_limit;
  Ipv6Bytes source;
  Ipv6Bytes destination;
} __attribute__((packed));
static_assert(sizeof(Ipv6Header) == 40);

// RFC 4861 §4.4, with the Target Link-Layer Address option of §4.6.1.
struct NeighborAdvertisement {
  std::uint8_t type;
  std::uint8_t code;
  std::uint16_t checksum;
  std::uint32_t flags;
  Ipv6Bytes target;
  std::uint8_t option_type;
  std::uint8_t option_length;  // In units of 8 bytes.
  MacAddress option_mac;
} __attribute__((packed));
static_assert(sizeof(NeighborAdvertisement) == 32);

// RFC 4861 §4.3, without options.
struct NeighborSolicitation {
  std::uint8_t type;
  std::uint8_t code;
  std::uint16_t checksum;
  std::uint32_t reserved;
  Ipv6Bytes target;
} __attribute__((packed));
static_assert(sizeof(NeighborSolicitation) == 24);

struct NeighborSolicitationFrame {
  EthernetHeader ethernet;
  Ipv6Header ip;
  NeighborSolicitation solicitation;
} __attribute__((packed));
static_assert(sizeof(NeighborSolicitationFrame) == 78);

struct NeighborAdvertisementFrame {
  EthernetHeader ethernet;
  Ipv6Header ip;
  NeighborAdvertisement advertisement;
} __attribute__((packed));
static_assert(sizeof(NeighborAdvertisementFrame) == 86);

// Builds the unsolicited advertisement of RFC 4861 §7.2.6 to all nodes, with Override, so that
// caches that hold the VIP learn `mac`. `router` must be what the link does: a host that sees a
// default router's address advertised without it drops that router (§7.2.5).
NeighborAdvertisementFrame unsolicitedAdvertisement(const MacAddress& mac, const Ipv6Bytes& vip,
                                                    bool router);

// Builds the solicitation by which duplicate address detection asks whether anybody has the VIP
// (RFC 4862 §5.4.2): from the unspecified address, so without a Source Link-Layer Address option.
NeighborSolicitationFrame duplicateSolicitation(const MacAddress& mac, const Ipv6Bytes& vip);

}  // namespace fairlead
