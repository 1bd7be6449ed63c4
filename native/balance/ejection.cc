#include "balance/ejection.h"

#include <algorithm>

namespace fairlead {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
// From here on doubling gives no more than the longest time.
constexpr std::uint32_t kLongestRow = 3;
static_assert(Ejection::kFirstMs << kLongestRow >= Ejection::kLongestMs);

}  // namespace

// Success and failure of two connections may come at once, on two threads. Whichever wins, or both
// in part: the next outcome puts it right.
void Ejection::noteSuccess() {
  if (failures_.load(kRelaxed) == 0 && !ejected()) return;
  failures_.store(0, kRelaxed);
  row_.store(0, kRelaxed);
  trying_.store(false, kRelaxed);
  until_ms_.store(0, kRelaxed);
}

void Ejection::noteFailure(std::uint64_t now_ms) {
  if (!ejected()) {
    // Exactly one thread counts the third.
    if (failures_.fetch_add(1, kRelaxed) + 1 == kFailures) eject(now_ms);
  } else if (trying_.exchange(false, kRelaxed)) {
    eject(now_ms);
  }
  // Else it is a connection from before, or one that had nowhere else to go, and says nothing new.
}

void Ejection::eject(std::uint64_t now_ms) {
  const std::uint32_t row = std::min(row_.fetch_add(1, kRelaxed), kLongestRow);
  until_ms_.store(now_ms + std::min(kFirstMs << row, kLongestMs), kRelaxed);
  failures_.store(0, kRelaxed);
  times_.fetch_add(1, kRelaxed);
}

std::uint64_t Ejection::remainingMs(std::uint64_t now_ms) const {
  const std::uint64_t until_ms = until_ms_.load(kRelaxed);
  return until_ms > now_ms ? until_ms - now_ms : 0;
}

}  // namespace fairlead
