#include "forward/forwarder.h"

#include <cassert>
#include <cerrno>
#include <map>
#include <unordered_map>
#include <utility>

#include "forward/listening_socket.h"

namespace fairlead {
namespace {

// A caller that is this far ahead of the threads is not waiting for its answers.
constexpr std::size_t kMaximumRequests = 64;

SystemError cancelled() {
  return SystemError{.error_number = ECANCELED, .syscall = "closeForwarder"};
}

// Backends that stay keep their counters, and stay ejected, also when their weight changes. Only
// one that was told to take none, and is to take some again, is tried at once: whoever says so has
// asked it.
std::vector<Target> targetsFor(const std::vector<BackendSpec>& wanted, const Routing* before) {
  std::map<Endpoint, Target> known;
  if (before != nullptr) {
    for (const Target& target : before->choice->targets()) {
      known.emplace(target.backend->endpoint, target);
    }
  }
  std::vector<Target> targets;
  targets.reserve(wanted.size());
  for (const auto& [endpoint, weight] : wanted) {
    Target& target = known[endpoint];
    if (target.backend == nullptr) {
      target.backend = std::make_shared<Backend>(endpoint);
    } else if (target.weight == 0 && weight > 0) {
      target.backend->ejection.noteSuccess();
    }
    target.weight = weight;
    targets.push_back(target);
  }
  return targets;
}

// A table of turns may be large, so it is not made again for what stays as it is.
std::shared_ptr<const Choice> choiceFor(const ListenerSpec& spec, const Routing* before) {
  auto targets = targetsFor(spec.backends, before);
  if (before != nullptr && before->choice->algorithm() == spec.algorithm &&
      before->choice->targets() == targets) {
    return before->choice;
  }
  return std::make_shared<const Choice>(spec.algorithm, std::move(targets));
}

std::shared_ptr<const Routing> routingFor(const ListenerSpec& spec, const Routing* before) {
  return std::make_shared<const Routing>(Routing{.choice = choiceFor(spec, before),
                                                 .proxy_protocol = spec.proxy_protocol,
                                                 .connect_timeout_ms = spec.connect_timeout_ms,
                                                 .idle_timeout_ms = spec.idle_timeout_ms,
                                                 .max_connections = spec.max_connections,
                                                 .drain_ms = spec.drain_ms});
}

}  // namespace

Result<std::unique_ptr<Forwarder>> Forwarder::open(const ForwarderOptions& options) {
  assert(options.threads > 0);
  std::unique_ptr<Forwarder> forwarder(new Forwarder);
  for (std::size_t index = 0; index < options.threads; ++index) {
    auto worker = Worker::start(index, options.busy_poll_us);
    if (!worker.ok()) return worker.error();
    forwarder->workers_.push_back(std::move(worker.value()));
  }
  auto control = Thread::start("fl-forward", [self = forwarder.get()] { self->run(); });
  if (!control.ok()) return control.error();
  forwarder->control_ = std::move(control.value());
  return forwarder;
}

Forwarder::~Forwarder() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  control_.reset();
  workers_.clear();
}

Result<Done> Forwarder::setListeners(std::vector<ListenerSpec> wanted, bool reset_removed,
                                     Callback callback) {
  return enqueue({.perform = [this, wanted = std::move(wanted),
                              reset_removed] { return applyListeners(wanted, reset_removed); },
                  .callback = std::move(callback)});
}

Result<Done> Forwarder::resetConnections(std::vector<IpAddress> addresses, Callback callback) {
  const auto perform = [this, addresses = std::move(addresses)] {
    std::vector<ListenerChange> changes(workers_.size());
    for (ListenerChange& change : changes) change.reset_addresses = addresses;
    changeAll(std::move(changes));
    return std::vector<ListenerOutcome>{};
  };
  return enqueue({.perform = perform, .callback = std::move(callback)});
}

