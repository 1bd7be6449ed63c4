#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "forward/endpoint.h"

namespace fairlead {

// Opens `count` listening sockets on one endpoint, among which the kernel spreads the clients
// (SO_REUSEPORT, socket(7)). Fails with EADDRINUSE when anything else listens there, which
// SO_REUSEPORT alone would hide from two processes of one user.
//
// `::` takes every address of both families, or of IPv4 where the kernel has no IPv6. Any other
// address need not be bound yet (IP_FREEBIND, ip(7)), so that a VIP finds its listener ready.
[[nodiscard]] Result<std::vector<UniqueFd>> openListeningSockets(const Endpoint& endpoint,
                                                                 std::size_t count);

}  // namespace fairlead
