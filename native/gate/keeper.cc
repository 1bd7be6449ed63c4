#include "gate/keeper.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace fairlead::gate {
namespace {

constexpr std::uint64_t kTicketNs = nft::kTicketMs * 1'000'000;
constexpr std::uint64_t kRenewalsPerTimeout = 3;

// On a machine with more work than processors a thread like any other waits for its turn longer
// than a lease lives. Not a real-time priority: such a thread is not moved to another processor
// while a kernel that does not preempt itself works for somebody else on its own, and one
// transaction of nf_tables kept it waiting for 58 s (docs/decisions/0016-the-keepers-priority.md).
// Refused without CAP_SYS_NICE or RLIMIT_NICE, and then it is a thread like any other.
void askForPunctuality() {
  constexpr int kFirst = -20;
  // Of the calling thread alone (setpriority(2), "C library/kernel differences").
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, kFirst));
}

}  // namespace

Keeper::Keeper(std::unique_ptr<Opener> opener, const DeadlinePage& page, std::uint64_t timeout_ns,
               std::function<void()> lapsed)
    : opener_(std::move(opener)),
      page_(page),
      timeout_ns_(timeout_ns),
      lapsed_(std::move(lapsed)) {}

Keeper::~Keeper() { stop(); }

void Keeper::start() {
  thread_ = std::thread([this] { run(); });
}

void Keeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<Done> Keeper::acquire() {
  const std::lock_guard lock(mutex_);
  auto acquired = acquireLocked();
  if (acquired.ok()) changed_.notify_all();
  return acquired;
}

Result<Done> Keeper::acquireLocked() {
  // A ticket that is still on its way could be valid after the clock was asked.
  if (opener_->underWay() != 0) return SystemError{EAGAIN, "acquireGate"};
  const auto ticket = opener_->order(nft::Order::kTicket, kTicketNs);
  if (!ticket.ok()) return ticket.error();
  if (ticket.value() == Effect::kRefused) return SystemError{ENOENT, "acquireGate"};
  if (ticket.value() == Effect::kUnknown) return SystemError{EAGAIN, "acquireGate"};

  const std::uint64_t now = bootTimeNs();
  if (!reaches(now, 2 * std::max(timeout_ns_, kTicketNs))) {
    return SystemError{ETIME, "acquireGate"};
  }
  const auto acquired = opener_->order(nft::Order::kAcquire, kTicketNs);
  if (!acquired.ok()) return acquired.error();
  if (acquired.value() != Effect::kTaken) return SystemError{EAGAIN, "acquireGate"};
  open_until_ns_ = now + std::min(timeout_ns_, kTicketNs);
  held_ = true;
  renewLocked();
  return Done{};
}

Result<Done> Keeper::close() {
  const std::lock_guard lock(mutex_);
  held_ = false;
  const auto closed = opener_->order(nft::Order::kClose, timeout_ns_);
  const bool confirmed = closed.ok() && closed.value() == Effect::kTaken;
  if (!confirmed || opener_->underWay() != 0) {
    // What may be under way could extend it once more; nothing else does any longer.
    const std::uint64_t wait_ns = (1 + opener_->underWay()) * timeout_ns_;
    std::this_thread::sleep_for(std::chrono::nanoseconds(wait_ns));
  }
  open_until_ns_ = 0;
  return Done{};
}

void Keeper::renew() {
  const std::lock_guard lock(mutex_);
  renewLocked();
}

bool Keeper::open() const { return bootTimeNs() < open_until_ns_; }

void Keeper::run() {
  ::pthread_setname_np(::pthread_self(), "fairlead-gate");
  askForPunctuality();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!held_) {
      changed_.wait(lock);
      continue;
    }
    changed_.wait_for(lock, std::chrono::nanoseconds(timeout_ns_ / kRenewalsPerTimeout));
    if (!held_ || stopping_) continue;
    renewLocked();
    if (held_) continue;
    // The right may run on, and a ticket makes it safe to open again what others believe open.
    if (acquireLocked().ok()) ++reopened_;
    lock.unlock();
    lapsed_();
    lock.lock();
  }
}

void Keeper::renewLocked() {
  const std::uint64_t now = bootTimeNs();
  // Each order of which nothing was heard may extend the lease once more.
  if (reaches(now, (2 + opener_->underWay()) * timeout_ns_)) {
    const auto renewed = opener_->order(nft::Order::kRenew, timeout_ns_ / kRenewalsPerTimeout);
    if (renewed.ok() && renewed.value() == Effect::kTaken) {
      open_until_ns_ = now + timeout_ns_;
      return;
    }
    if (renewed.ok() && renewed.value() == Effect::kRefused) open_until_ns_ = 0;
  }
  if (!open()) held_ = false;
}

bool Keeper::reaches(std::uint64_t now_ns, std::uint64_t distance_ns) const {
  const std::uint64_t deadline_ns = page_.deadline_ns.load(std::memory_order_acquire);
  if (deadline_ns == kNotArmed || deadline_ns == kFired) return false;
  return deadline_ns > now_ns && deadline_ns - now_ns >= distance_ns;
}

}  // namespace fairlead::gate
