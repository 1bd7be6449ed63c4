#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fairlead {

// One page of memory that the daemon and its guard share (a memfd): until when the daemon may
// serve, as nanoseconds of CLOCK_BOOTTIME.
//
// The daemon moves the deadline on while its right is renewed; the guard withdraws when it has
// passed. Either may be stopped for any time between looking at the deadline and acting on it, so
// both change it only by compare-and-swap, and one of them wins: either the guard finds a newer
// deadline and lets go, or the daemon finds kFired and knows that it is being withdrawn. Without
// that, a daemon that wakes just after its deadline could renew its right and serve on while the
// guard's resignation lets another node be elected at once.
struct DeadlinePage {
  std::atomic<std::uint64_t> deadline_ns;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "shared between processes");

constexpr std::size_t kDeadlinePageBytes = 4096;
constexpr std::uint64_t kNotArmed = 0;
// The guard has begun to withdraw. Only kNotArmed may follow.
constexpr std::uint64_t kFired = UINT64_MAX;
// The deadline of a right that does not end.
constexpr std::uint64_t kNeverPasses = UINT64_MAX - 1;

// The daemon's side. False when the guard has fired: the deadline is not taken, and the right that
// it belongs to is over for good. Storing kNotArmed always succeeds, and clears that.
inline bool storeDeadline(DeadlinePage& page, std::uint64_t deadline_ns) {
  if (deadline_ns == kNotArmed) {
    page.deadline_ns.store(kNotArmed, std::memory_order_release);
    return true;
  }
  std::uint64_t seen = page.deadline_ns.load(std::memory_order_acquire);
  while (seen != kFired) {
    if (page.deadline_ns.compare_exchange_weak(seen, deadline_ns, std::memory_order_acq_rel)) {
      return true;
    }
  }
  return false;
}

// The guard's side. True when an armed deadline has passed, after which the daemon cannot move it;
// also when it had been fired before.
inline bool fireIfPassed(DeadlinePage& page, std::uint64_t now_ns) {
  std::uint64_t seen = page.deadline_ns.load(std::memory_order_acquire);
  while (seen != kFired) {
    if (seen == kNotArmed || seen > now_ns) return false;
    if (page.deadline_ns.compare_exchange_weak(seen, kFired, std::memory_order_acq_rel))
      return true;
  }
  return true;
}

}  // namespace fairlead
