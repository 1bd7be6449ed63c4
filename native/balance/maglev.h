#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fairlead {

// One that wants its share of a table's places.
struct MaglevEntry {
  std::vector<std::uint8_t> name;  // Unlike every other's.
  std::uint32_t weight = 0;        // 0: no place.
};

// For every place of a table, the index of the entry that has it; no places when no entry has a
// weight. The number of places is a prime.
//
// After Maglev's table (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load
// Balancer", NSDI 2016, §3.4): every entry has an order of its own in which it likes the places,
// drawn from its name, and they take turns, each taking the free place that it likes best. So the
// table depends on names and weights alone, not on the order of `entries`: every node has the same
// one. When an entry goes, its places are taken by the others, and few other places change hands.
[[nodiscard]] std::vector<std::uint32_t> maglevTable(std::span<const MaglevEntry> entries);

}  // namespace fairlead
