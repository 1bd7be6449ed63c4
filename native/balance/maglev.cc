#include "balance/maglev.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "balance/sip_hash.h"

namespace fairlead {
namespace {

// Primes. With 100 places an entry, shares differ by 1 % at most (§5.3 of the paper). There are few
// sizes, because a table of another size has nearly every place in other hands.
constexpr std::array<std::uint32_t, 3> kSizes{16381, 65537, 655373};
constexpr std::size_t kPlacesPerEntry = 100;

// Any two keys will do, as long as they never change: tables of different nodes would differ.
constexpr SipKey kFirstKey{.low = 0x66616972'6c656164, .high = 0x66697273'74000000};
constexpr SipKey kStepKey{.low = 0x66616972'6c656164, .high = 0x73746570'00000000};

constexpr std::uint32_t kFree = UINT32_MAX;

// An entry on its way through the places, in the order in which it likes them.
struct Taker {
  std::uint32_t index;
  std::uint32_t weight;
  std::uint32_t place = 0;
  std::uint32_t step = 0;
  std::uint64_t due = 0;  // The round of its next turn, times its weight.
};

std::uint32_t sizeFor(std::size_t entries) {
  for (const std::uint32_t size : kSizes) {
    if (size >= entries * kPlacesPerEntry) return size;
  }
  return kSizes.back();
}

std::vector<Taker> takersOf(std::span<const MaglevEntry> entries) {
  std::vector<Taker> takers;
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].weight > 0) takers.push_back({.index = i, .weight = entries[i].weight});
  }
  std::ranges::sort(takers, {}, [&](const Taker& taker) -> const std::vector<std::uint8_t>& {
    return entries[taker.index].name;
  });
  const std::uint32_t size = sizeFor(takers.size());
  for (Taker& taker : takers) {
    const auto& name = entries[taker.index].name;
    taker.place = static_cast<std::uint32_t>(sipHash(kFirstKey, name) % size);
    // The size is a prime, so every step leads through all places.
    taker.step = static_cast<std::uint32_t>(sipHash(kStepKey, name) % (size - 1) + 1);
  }
  return takers;
}

}  // namespace

std::vector<std::uint32_t> maglevTable(std::span<const MaglevEntry> entries) {
  std::vector<Taker> takers = takersOf(entries);
  if (takers.empty()) return {};
  const std::uint32_t heaviest = std::ranges::max(takers, {}, &Taker::weight).weight;
  const std::uint32_t size = sizeFor(takers.size());
  std::vector<std::uint32_t> table(size, kFree);
  std::uint32_t filled = 0;
  // The heaviest takes a place in every round, an entry of half its weight in every second one.
  for (std::uint64_t round = 1;; ++round) {
    for (Taker& taker : takers) {
      if (round * taker.weight < taker.due) continue;
      taker.due += heaviest;
      while (table[taker.place] != kFree) taker.place = (taker.place + taker.step) % size;
      table[taker.place] = taker.index;
      if (++filled == size) return table;
    }
  }
}

}  // namespace fairlead
