#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/unique_fd.h"

namespace fairlead {

struct Backend;

enum class Algorithm : std::uint8_t { kRoundRobin, kLeastConnections, kSourceHash };

// A backend, and how much it takes against the others. Weight 0: no new connections.
struct Target {
  std::shared_ptr<Backend> backend;
  std::uint32_t weight = 0;

  friend bool operator==(const Target&, const Target&) = default;
};

// A connection that finds no backend at so many has a client that need not wait longer (HAProxy's
// `retries` is 3 as well).
inline constexpr std::uint32_t kMaximumTries = 3;

// How far one connection is in its search for a backend.
struct Search {
  std::uint32_t start = 0;  // Its place in the order of turns.
  std::uint32_t tries = 0;
  std::array<std::uint32_t, kMaximumTries - 1> tried{};  // Before the one that is being tried.
};

// In which order a connection tries the backends: each at most once, kMaximumTries at most, none of
// weight 0. It is made anew whenever backends or weights change, so threads share it unguarded.
//
// All three algorithms walk an order of turns, and differ in the place where they begin:
// - round-robin: where the last connection left off, in an order that has each backend as often as
//   its weight says.
// - least-connections: as round-robin, but of all backends the one with the fewest connections for
//   its weight, also those that are only being made. The order decides between equals.
// - source-hash: at the hash of the client's address, without its port, in a table that every node
//   has the same of (Maglev). Which one is next is the same everywhere, too.
//
// Ejected backends are left alone, unless more than half of all are ejected, or all others have
// been tried: then the fault is not theirs alone, and a try is worth more than a reset.
class Choice {
 public:
  Choice(Algorithm algorithm, std::vector<Target> targets);

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] const std::vector<Target>& targets() const { return targets_; }

  // Begins the search of one connection. `rotation` is what all connections of a listener share.
  [[nodiscard]] Search begin(std::atomic<std::uint32_t>& rotation, const UniqueFd& client) const;

  // The backend to try next; null when there is none. `try_ms` is how long a try of an ejected one
  // may take.
  [[nodiscard]] Backend* next(Search& search, std::atomic<std::uint32_t>& rotation,
                              std::uint64_t now_ms, std::uint64_t try_ms) const;

 private:
  [[nodiscard]] std::optional<std::uint32_t> instead(Search& search,
                                                     std::atomic<std::uint32_t>& rotation) const;
  template <typename May>
  [[nodiscard]] std::optional<std::uint32_t> find(const Search& search, May may) const;
  template <typename May>
  [[nodiscard]] std::optional<std::uint32_t> leastLoaded(const Search& search, May may) const;
  [[nodiscard]] bool isEjected(std::uint32_t index) const;
  [[nodiscard]] bool tooManyEjected() const;

  const Algorithm algorithm_;
  const std::vector<Target> targets_;
  const std::vector<std::uint32_t> order_;  // Turns, as indices of targets.
  const std::uint32_t eligible_;            // Targets that have a weight.
};

}  // namespace fairlead
