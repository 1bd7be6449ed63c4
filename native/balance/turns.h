#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fairlead {

// The order in which entries of these weights take turns, by index: over one length of it each has
// as many as its weight says, spread as evenly as the smooth weighted round-robin of nginx spreads
// them (ngx_http_upstream_round_robin.c). Weights 5, 1, 1 give 0 0 1 0 2 0 0. An entry of weight 0
// has no turn.
//
// Weights are divided by what all of them have in common. When they still ask for more than 16,384
// turns, they are scaled down to about as many, and shares are that much less exact.
[[nodiscard]] std::vector<std::uint32_t> smoothTurns(std::span<const std::uint32_t> weights);

}  // namespace fairlead
