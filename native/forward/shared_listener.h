#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "forward/counters.h"
#include "forward/endpoint.h"

namespace fairlead {

// The part of a listener that its threads share: one rotation, one limit, one set of counters,
// however the kernel spreads its clients over them.
class SharedListener {
 public:
  SharedListener(std::string name, const Endpoint& where, std::size_t threads)
      : id(std::move(name)), endpoint(where), traffic(threads) {}

  // Takes one of `limit` places for a connection; false when all are taken.
  [[nodiscard]] bool takePlace(std::uint32_t limit) {
    if (places_taken_.fetch_add(1, std::memory_order_relaxed) < limit) return true;
    returnPlace();
    return false;
  }
  [[nodiscard]] bool hasPlace(std::uint32_t limit) const {
    return places_taken_.load(std::memory_order_relaxed) < limit;
  }
  void returnPlace() { places_taken_.fetch_sub(1, std::memory_order_relaxed); }

  const std::string id;
  const Endpoint endpoint;
  // How many turns among the backends connections have taken.
  std::atomic<std::uint32_t> rotation{0};
  // Threads that do not accept now because every place was taken.
  std::atomic<std::uint32_t> waiting{0};
  SharedCounter open;
  SharedCounter total;
  SharedCounter failed;
  std::vector<Traffic> traffic;  // One a thread.

 private:
  std::atomic<std::uint32_t> places_taken_{0};
};

}  // namespace fairlead
