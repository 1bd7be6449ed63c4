#include "base/life_line.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fairlead {
namespace {

void say(DeadlinePage& page, std::uint32_t word) {
  page.life.store(word, std::memory_order_release);
  ::syscall(SYS_futex, &page.life, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

}  // namespace

LifeLine::LifeLine(DeadlinePage& page) : page_(page) {
  thread_ = std::thread([this] { hold(); });
}

LifeLine::~LifeLine() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LifeLine::hold() {
  ::pthread_setname_np(::pthread_self(), "fairlead-life");
  robust_list held{};
  robust_list_head list{
      .list = {.next = &held},
      .futex_offset = reinterpret_cast<char*>(&page_.life) - reinterpret_cast<char*>(&held),
      .list_op_pending = nullptr};
  held.next = &list.list;
  // In place of the C library's, which this thread has no use for: it locks no robust mutex.
  const bool registered = ::syscall(SYS_set_robust_list, &list, sizeof list) == 0;
  if (registered) say(page_, static_cast<std::uint32_t>(::gettid()) | FUTEX_WAITERS);
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ending_; });
  }
  if (!registered) return;
  ::syscall(SYS_set_robust_list, nullptr, sizeof list);
  say(page_, 0);
}

}  // namespace fairlead
