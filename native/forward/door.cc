#include "forward/door.h"

#include <sys/eventfd.h>

#include <cassert>
#include <cstdint>
#include <utility>

namespace fairlead {

Result<Done> Door::open() {
  event_ = UniqueFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!event_.valid()) return lastError("eventfd");
  return Done{};
}

void Door::post(ListenerChange change) {
  {
    const std::lock_guard lock(mutex_);
    assert(!busy_);
    change_ = std::move(change);
    busy_ = true;
  }
  // Cannot block or fail: the count is 0 or 1.
  [[maybe_unused]] const int written = ::eventfd_write(event_.get(), 1);
}

void Door::awaitDone() {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return !busy_; });
}

std::optional<ListenerChange> Door::take() {
  eventfd_t count = 0;
  if (::eventfd_read(event_.get(), &count) != 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return std::exchange(change_, std::nullopt);
}

void Door::reportDone() {
  {
    const std::lock_guard lock(mutex_);
    busy_ = false;
  }
  done_.notify_all();
}

}  // namespace fairlead
