#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/ip_address.h"
#include "base/mac_address.h"

namespace fairlead {

// That the machine with `mac` says to have `address`.
struct Claim {
  IpAddress address{};
  MacAddress mac{};
};

// Reads a frame, from its Ethernet header on, as a receiver that looks for conflicts does: an ARP
// packet of either kind claims its sender address (RFC 5227 §2.4), a Neighbor Advertisement its
// target, and a Neighbor Solicitation its source. A probe, which has no sender address yet, claims
// nothing: whoever holds the address just answers it.
std::optional<Claim> claimIn(std::span<const std::uint8_t> frame);

}  // namespace fairlead
