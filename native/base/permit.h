#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "base/clock.h"

namespace fairlead {

// Asked before each system call of a long request: may it go on? A thread that was stopped in
// between must not bind or announce after the right to do so has ended (timers run before sockets
// are read after a SIGCONT, so the decision above may be stale).
class Permit {
 public:
  static constexpr std::uint64_t kNever = UINT64_MAX;

  Permit(std::uint64_t not_after_ns, const std::atomic<bool>& cancelled)
      : not_after_ns_(not_after_ns), cancelled_(cancelled) {}

  // 0, or the errno to refuse the rest with.
  [[nodiscard]] int refusal() const {
    if (cancelled_.load(std::memory_order_relaxed)) return ECANCELED;
    if (not_after_ns_ != kNever && bootTimeNs() > not_after_ns_) return ETIME;
    return 0;
  }

 private:
  std::uint64_t not_after_ns_;
  const std::atomic<bool>& cancelled_;
};

}  // namespace fairlead
