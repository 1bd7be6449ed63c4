#include "forward/worker.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/clock.h"
#include "forward/connection.h"

namespace fairlead {
namespace {

constexpr std::size_t kEventBatch = 256;
// Connect time-outs and pauses end this late at most.
constexpr std::uint64_t kFineMs = 10;
// Idle time-outs end this late at most.
constexpr std::uint64_t kCoarseMs = 1000;
// Peers that have vanished are found out this late at most.
constexpr std::uint64_t kPeersMs = 30'000;

}  // namespace

Result<std::unique_ptr<Worker>> Worker::start(std::size_t index, std::uint32_t busy_poll_us) {
  std::unique_ptr<Worker> worker(new Worker(index, busy_poll_us));
  worker->loop_.epoll = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!worker->loop_.epoll.valid()) return lastError("epoll_create1");
  if (!worker->loop_.haveReserve()) return lastError("fcntl");
  const auto opened = worker->door_.open();
  if (!opened.ok()) return opened.error();
  if (worker->loop_.watch(worker->door_.event(), Watched::kDoor, worker.get(), EPOLLIN) != 0) {
    return lastError("epoll_ctl");
  }
  auto thread =
      Thread::start("fl-forward-" + std::to_string(index), [self = worker.get()] { self->run(); });
  if (!thread.ok()) return thread.error();
  worker->thread_ = std::move(thread.value());
  return worker;
}

Worker::~Worker() {
  if (thread_ == nullptr) return;
  ListenerChange last;
  last.stop = true;
  post(std::move(last));
  thread_.reset();
}

void Worker::run() {
  std::array<epoll_event, kEventBatch> events;
  while (!stopped_) {
    const int ready = wait(events);
    loop_.now_ms = monotonicMs();
    for (int i = 0; i < ready; ++i) dispatch(events[static_cast<std::size_t>(i)]);
    continueUnfinished();
    checkClock();
    freeClosed();
    // Last, when no event is left that could name a listener which a change removes.
    if (std::exchange(door_rang_, false)) {
      if (auto change = door_.take()) {
        apply(std::move(*change));
        freeClosed();
        door_.reportDone();
      }
    }
  }
}

int Worker::wait(std::span<epoll_event> events) {
  const auto ask = [&](int timeout_ms) {
    return ::epoll_wait(loop_.epoll.get(), events.data(), static_cast<int>(events.size()),
                        timeout_ms);
  };
  const int timeout_ms = timeoutMs();
  if (busy_poll_ns_ == 0 || loop_.connections == 0 || timeout_ms == 0) return ask(timeout_ms);
  const std::uint64_t until_ns = bootTimeNs() + busy_poll_ns_;
  do {
    if (const int ready = ask(0); ready != 0) return ready;
  } while (bootTimeNs() < until_ns);
  return ask(timeout_ms);
}

int Worker::timeoutMs() const {
  if (!loop_.unfinished.empty()) return 0;
  std::uint64_t due = UINT64_MAX;
  if (needsFineClock()) due = fine_check_ms_ + kFineMs;
  if (needsCoarseClock()) due = std::min(due, coarse_check_ms_ + kCoarseMs);
  if (loop_.connections > 0) due = std::min(due, peers_check_ms_ + kPeersMs);
  for (const Draining& draining : draining_) due = std::min(due, draining.until_ms);
  if (due == UINT64_MAX) return -1;
  return due <= loop_.now_ms ? 0 : static_cast<int>(due - loop_.now_ms);
}

void Worker::dispatch(const epoll_event& event) {
  switch (watchedKind(event)) {
    case Watched::kDoor:
      door_rang_ = true;
      break;
    case Watched::kListener:
      watchedOwner<Listener>(event).accept();
      break;
    case Watched::kClient:
      watchedOwner<Connection>(event).receiveClientEvent(event.events);
      break;
    case Watched::kBackend:
      watchedOwner<Connection>(event).receiveBackendEvent(event.events);
      break;
  }
}

