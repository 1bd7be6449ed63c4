#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "forward/listener_change.h"

namespace fairlead {

// The one way into a forwarding thread: room for one ListenerChange, and an eventfd that wakes the
// thread's epoll. One caller at a time posts a change and waits until it is done, so the queue
// never grows.
class Door {
 public:
  [[nodiscard]] Result<Done> open();
  // Readable when a change is there.
  [[nodiscard]] const UniqueFd& event() const { return event_; }

  void post(ListenerChange change);
  // Returns when the change posted before is done.
  void awaitDone();

  // For the thread behind the door: takes the change, if there is one, and says that it is done.
  [[nodiscard]] std::optional<ListenerChange> take();
  void reportDone();

 private:
  UniqueFd event_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::optional<ListenerChange> change_;
  bool busy_ = false;
};

}  // namespace fairlead
