#pragma once

#include <atomic>
#include <cstdint>

namespace fairlead {

// A number that exactly one thread adds to and any thread reads. An ordinary load and store: no
// locked instruction, which matters for what is counted on every read of a socket.
class OwnCounter {
 public:
  void add(std::uint64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// A number that every forwarding thread changes, once or twice a connection.
class SharedCounter {
 public:
  void increment() { value_.fetch_add(1, std::memory_order_relaxed); }
  void decrement() { value_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// What one thread has delivered for one listener. On a cache line of its own: the threads would
// otherwise take the line from each other on every read.
struct alignas(64) Traffic {
  OwnCounter bytes_in;       // From clients to backends.
  OwnCounter bytes_out;      // From backends to clients.
  OwnCounter bytes_spliced;  // How many of both went through a pipe, without a copy.
};

}  // namespace fairlead
