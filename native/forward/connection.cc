#include "forward/connection.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "forward/listener.h"
#include "forward/proxy_header.h"
#include "forward/socket_options.h"
#include "forward/vanished.h"

namespace fairlead {
namespace {

// As long as keepalive takes to find out who vanished while nothing was on the way.
constexpr std::uint32_t kVanishedMs = 60'000;
constexpr std::uint32_t kEdges = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;

// Makes the coming close(2) send a RST. There must be no shutdown(2) before it: that sends a FIN,
// and the other end would take what it has for all there was.
void resetOnClose(const UniqueFd& socket) {
  const linger abort{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
}

}  // namespace

Connection::Connection(Loop& loop, Listener& listener, UniqueFd client)
    : loop_(loop), listener_(listener), routing_(listener.routing()), since_ms_(loop.now_ms) {
  client_end_.fd = std::move(client);
  client_end_.writable = true;
}

void Connection::start() {
  loop_.connecting.pushBack(*this);
  // Watched from now on, so that a client that resets while a backend does not answer is noticed.
  if (loop_.watch(client_end_.fd, Watched::kClient, this, kEdges) != 0) {
    listener_.shared().failed.increment();
    reset();
    return;
  }
  search_ = routing_->choice->begin(listener_.shared().rotation, client_end_.fd);
  connectNext();
}

void Connection::connectNext() {
  for (chooseBackend(); backend_ != nullptr; chooseBackend()) {
    if (beginConnect()) return;
    if (outOfDescriptors()) {
      // Not the backend's failure, and no other will have more luck: shed this client, and take no
      // other for a while.
      listener_.pauseForDescriptors();
      break;
    }
    failBackend();
  }
  listener_.shared().failed.increment();
  reset();
}

void Connection::chooseBackend() {
  backend_ = routing_->choice->next(search_, listener_.shared().rotation, loop_.now_ms,
                                    routing_->connect_timeout_ms);
  if (backend_ != nullptr) backend_->connecting.increment();
}

void Connection::failBackend() {
  backend_->connecting.decrement();
  backend_->noteFailure(loop_.now_ms);
  backend_ = nullptr;
}

UniqueFd Connection::openSocket(int family) {
  constexpr int kType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  UniqueFd socket(::socket(family, kType, 0));
  if (!socket.valid() && outOfDescriptors() && loop_.giveUpReserve()) {
    socket.reset(::socket(family, kType, 0));
  }
  return socket;
}

// False with errno set when the attempt failed at once.
bool Connection::beginConnect() {
  loop_.unwatch(backend_end_.fd);
  backend_end_ = End{};
  backend_end_.fd = openSocket(backend_->endpoint.address.family());
  if (!backend_end_.fd.valid()) return false;
  setStreamOptions(backend_end_.fd);
  since_ms_ = loop_.now_ms;
  const SocketAddress& address = backend_->address;
  const int connecting = ::connect(backend_end_.fd.get(), address.get(), address.length());
  if (connecting != 0 && errno != EINPROGRESS) return false;
  // Watched only after connect(2): an unconnected socket reports EPOLLHUP (net/ipv4/tcp.c,
  // tcp_poll).
  return loop_.watch(backend_end_.fd, Watched::kBackend, this, kEdges) == 0;
}

void Connection::receiveClientEvent(std::uint32_t events) {
  if (stage_ == Stage::kClosed) return;
  client_end_.note(events);
  if (stage_ == Stage::kOpen) {
    forward();
  } else if (client_end_.failed) {
    reset();
  }
}

void Connection::receiveBackendEvent(std::uint32_t events) {
  if (stage_ == Stage::kClosed) return;
  backend_end_.note(events);
  if (stage_ == Stage::kOpen) {
    forward();
    return;
  }
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    failBackend();
    connectNext();
  } else if ((events & EPOLLOUT) != 0) {
    connected();
  }
}

void Connection::connected() {
  stage_ = Stage::kOpen;
  since_ms_ = loop_.now_ms;
  listener_.adopt(*this);
  backend_->connecting.decrement();
  backend_->open.increment();
  backend_->total.increment();
  backend_->ejection.noteSuccess();
  if (routing_->proxy_protocol && !introduceClient()) {
    reset();
  } else {
    forward();
  }
}

bool Connection::introduceClient() {
  const Endpoint client = peerEndpoint(client_end_.fd);
  const Endpoint local = localEndpoint(client_end_.fd);
  if (client.address.length == 0 || local.address.length == 0) return false;
  up_.beginWith(ProxyHeader(client, local).bytes());
  return true;
}

void Connection::forward() {
  Traffic& traffic = listener_.traffic();
  const std::uint64_t before = traffic.bytes_in.read() + traffic.bytes_out.read();
  const auto up =
      up_.run(client_end_, backend_end_, loop_, traffic.bytes_in, traffic.bytes_spliced);
  const auto down =
      down_.run(backend_end_, client_end_, loop_, traffic.bytes_out, traffic.bytes_spliced);
  if (traffic.bytes_in.read() + traffic.bytes_out.read() != before) since_ms_ = loop_.now_ms;

  // What had arrived before the reset has been passed on as far as it would go.
  const bool failed = client_end_.failed || backend_end_.failed;
  if (failed || up == Flow::Outcome::kBroken || down == Flow::Outcome::kBroken) {
    reset();
  } else if (up == Flow::Outcome::kFinished && down == Flow::Outcome::kFinished) {
    close();
  } else if (up == Flow::Outcome::kUnfinished || down == Flow::Outcome::kUnfinished) {
    loop_.unfinished.pushBack(*this);
  }
}

void Connection::checkConnectTimeout() {
  if (loop_.now_ms - since_ms_ < routing_->connect_timeout_ms) return;
  failBackend();
  connectNext();
}

void Connection::checkIdleTimeout() {
  const std::uint32_t timeout = listener_.routing()->idle_timeout_ms;
  if (timeout != 0 && loop_.now_ms - since_ms_ >= timeout) reset();
}

void Connection::checkPeers() {
  // Most connections never get here: they are spared four system calls.
  if (!keeps_alive_) setKeepAlive(backend_end_.fd);
  keeps_alive_ = true;
  if (loop_.now_ms - since_ms_ < kVanishedMs) return;
  if (peerVanished(client_end_.fd, kVanishedMs) || peerVanished(backend_end_.fd, kVanishedMs)) {
    reset();
  }
}

IpAddress Connection::localAddress() const { return localEndpoint(client_end_.fd).address; }

void Connection::reset() {
  if (stage_ == Stage::kClosed) return;
  resetOnClose(client_end_.fd);
  if (backend_end_.fd.valid()) resetOnClose(backend_end_.fd);
  close();
}

void Connection::close() {
  if (backend_ != nullptr) {
    (stage_ == Stage::kOpen ? backend_->open : backend_->connecting).decrement();
  }
  stage_ = Stage::kClosed;
  up_.abandon(loop_);
  down_.abandon(loop_);
  loop_.unwatch(client_end_.fd);
  loop_.unwatch(backend_end_.fd);
  client_end_.fd.reset();
  backend_end_.fd.reset();
  ListNode<ByStage>::unlink();
  loop_.closed.pushBack(*this);
  listener_.forget();
}

}  // namespace fairlead
