#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/unique_fd.h"

namespace fairlead {

// A pipe through which splice(2) passes pages from one socket to another.
struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
  std::size_t bytes = 0;  // In the pipe now.
};

// The pipes of one thread. A direction of a connection borrows one only while there is something in
// it, so about one is in use, and one more for every direction whose reader is slow.
class PipePool {
 public:
  // Bulk through 64 KiB pipes costs about twice the CPU of 256 KiB ones, and larger ones gain
  // nothing (204–305 against 133–188 ms/GiB of a proxy's CPU on loopback veth, exploratory).
  static constexpr std::size_t kPipeBytes = 256 * 1024;
  // A user without CAP_SYS_RESOURCE has 64 MiB of pipe buffers in all (pipe-user-pages-soft,
  // pipe(7)), shared with every container that runs as the same uid. This many a thread take 16
  // MiB.
  static constexpr std::size_t kMaximumPipes = 64;

  // An empty pipe, or nothing: the pool is exhausted, or the kernel refuses pipes worth having. The
  // caller copies instead.
  [[nodiscard]] std::unique_ptr<Pipe> borrow(std::uint64_t now_ms);

  // Takes a borrowed pipe back. One that still holds bytes is closed.
  void giveBack(std::unique_ptr<Pipe> pipe);

 private:
  std::vector<std::unique_ptr<Pipe>> idle_;
  std::size_t borrowed_ = 0;
  std::uint64_t refused_until_ms_ = 0;
};

}  // namespace fairlead
