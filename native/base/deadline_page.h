#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fairlead {

// One page of memory that the daemon and its guard share (a memfd): until when the daemon may
// serve, as nanoseconds of CLOCK_BOOTTIME, and whether it lives.
//
// The daemon moves the deadline on while its right is renewed; the guard withdraws when it has
// passed. Either may be stopped for any time between looking at the deadline and acting on it, so
// both change it only by compare-and-swap, and one of them wins: either the guard finds a newer
// deadline and lets go, or the daemon finds kFired and knows that it is being withdrawn. Without
// that, a daemon that wakes just after its deadline could renew its right and serve on while the
// guard's resignation lets another node be elected at once.
struct DeadlinePage {
  std::atomic<std::uint64_t> deadline_ns;
  // A robust futex (futex(2)) that a thread of the daemon's holds all its life (base/life_line.h);
  // 0 when none does.
  std::atomic<std::uint32_t> life;
};
static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t), "a futex word");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "shared between processes");

constexpr std::size_t kDeadlinePageBytes = 4096;
constexpr std::uint64_t kNotArmed = 0;
// It was found to have passed, by whichever looked first. Only kNotArmed may follow.
constexpr std::uint64_t kFired = UINT64_MAX;
// The deadline of a right that does not end.
constexpr std::uint64_t kNeverPasses = UINT64_MAX - 1;

// True when an armed deadline has passed, after which the daemon cannot move it; also when it had
// been fired before.
inline bool fireIfPassed(DeadlinePage& page, std::uint64_t now_ns) {
  std::uint64_t seen = page.deadline_ns.load(std::memory_order_acquire);
  while (seen != kFired) {
    if (seen == kNotArmed || seen > now_ns) return false;
    if (page.deadline_ns.compare_exchange_weak(seen, kFired, std::memory_order_acq_rel))
      return true;
  }
  return true;
}

// The daemon's side. False when the deadline before this one has passed: the new one is not taken,
// and the right that it belongs to is over for good. So of two processes that wake from one sleep
// behind the deadline, it does not matter which is the first. Storing kNotArmed always succeeds,
// and clears that.
inline bool storeDeadline(DeadlinePage& page, std::uint64_t deadline_ns, std::uint64_t now_ns) {
  if (deadline_ns == kNotArmed) {
    page.deadline_ns.store(kNotArmed, std::memory_order_release);
    return true;
  }
  if (fireIfPassed(page, now_ns)) return false;
  std::uint64_t seen = page.deadline_ns.load(std::memory_order_acquire);
  while (seen != kFired) {
    if (page.deadline_ns.compare_exchange_weak(seen, deadline_ns, std::memory_order_acq_rel)) {
      return true;
    }
  }
  return false;
}

}  // namespace fairlead
