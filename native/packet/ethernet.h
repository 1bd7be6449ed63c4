#pragma once

#include <cstdint>

#include "base/mac_address.h"

namespace fairlead {

// IEEE 802.3, "type" form. All multi-byte fields of frames are in network byte order.
struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  std::uint16_t ether_type;
} __attribute__((packed));
static_assert(sizeof(EthernetHeader) == 14);

}  // namespace fairlead
