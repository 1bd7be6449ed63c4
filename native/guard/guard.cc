#include "guard/guard.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "guard/confinement.h"

namespace fairlead::guard {

const char* Guard::open() {
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
  gate_.open();
  return nullptr;
}

const char* Guard::begin(pid_t daemon) {
  const ReadyRecord ready{.max_addresses = kMaxAddresses,
                          .max_datagrams = kMaxDatagrams,
                          .memory_locked = lockMemory() ? 1U : 0U};
  if (const char* const failed = dropCapabilities()) return failed;
  death_.start(*page_, daemon);
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

FiredRecord Guard::withdraw() {
  FiredRecord fired = {};
  fired.fired_at_ns = bootTimeNs();
  if (!orders_.empty()) gate_.close();
  const Withdrawn withdrawn = withdrawal_.deleteAddresses(orders_.addresses());
  fired.confirmed_at_ns = bootTimeNs();
  fired.deleted = withdrawn.deleted;
  fired.failed = withdrawn.failed;
  fired.error = withdrawn.error;
  return fired;
}

void Guard::resign() { withdrawal_.send(orders_.resignation()); }

// A resignation says that nothing is served here any more and nothing will be, in the name of this
// right. So it follows a confirmed deletion, and either a deadline that the daemon can no longer
// move (the page is kFired), or the daemon's death (resign()).
bool Guard::withdrawIfPassed() {
  if (orders_.empty() || !fireIfPassed(*page_, bootTimeNs())) return false;
  FiredRecord fired = withdraw();
  if (fired.failed == 0) fired.datagrams_sent = withdrawal_.send(orders_.resignation());
  orders_.clear();
  channel_.send(FrameKind::kFired, 0, fired);
  return true;
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
    case FrameKind::kSetGate:
      error = gate_.setGate(channel_.body());
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

bool Guard::daemonDied() {
  if (!death_.daemonDied()) return false;
  pollfd channel{.fd = kChannelFd, .events = POLLIN, .revents = 0};
  while (poll(&channel, 1, 0) > 0 && serve()) {
  }
  return true;
}

bool Guard::serve() {
  // One command a turn, and the deadline first: no flood of commands can keep the guard from it.
  withdrawIfPassed();
  std::uint64_t expirations = 0;
  if (read(timer_.get(), &expirations, sizeof(expirations)) > 0) armed_for_ns_ = kNotArmed;
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
      return false;
  }
  return true;
}

}  // namespace fairlead::guard
