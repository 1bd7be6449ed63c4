#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/deadline_page.h"

namespace fairlead {

// Lets the guard know of this process's death while it dies. The kernel frees a process's memory
// before it closes its files, which for Node takes 10 to 35 ms; but first of all it looks through
// each thread's robust futexes, and wakes who waits for one (kernel/futex/core.c,
// exit_robust_list). So a thread that does nothing else holds one in the page.
class LifeLine {
 public:
  // Where the kernel refuses, the page says that nobody holds it, and the guard waits for the end
  // of its socket.
  explicit LifeLine(DeadlinePage& page);
  LifeLine(const LifeLine&) = delete;
  LifeLine& operator=(const LifeLine&) = delete;
  // Lets go of it in order: nobody died.
  ~LifeLine();

 private:
  void hold();

  DeadlinePage& page_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace fairlead
