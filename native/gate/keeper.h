#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/deadline_page.h"
#include "base/result.h"
#include "gate/opener.h"

namespace fairlead::gate {

// Keeps the gate open while the deadline of the fences is far enough away.
//
// It may be stopped at any instruction, for any time. A renewal is sent only while the deadline is
// two timeouts T away, takes effect only on a lease that lives, and the clock is asked again only
// after it has come back. So it took effect within T of the check, and what it gave ends within 2 T
// of it: before the deadline. To open what is closed takes a ticket first, of 20 ms: it is in force
// before the clock is asked, so the opening comes at most 20 ms after that, or never.
class Keeper {
 public:
  // `lapsed` is called on the keeper's thread when the gate has closed by itself; if the deadline
  // allows, it is open again by then.
  Keeper(std::unique_ptr<Opener> opener, const DeadlinePage& page, std::uint64_t timeout_ns,
         std::function<void()> lapsed);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper();

  // Starts the thread that renews.
  void start();
  // Opens the gate, to be renewed from then on. ETIME: the deadline is too near or none is stored.
  // ENOENT: there is no gate. EAGAIN: the kernel was too slow.
  Result<Done> acquire();
  // Returns when the gate is closed.
  Result<Done> close();
  // Joins the thread, and leaves the gate to its timeout. Idempotent.
  void stop();
  // Renews once, now. The thread does so every third of a timeout.
  void renew();
  // Whether it was acquired, and renewed within T.
  [[nodiscard]] bool open() const;
  // How often it closed by itself while the deadline was far enough away, and was opened again.
  [[nodiscard]] std::uint64_t reopened() const { return reopened_; }

 private:
  void run();
  Result<Done> acquireLocked();
  void renewLocked();
  // Whether the deadline is so far away.
  [[nodiscard]] bool reaches(std::uint64_t now_ns, std::uint64_t distance_ns) const;

  const std::unique_ptr<Opener> opener_;
  const DeadlinePage& page_;
  const std::uint64_t timeout_ns_;
  const std::function<void()> lapsed_;

  std::atomic<std::uint64_t> open_until_ns_ = 0;
  std::atomic<std::uint64_t> reopened_ = 0;
  std::mutex mutex_;  // Of what follows, and of the opener.
  std::condition_variable changed_;
  bool held_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace fairlead::gate
