#include "balance/turns.h"

#include <algorithm>
#include <numeric>

namespace fairlead {
namespace {

constexpr std::uint64_t kMaximumTurns = 16'384;

struct Taker {
  std::uint32_t index;
  std::int64_t weight;
  std::int64_t credit = 0;
};

std::vector<Taker> takersOf(std::span<const std::uint32_t> weights) {
  std::uint32_t common = 0;
  std::uint64_t sum = 0;
  for (const std::uint32_t weight : weights) {
    common = std::gcd(common, weight);
    sum += weight;
  }
  std::vector<Taker> takers;
  for (std::uint32_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    std::uint64_t turns = weights[i] / common;
    if (sum / common > kMaximumTurns) {
      turns = std::max<std::uint64_t>(1, weights[i] * kMaximumTurns / sum);
    }
    takers.push_back({.index = i, .weight = static_cast<std::int64_t>(turns)});
  }
  return takers;
}

}  // namespace

std::vector<std::uint32_t> smoothTurns(std::span<const std::uint32_t> weights) {
  std::vector<Taker> takers = takersOf(weights);
  std::int64_t total = 0;
  for (const Taker& taker : takers) total += taker.weight;
  std::vector<std::uint32_t> turns;
  turns.reserve(static_cast<std::size_t>(total));
  if (static_cast<std::size_t>(total) == takers.size()) {
    // One turn each: what follows would come to the same, in quadratic time.
    for (const Taker& taker : takers) turns.push_back(taker.index);
    return turns;
  }
  for (std::int64_t turn = 0; turn < total; ++turn) {
    for (Taker& taker : takers) taker.credit += taker.weight;
    Taker& next = *std::ranges::max_element(takers, {}, &Taker::credit);
    next.credit -= total;
    turns.push_back(next.index);
  }
  return turns;
}

}  // namespace fairlead
