#pragma once

#include <atomic>
#include <cstdint>

namespace fairlead {

// Whether a backend is left alone because connections to it keep failing. Shared by all threads:
// every member may be called at any time, and none waits.
//
// Three failures running eject it for 10 s. When they are over, one connection is the try: if it
// succeeds, all is forgotten, and if it fails, the backend is left alone again, for twice as long,
// 60 s at most. (Envoy's outlier detection takes five failures and 30 s, HAProxy's checks three.)
class Ejection {
 public:
  static constexpr std::uint32_t kFailures = 3;
  static constexpr std::uint64_t kFirstMs = 10'000;
  static constexpr std::uint64_t kLongestMs = 60'000;

  // Instants are of CLOCK_MONOTONIC, in milliseconds.
  //
  // Whether a connection may be made now. Of those that ask when the time is over only one may: it
  // is the try, and when nothing is heard of it within `try_ms`, there is another one.
  [[nodiscard]] bool admits(std::uint64_t now_ms, std::uint64_t try_ms) {
    std::uint64_t until_ms = until_ms_.load(std::memory_order_relaxed);
    if (until_ms == 0) return true;
    if (now_ms < until_ms) return false;
    if (!until_ms_.compare_exchange_strong(until_ms, now_ms + try_ms, std::memory_order_relaxed)) {
      return false;
    }
    trying_.store(true, std::memory_order_relaxed);
    return true;
  }

  // Until a try has succeeded.
  [[nodiscard]] bool ejected() const { return until_ms_.load(std::memory_order_relaxed) != 0; }

  void noteSuccess();
  void noteFailure(std::uint64_t now_ms);

  // How often it has been ejected.
  [[nodiscard]] std::uint64_t times() const { return times_.load(std::memory_order_relaxed); }
  // Until the next try; 0 when it is not ejected, or the try is due.
  [[nodiscard]] std::uint64_t remainingMs(std::uint64_t now_ms) const;

 private:
  void eject(std::uint64_t now_ms);

  std::atomic<std::uint64_t> until_ms_{0};  // 0: not ejected.
  std::atomic<std::uint64_t> times_{0};
  std::atomic<std::uint32_t> failures_{0};  // Running, while it is not ejected.
  std::atomic<std::uint32_t> row_{0};       // Ejections since the last success.
  std::atomic<bool> trying_{false};
};

}  // namespace fairlead