Result<Done> Forwarder::enqueue(Request request) {
  {
    const std::lock_guard lock(mutex_);
    if (requests_.size() >= kMaximumRequests) {
      return SystemError{.error_number = ENOBUFS, .syscall = "openForwarder"};
    }
    requests_.push_back(std::move(request));
  }
  wake_.notify_all();
  return Done{};
}

std::vector<OpenListener> Forwarder::listeners() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

void Forwarder::run() {
  while (true) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return closing_ || !requests_.empty(); });
    if (closing_) break;
    Request request = std::move(requests_.front());
    requests_.pop_front();
    lock.unlock();
    request.callback(request.perform());
  }
  // Nothing is queued any more: the forwarder is being destroyed.
  for (Request& request : requests_) {
    request.callback(cancelled());
  }
}

// In two rounds. A removed listener's port is free before the new ones are bound, so that one may
// take its place; and the new ones are bound here, so that no forwarding waits for thousands of
// them.
std::vector<Forwarder::ListenerOutcome> Forwarder::applyListeners(
    const std::vector<ListenerSpec>& wanted, bool reset_removed) {
  std::unordered_map<std::string, OpenListener> before = std::exchange(open_, {});
  std::vector<const ListenerSpec*> fresh;
  std::vector<ListenerChange::Rerouted> rerouted;
  for (const ListenerSpec& spec : wanted) {
    const auto found = before.find(spec.id);
    if (found == before.end() || found->second.shared->endpoint != spec.endpoint) {
      fresh.push_back(&spec);
      continue;
    }
    OpenListener kept = std::move(found->second);
    before.erase(found);
    kept.routing = routingFor(spec, kept.routing.get());
    rerouted.push_back({.listener = kept.shared.get(), .routing = kept.routing});
    open_.emplace(spec.id, std::move(kept));
  }
  std::vector<ListenerChange> changes(workers_.size());
  for (ListenerChange& change : changes) {
    for (const auto& [id, gone] : before) change.removed.push_back(gone.shared.get());
    change.reset_removed = reset_removed;
    change.rerouted = rerouted;
  }
  changeAll(std::move(changes));

  auto failures = openFresh(fresh);
  publish(wanted);
  std::vector<ListenerOutcome> outcomes;
  outcomes.reserve(wanted.size());
  for (const ListenerSpec& spec : wanted) {
    outcomes.push_back({.id = spec.id, .failure = std::move(failures[spec.id])});
  }
  return outcomes;
}

std::unordered_map<std::string, Outcome> Forwarder::openFresh(
    const std::vector<const ListenerSpec*>& fresh) {
  std::unordered_map<std::string, Outcome> failures;
  std::vector<ListenerChange> changes(workers_.size());
  for (const ListenerSpec* spec : fresh) {
    if (closing_) {
      failures.emplace(spec->id, cancelled());
      continue;
    }
    auto sockets = openListeningSockets(spec->endpoint, workers_.size());
    if (!sockets.ok()) {
      failures.emplace(spec->id, sockets.error());
      continue;
    }
    const OpenListener opened{
        .shared = std::make_shared<SharedListener>(spec->id, spec->endpoint, workers_.size()),
        .routing = routingFor(*spec, nullptr)};
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      changes[i].opened.push_back({.listener = opened.shared,
                                   .routing = opened.routing,
                                   .socket = std::move(sockets.value()[i])});
    }
    open_.emplace(spec->id, opened);
  }
  changeAll(std::move(changes));
  return failures;
}

void Forwarder::changeAll(std::vector<ListenerChange> changes) {
  for (std::size_t i = 0; i < workers_.size(); ++i) workers_[i]->post(std::move(changes[i]));
  for (const auto& worker : workers_) worker->awaitDone();
}

void Forwarder::publish(const std::vector<ListenerSpec>& wanted) {
  std::vector<OpenListener> listeners;
  for (const ListenerSpec& spec : wanted) {
    if (const auto found = open_.find(spec.id); found != open_.end()) {
      listeners.push_back(found->second);
    }
  }
  const std::lock_guard lock(mutex_);
  published_ = std::move(listeners);
}

}  // namespace fairlead
