#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <cstdint>

#include "base/deadline_page.h"
#include "base/unique_fd.h"

namespace fairlead::guard {

// Hears of the daemon's death by its futex in the page (base/life_line.h), and proves it.
class DeathWatch {
 public:
  // After all that the guard gives up: the thread that it starts has what this one has. Where it
  // cannot be, the end of the socket is all there is.
  void start(DeadlinePage& page, pid_t daemon);

  // To be waited for: readable once the daemon's thread has died. -1 when nobody watches.
  [[nodiscard]] int bell() const { return bell_.get(); }
  // Whether the bell rang for the death of the whole daemon: every thread of it is past its last
  // instruction and its last system call. Waits a little for that; says it once.
  bool daemonDied();

 private:
  static void* watch(void* self);
  void waitForDeath();
  [[nodiscard]] bool everyThreadExits() const;

  // What a thread that makes system calls needs; the guard has no memory to give away.
  static constexpr std::size_t kStackBytes = 64 * 1024;

  DeadlinePage* page_ = nullptr;
  pid_t daemon_ = 0;
  UniqueFd bell_;
  alignas(16) std::uint8_t stack_[kStackBytes] = {};
};

}  // namespace fairlead::guard