void Worker::continueUnfinished() {
  // Only what was there before: a connection that spends its budget again waits for the next turn.
  IntrusiveList<Connection, ByTurn> turn;
  turn.append(loop_.unfinished);
  while (Connection* connection = turn.popFront()) connection->forward();
}

void Worker::freeClosed() {
  while (Connection* connection = loop_.closed.popFront()) delete connection;
}

void Worker::apply(ListenerChange change) {
  if (change.reset_removed) {
    for (const Draining& draining : draining_) draining.listener->resetConnections();
    draining_.clear();
  }
  for (const SharedListener* removed : change.removed) remove(*removed, change.reset_removed);
  if (!change.reset_addresses.empty()) resetAddresses(change.reset_addresses);
  for (auto& [listener, routing] : change.rerouted) {
    if (const auto found = listeners_.find(listener); found != listeners_.end()) {
      found->second->setRouting(std::move(routing));
    }
  }
  for (auto& [shared, routing, socket] : change.opened) {
    const SharedListener* key = shared.get();
    listeners_.emplace(key, std::make_unique<Listener>(loop_, std::move(shared), index_,
                                                       std::move(routing), std::move(socket)));
  }
  const auto has_idle_timeout = [](const Listener& listener) {
    return listener.routing()->idle_timeout_ms != 0;
  };
  idle_timeouts_ = std::ranges::any_of(
                       listeners_, [&](auto& entry) { return has_idle_timeout(*entry.second); }) ||
                   std::ranges::any_of(
                       draining_, [&](auto& entry) { return has_idle_timeout(*entry.listener); });
  if (change.stop) stop();
}

void Worker::remove(const SharedListener& removed, bool reset) {
  auto node = listeners_.extract(&removed);
  if (node.empty()) return;
  auto& listener = node.mapped();
  listener->stopAccepting();
  if (reset || listener->routing()->drain_ms == 0) {
    listener->resetConnections();
  } else if (listener->connections() > 0) {
    const std::uint64_t until_ms = loop_.now_ms + listener->routing()->drain_ms;
    draining_.push_back({.listener = std::move(listener), .until_ms = until_ms});
  }
}

void Worker::resetAddresses(const std::vector<IpAddress>& addresses) {
  for (const auto& [shared, listener] : listeners_) listener->resetConnections(addresses);
  for (const Draining& draining : draining_) draining.listener->resetConnections(addresses);
}

void Worker::stop() {
  for (const auto& [shared, listener] : listeners_) {
    listener->stopAccepting();
    listener->resetConnections();
  }
  for (const Draining& draining : draining_) draining.listener->resetConnections();
  stopped_ = true;
}

bool Worker::needsFineClock() const { return !loop_.connecting.empty() || !loop_.paused.empty(); }

bool Worker::needsCoarseClock() const { return idle_timeouts_ && loop_.connections > 0; }

template <typename Visit>
void Worker::forEachListener(Visit visit) {
  for (const auto& [shared, listener] : listeners_) visit(*listener);
  for (const Draining& draining : draining_) visit(*draining.listener);
}

void Worker::checkClock() {
  const std::uint64_t now_ms = loop_.now_ms;
  if (std::exchange(loop_.place_returned, false) || now_ms - fine_check_ms_ >= kFineMs) {
    fine_check_ms_ = now_ms;
    loop_.connecting.forEach([](Connection& connection) { connection.checkConnectTimeout(); });
    loop_.paused.forEach([](Listener& listener) { listener.tryToResume(); });
  }
  if (now_ms - coarse_check_ms_ >= kCoarseMs) {
    coarse_check_ms_ = now_ms;
    forEachListener([](Listener& listener) { listener.checkIdleTimeouts(); });
  }
  if (now_ms - peers_check_ms_ >= kPeersMs) {
    peers_check_ms_ = now_ms;
    forEachListener([](Listener& listener) { listener.checkPeers(); });
  }
  for (const Draining& draining : draining_) {
    if (now_ms >= draining.until_ms) draining.listener->resetConnections();
  }
  std::erase_if(draining_,
                [](const Draining& draining) { return draining.listener->connections() == 0; });
}

}  // namespace fairlead
