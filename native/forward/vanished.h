#pragma once

#include <cstdint>

#include "base/unique_fd.h"

namespace fairlead {

// Whether the peer of a connected socket has acknowledged nothing for `ms`, although the kernel has
// sent it bytes, or has asked it several times for room. A peer that reads slowly, or not at all,
// answers when it is asked, and is not meant: TCP_USER_TIMEOUT would end it, too
// (net/ipv4/tcp_timer.c, tcp_probe_timer), while without it the kernel takes a quarter of an hour.
//
// To be asked of sockets that have neither taken nor given a byte for `ms`: else the bytes may be
// new ones.
[[nodiscard]] bool peerVanished(const UniqueFd& socket, std::uint32_t ms);

}  // namespace fairlead
