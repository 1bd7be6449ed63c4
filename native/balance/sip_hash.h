#pragma once

#include <cstdint>
#include <span>

namespace fairlead {

struct SipKey {
  std::uint64_t low;
  std::uint64_t high;
};

// SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). The same on every
// machine and in every version: nodes must agree on what it says, so it is not the library's hash.
[[nodiscard]] std::uint64_t sipHash(const SipKey& key, std::span<const std::uint8_t> bytes);

}  // namespace fairlead
