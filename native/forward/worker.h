#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "forward/door.h"
#include "forward/listener.h"
#include "forward/loop.h"
#include "forward/thread.h"

namespace fairlead {

// One forwarding thread: an epoll loop over its own listening sockets and connections. It shares
// nothing with the other threads but counters, and sleeps without a timer while there is nothing
// that only the clock can end.
class Worker {
 public:
  // `index` is the thread's place among the forwarder's threads; `busy_poll_us`, how long it goes
  // on asking for events before it sleeps.
  [[nodiscard]] static Result<std::unique_ptr<Worker>> start(std::size_t index,
                                                             std::uint32_t busy_poll_us);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  // Resets every connection and joins the thread.
  ~Worker();

  // Posts a change, and waits until it is done. Both are for one caller.
  void post(ListenerChange change) { door_.post(std::move(change)); }
  void awaitDone() { door_.awaitDone(); }

 private:
  struct Draining {
    std::unique_ptr<Listener> listener;
    std::uint64_t until_ms;
  };

  Worker(std::size_t index, std::uint32_t busy_poll_us)
      : index_(index), busy_poll_ns_(std::uint64_t{busy_poll_us} * 1000) {}

  void run();
  // Waits for events, and returns how many there are.
  [[nodiscard]] int wait(std::span<epoll_event> events);
  [[nodiscard]] int timeoutMs() const;
  void dispatch(const epoll_event& event);
  void continueUnfinished();
  void freeClosed();

  void apply(ListenerChange change);
  // Stops accepting for a listener at once, and resets its connections or begins to drain them.
  void remove(const SharedListener& removed, bool reset);
  void resetAddresses(const std::vector<IpAddress>& addresses);
  void stop();

  // Whether anything waits for the clock: to the hundredth of a second, or to the second.
  [[nodiscard]] bool needsFineClock() const;
  [[nodiscard]] bool needsCoarseClock() const;
  void checkClock();
  template <typename Visit>
  void forEachListener(Visit visit);

  const std::size_t index_;
  const std::uint64_t busy_poll_ns_;
  Loop loop_;
  Door door_;
  std::unordered_map<const SharedListener*, std::unique_ptr<Listener>> listeners_;
  std::vector<Draining> draining_;
  std::uint64_t fine_check_ms_ = 0;
  std::uint64_t coarse_check_ms_ = 0;
  std::uint64_t peers_check_ms_ = 0;
  bool idle_timeouts_ = false;  // Some listener has one.
  bool door_rang_ = false;
  bool stopped_ = false;
  std::unique_ptr<Thread> thread_;
};

}  // namespace fairlead
