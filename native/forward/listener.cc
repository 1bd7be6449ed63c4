#include "forward/listener.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "forward/connection.h"
#include "forward/socket_options.h"

namespace fairlead {
namespace {

// Clients taken before the connections of this thread get their turn again.
constexpr int kAcceptBatch = 64;
// Long enough not to spin, and short against what a client waits for.
constexpr std::uint64_t kDescriptorPauseMs = 50;

// Errors of the connection that accept(2) would have returned, not of the listening socket
// (accept(2), "Error handling"; EPERM is a firewall's word).
bool clientIsGone() {
  switch (errno) {
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace

Listener::Listener(Loop& loop, std::shared_ptr<SharedListener> shared, std::size_t thread,
                   std::shared_ptr<const Routing> routing, UniqueFd socket)
    : loop_(loop),
      shared_(std::move(shared)),
      thread_(thread),
      routing_(std::move(routing)),
      socket_(std::move(socket)) {
  watch();
}

Listener::~Listener() { stopAccepting(); }

void Listener::accept() {
  for (int taken = 0; taken < kAcceptBatch && socket_.valid() && !paused(); ++taken) {
    if (!loop_.haveReserve()) return pauseForDescriptors();
    if (!shared_->takePlace(routing_->max_connections)) return pause(Pause::kPlaces);
    UniqueFd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.valid()) {
      shared_->returnPlace();
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (!clientIsGone()) pauseForDescriptors();
      continue;
    }
    ++connections_;
    ++loop_.connections;
    shared_->open.increment();
    shared_->total.increment();
    // Owned by the loop's lists from here on; freed by way of Loop::closed.
    (new Connection(loop_, *this, std::move(client)))->start();
  }
}

void Listener::adopt(Connection& connection) { open_.pushBack(connection); }

void Listener::forget() {
  --connections_;
  --loop_.connections;
  shared_->open.decrement();
  shared_->returnPlace();
  // When threads wait for a place, each looks again by the clock, so that none takes them all.
  if (pause_ == Pause::kPlaces && shared_->waiting.load() == 1) loop_.place_returned = true;
}

void Listener::pause(Pause reason) {
  if (paused() || !socket_.valid()) return;
  pause_ = reason;
  if (reason == Pause::kPlaces) ++shared_->waiting;
  loop_.paused.pushBack(*this);
  loop_.unwatch(socket_);
}

void Listener::pauseForDescriptors() {
  pause(Pause::kDescriptors);
  resume_at_ms_ = loop_.now_ms + kDescriptorPauseMs;
}

void Listener::tryToResume() {
  if (pause_ == Pause::kDescriptors && loop_.now_ms < resume_at_ms_) return;
  if (pause_ == Pause::kPlaces && !shared_->hasPlace(routing_->max_connections)) return;
  watch();
}

void Listener::watch() {
  leavePause();
  // Level-triggered: what one batch leaves in the queue is reported again.
  if (loop_.watch(socket_, Watched::kListener, this, EPOLLIN) != 0) pauseForDescriptors();
}

void Listener::leavePause() {
  if (pause_ == Pause::kPlaces) --shared_->waiting;
  pause_ = Pause::kNone;
  unlink();
}

void Listener::stopAccepting() {
  leavePause();
  loop_.unwatch(socket_);
  // Ends the listening itself, whoever else may have the socket: a child between fork(2) and
  // exec(2).
  if (socket_.valid()) ::shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
}

template <typename Visit>
void Listener::forEachConnection(Visit visit) {
  open_.forEach(visit);
  loop_.connecting.forEach([this, visit](Connection& connection) {
    if (&connection.listener() == this) visit(connection);
  });
}

void Listener::resetConnections() {
  forEachConnection([](Connection& connection) { connection.reset(); });
}

void Listener::resetConnections(const std::vector<IpAddress>& addresses) {
  forEachConnection([&addresses](Connection& connection) {
    if (std::ranges::find(addresses, connection.localAddress()) != addresses.end()) {
      connection.reset();
    }
  });
}

void Listener::checkIdleTimeouts() {
  if (routing_->idle_timeout_ms == 0) return;
  open_.forEach([](Connection& connection) { connection.checkIdleTimeout(); });
}

void Listener::checkPeers() {
  open_.forEach([](Connection& connection) { connection.checkPeers(); });
}

}  // namespace fairlead
