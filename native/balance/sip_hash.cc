#include "balance/sip_hash.h"

#include <bit>
#include <cstddef>

namespace fairlead {
namespace {

constexpr std::size_t kWordBytes = 8;

// The paper's SipRound on its four words.
struct State {
  std::uint64_t v0;
  std::uint64_t v1;
  std::uint64_t v2;
  std::uint64_t v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }

  void compress(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

std::uint64_t littleEndian(std::span<const std::uint8_t> bytes) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) word |= std::uint64_t{bytes[i]} << (8 * i);
  return word;
}

}  // namespace

std::uint64_t sipHash(const SipKey& key, std::span<const std::uint8_t> bytes) {
  State state{.v0 = key.low ^ 0x736f6d6570736575U,
              .v1 = key.high ^ 0x646f72616e646f6dU,
              .v2 = key.low ^ 0x6c7967656e657261U,
              .v3 = key.high ^ 0x7465646279746573U};
  const std::uint64_t length = std::uint64_t{bytes.size()} << 56;
  while (bytes.size() >= kWordBytes) {
    state.compress(littleEndian(bytes.first(kWordBytes)));
    bytes = bytes.subspan(kWordBytes);
  }
  state.compress(littleEndian(bytes) | length);
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace fairlead
