#pragma once

#include <time.h>

#include <cstdint>

namespace fairlead {

// Nanoseconds of CLOCK_BOOTTIME: the clock of every right and deadline, because it goes on while
// the machine is suspended and wall time cannot set it.
inline std::uint64_t bootTimeNs() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// Milliseconds of CLOCK_MONOTONIC, for what only matters while the machine runs.
inline std::uint64_t monotonicMs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000U +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000U;
}

}  // namespace fairlead
