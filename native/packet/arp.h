#pragma once

#include <array>
#include <cstdint>

#include "base/mac_address.h"
#include "packet/ethernet.h"

namespace fairlead {

using Ipv4Bytes = std::array<std::uint8_t, 4>;

// RFC 826, "Packet format", for Ethernet and IPv4.
struct ArpFrame {
  EthernetHeader ethernet;
  std::uint16_t hardware_type;
  std::uint16_t protocol_type;
  std::uint8_t hardware_length;
  std::uint8_t protocol_length;
  std::uint16_t operation;
  MacAddress sender_mac;
  Ipv4Bytes sender_ip;
  MacAddress target_mac;
  Ipv4Bytes target_ip;
} __attribute__((packed));
static_assert(sizeof(ArpFrame) == 42);

enum class ArpForm : std::uint8_t { kRequest, kReply };

// Builds the ARP announcement of RFC 5227 §2.3: a broadcast in which sender and target are both the
// VIP, so that every cache on the segment that holds the VIP learns `mac`.
ArpFrame arpAnnouncement(const MacAddress& mac, const Ipv4Bytes& vip, ArpForm form);

// Builds the ARP probe of RFC 5227 §2.1.1: asks who has the VIP, and names no sender address, so
// that no cache changes.
ArpFrame arpProbe(const MacAddress& mac, const Ipv4Bytes& vip);

}  // namespace fairlead
