// The guard: a process beside the daemon that withdraws its VIPs when the daemon cannot.
//
// It knows what to delete, and until when the daemon may serve. When that deadline passes (the
// daemon is stopped, blocked or cut off) or the socket to the daemon ends (it is dead), the guard
// deletes the addresses, waits for the kernel to confirm it, and sends the resignation that the
// daemon has prepared, so that the other nodes need not wait for a time-out.
//
// It only ever deletes, and decides nothing: stopped at any instruction and continued at any later
// time, it does no more than delete too much, which the daemon sees and mends.

#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "base/deadline_page.h"
#include "base/unique_fd.h"
#include "guard/channel.h"
#include "guard/confinement.h"
#include "guard/orders.h"
#include "guard/protocol.h"
#include "guard/withdrawal.h"

namespace fairlead::guard {
namespace {

class Guard {
 public:
  // The name of the call that failed, with errno set, or null.
  const char* start();
  // Serves until the daemon is gone; returns the exit code.
  int serve();
  void reportFailure(const char* call, int error);

 private:
  FiredRecord deleteAddresses();
  bool withdrawIfPassed();
  int withdrawForGood();
  [[nodiscard]] bool daemonDied() const;
  void obey();
  void armTimer();

  Channel channel_{kChannelFd};
  Orders orders_;
  Withdrawal withdrawal_;
  DeadlinePage* page_ = nullptr;
  UniqueFd timer_;
  pid_t daemon_ = getppid();
  std::uint64_t armed_for_ns_ = kNotArmed;
};

const char* Guard::start() {
  detach();
  struct stat page = {};
  if (fstat(kDeadlinePageFd, &page) != 0) return "fstat(deadline page)";
  if (static_cast<std::size_t>(page.st_size) < kDeadlinePageBytes) {
    errno = EINVAL;
    return "fstat(deadline page)";
  }
  void* const mapped =
      mmap(nullptr, kDeadlinePageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, kDeadlinePageFd, 0);
  if (mapped == MAP_FAILED) return "mmap(deadline page)";
  page_ = static_cast<DeadlinePage*>(mapped);
  timer_ = UniqueFd(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_.valid()) return "timerfd_create";
  if (const char* const failed = withdrawal_.open()) return failed;
  const ReadyRecord ready{.max_addresses = kMaxAddresses,
                          .max_datagrams = kMaxDatagrams,
                          .memory_locked = lockMemory() ? 1U : 0U};
  if (const char* const failed = dropCapabilities()) return failed;
  channel_.send(FrameKind::kReady, 0, ready);
  return nullptr;
}

void Guard::reportFailure(const char* call, int error) {
  FailedRecord record{.error = static_cast<std::uint32_t>(error), .call = {}};
  strncpy(record.call, call, sizeof(record.call) - 1);
  channel_.send(FrameKind::kFailed, 0, record);
}

// Has the timer expire at the page's deadline. A deadline that has been moved on needs no call: the
// timer expires at the old one, and finds the new one here.
void Guard::armTimer() {
  const std::uint64_t deadline =
      orders_.empty() ? kNotArmed : page_->deadline_ns.load(std::memory_order_acquire);
  if (deadline == armed_for_ns_) return;
  itimerspec at = {};  // Zero disarms it.
  if (deadline != kNotArmed && deadline < kNeverPasses) {
    at.it_value.tv_sec = static_cast<time_t>(deadline / 1'000'000'000U);
    at.it_value.tv_nsec = static_cast<long>(deadline % 1'000'000'000U);
  }
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
  armed_for_ns_ = deadline;
}

FiredRecord Guard::deleteAddresses() {
  FiredRecord fired = {};
  fired.fired_at_ns = bootTimeNs();
  const Withdrawn withdrawn = withdrawal_.deleteAddresses(orders_.addresses());
  fired.confirmed_at_ns = bootTimeNs();
  fired.deleted = withdrawn.deleted;
  fired.failed = withdrawn.failed;
  fired.error = withdrawn.error;
  return fired;
}

// A resignation says that nothing is served here any more and nothing will be, in the name of this
// right. So it follows a confirmed deletion, and either a deadline that the daemon can no longer
// move (the page is kFired) …
bool Guard::withdrawIfPassed() {
  if (orders_.empty() || !fireIfPassed(*page_, bootTimeNs())) return false;
  FiredRecord fired = deleteAddresses();
  if (fired.failed == 0) fired.datagrams_sent = withdrawal_.send(orders_.resignation());
  orders_.clear();
  channel_.send(FrameKind::kFired, 0, fired);
  return true;
}

// … or the daemon's death. The end of the socket alone does not prove that: a daemon that closed it
// by mistake, or sent what cannot be understood, would bind its addresses again.
int Guard::withdrawForGood() {
  const FiredRecord fired = deleteAddresses();
  if (fired.failed != 0) return 1;
  const auto resignation = orders_.resignation();
  if (!resignation.empty() && daemonDied()) withdrawal_.send(resignation);
  return 0;
}

// A dying process closes its files some microseconds before its children get another parent, and by
// then each of its threads is through with its last system call.
bool Guard::daemonDied() const {
  constexpr int kLooks = 100;
  constexpr timespec kBetween{.tv_sec = 0, .tv_nsec = 1'000'000};
  for (int look = 0; look < kLooks; ++look) {
    if (getppid() != daemon_) return true;
    nanosleep(&kBetween, nullptr);
  }
  return false;
}

void Guard::obey() {
  int error = 0;
  switch (channel_.header().kind) {
    case FrameKind::kSetAddresses:
      error = orders_.setAddresses(channel_.body());
      break;
    case FrameKind::kSetResignation:
      error = orders_.setResignation(channel_.body());
      break;
    case FrameKind::kPing:
      break;
    default:
      error = EINVAL;
  }
  if (withdrawIfPassed()) error = ETIME;
  channel_.send(FrameKind::kAnswer, channel_.header().number,
                AnswerRecord{.error = static_cast<std::uint32_t>(error)});
}

int Guard::serve() {
  for (;;) {
    armTimer();
    pollfd sources[] = {{.fd = kChannelFd, .events = POLLIN, .revents = 0},
                        {.fd = timer_.get(), .events = POLLIN, .revents = 0}};
    poll(sources, 2, -1);
    // One frame a turn, and the deadline first: no flood of commands can keep the guard from it.
    withdrawIfPassed();
    if (sources[1].revents != 0) {
      std::uint64_t expirations = 0;
      if (read(timer_.get(), &expirations, sizeof(expirations)) > 0) armed_for_ns_ = kNotArmed;
    }
    if (sources[0].revents == 0) continue;
    switch (channel_.receive()) {
      case Received::kNothing:
        break;
      case Received::kFrame:
        obey();
        break;
      case Received::kTooLong:
        channel_.send(FrameKind::kAnswer, channel_.header().number, AnswerRecord{.error = E2BIG});
        break;
      case Received::kEnd:
        return withdrawForGood();
    }
  }
}

}  // namespace
}  // namespace fairlead::guard

int main() {
  // Static: it is most of a megabyte, which a stack would not have to give.
  static fairlead::guard::Guard guard;
  if (const char* const failed = guard.start()) {
    guard.reportFailure(failed, errno);
    return 1;
  }
  return guard.serve();
}
