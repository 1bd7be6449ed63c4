#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

namespace fairlead {

// Classic BPF programs (Documentation/networking/filter.rst) that pass what may be a claim on one
// of `links`, and nothing when there is none. With more links than a short program can name, those
// that are not watched are sorted out later.
std::vector<sock_filter> arpClaimFilter(std::span<const std::uint32_t> links);
std::vector<sock_filter> ndpClaimFilter(std::span<const std::uint32_t> links);

}  // namespace fairlead
