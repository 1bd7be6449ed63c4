#include "forward/choice.h"

#include <algorithm>
#include <utility>

#include "balance/maglev.h"
#include "balance/sip_hash.h"
#include "balance/turns.h"
#include "forward/backends.h"
#include "forward/endpoint.h"

namespace fairlead {
namespace {

// Never to be changed: clients would go to other backends on every node that is newer.
constexpr SipKey kClientKey{.low = 0x66616972'6c656164, .high = 0x636c6965'6e740000};

bool hasWeight(const Target& target) { return target.weight > 0; }

std::vector<std::uint8_t> nameOf(const Endpoint& endpoint) {
  const auto address = endpoint.address.bytes();
  std::vector<std::uint8_t> name(address.begin(), address.end());
  name.push_back(static_cast<std::uint8_t>(endpoint.port >> 8));
  name.push_back(static_cast<std::uint8_t>(endpoint.port & 0xff));
  return name;
}

std::vector<std::uint32_t> orderOf(Algorithm algorithm, const std::vector<Target>& targets) {
  if (algorithm == Algorithm::kSourceHash) {
    std::vector<MaglevEntry> entries;
    for (const auto& [backend, weight] : targets) {
      entries.push_back({.name = nameOf(backend->endpoint), .weight = weight});
    }
    return maglevTable(entries);
  }
  std::vector<std::uint32_t> weights;
  for (const Target& target : targets) weights.push_back(target.weight);
  return smoothTurns(weights);
}

bool isTried(const Search& search, std::uint32_t index) {
  const auto end = search.tried.begin() + search.tries;
  return std::find(search.tried.begin(), end, index) != end;
}

}  // namespace

Choice::Choice(Algorithm algorithm, std::vector<Target> targets)
    : algorithm_(algorithm),
      targets_(std::move(targets)),
      order_(orderOf(algorithm_, targets_)),
      eligible_(static_cast<std::uint32_t>(std::ranges::count_if(targets_, hasWeight))) {}

Search Choice::begin(std::atomic<std::uint32_t>& rotation, const UniqueFd& client) const {
  if (order_.empty()) return {};
  const std::uint64_t turn = algorithm_ == Algorithm::kSourceHash
                                 ? sipHash(kClientKey, peerEndpoint(client).address.bytes())
                                 : rotation.fetch_add(1, std::memory_order_relaxed);
  return {.start = static_cast<std::uint32_t>(turn % order_.size())};
}

Backend* Choice::next(Search& search, std::atomic<std::uint32_t>& rotation, std::uint64_t now_ms,
                      std::uint64_t try_ms) const {
  if (search.tries >= std::min(kMaximumTries, eligible_)) return nullptr;
  auto index = find(search, [](std::uint32_t) { return true; });
  if (!index) return nullptr;
  if (!targets_[*index].backend->ejection.admits(now_ms, try_ms)) {
    index = instead(search, rotation).value_or(*index);
  }
  if (search.tries < search.tried.size()) search.tried[search.tries] = *index;
  ++search.tries;
  return targets_[*index].backend.get();
}

// Whom to try in place of one that is ejected; nobody when that one is to be tried after all.
std::optional<std::uint32_t> Choice::instead(Search& search,
                                             std::atomic<std::uint32_t>& rotation) const {
  if (tooManyEjected()) return std::nullopt;
  const bool takes_turns = algorithm_ == Algorithm::kRoundRobin && search.tries == 0;
  // The turns of the ejected are used up, so that their share goes to all others in turn, and not
  // to the next in order alone.
  for (std::size_t turn = 0; takes_turns && turn < order_.size(); ++turn) {
    if (!isEjected(order_[search.start])) break;
    search.start = rotation.fetch_add(1, std::memory_order_relaxed) %
                   static_cast<std::uint32_t>(order_.size());
  }
  return find(search, [this](std::uint32_t index) { return !isEjected(index); });
}

// The next target, by index, that has not been tried and that `may` allows.
template <typename May>
std::optional<std::uint32_t> Choice::find(const Search& search, May may) const {
  if (algorithm_ == Algorithm::kLeastConnections) return leastLoaded(search, may);
  for (std::size_t step = 0; step < order_.size(); ++step) {
    const std::uint32_t index = order_[(search.start + step) % order_.size()];
    if (!isTried(search, index) && may(index)) return index;
  }
  return std::nullopt;
}

template <typename May>
std::optional<std::uint32_t> Choice::leastLoaded(const Search& search, May may) const {
  std::optional<std::uint32_t> least;
  std::uint64_t least_load = 0;
  const auto count = static_cast<std::uint32_t>(targets_.size());
  for (std::uint32_t step = 0; step < count; ++step) {
    const std::uint32_t index = (order_[search.start] + step) % count;
    const auto& [backend, weight] = targets_[index];
    if (weight == 0 || isTried(search, index) || !may(index)) continue;
    const std::uint64_t load = backend->open.read() + backend->connecting.read();
    // load / weight < least_load / its weight
    if (!least || load * targets_[*least].weight < least_load * weight) {
      least = index;
      least_load = load;
    }
  }
  return least;
}

bool Choice::isEjected(std::uint32_t index) const {
  return targets_[index].backend->ejection.ejected();
}

bool Choice::tooManyEjected() const {
  const auto ejected = std::ranges::count_if(targets_, [](const Target& target) {
    return hasWeight(target) && target.backend->ejection.ejected();
  });
  return 2 * static_cast<std::uint64_t>(ejected) > eligible_;
}

}  // namespace fairlead
