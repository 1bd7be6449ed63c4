#pragma once

#include <cstddef>
#include <cstdint>

namespace fairlead {

// What opens and closes the gate travels on lo as this frame, of the type that is set aside for
// local experiments (IEEE 802, 0x88b5): the socket's mark alone says what is meant. 60 bytes are
// the least that Ethernet has.
constexpr std::uint16_t kGateFrameType = 0x88b5;

struct GateFrame {
  std::uint8_t destination[6];
  std::uint8_t source[6];
  std::uint8_t type[2];
  std::uint8_t padding[46];
};
static_assert(sizeof(GateFrame) == 60);

constexpr GateFrame kGateFrame{
    .destination = {},
    .source = {},
    .type = {kGateFrameType >> 8U, kGateFrameType & 0xffU},
    .padding = {},
};

}  // namespace fairlead
