// The server of the forwarder's benchmark: one thread, until stdin ends; then it prints how many
// bytes it took or gave.
//
//   backend MODE ADDRESS PORT BYTES
//
// MODE: `sink` takes what comes, `source` gives as much as it can, `echo` answers each BYTES
// with as many.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

namespace {

constexpr size_t kBulk = 1 << 20;
constexpr int kTurn = 16;

struct Connection {
  int fd;
  size_t received = 0;
};

[[noreturn]] void fail(const char* call) {
  fprintf(stderr, "backend: %s failed: %s\n", call, strerror(errno));
  _exit(1);
}

class Backend {
 public:
  Backend(std::string mode, const sockaddr_in& at, size_t bytes)
      : mode_(std::move(mode)), bytes_(bytes), payload_(bytes, 'y') {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    memory_ = memfd_create("payload", MFD_CLOEXEC);
    if (memory_ < 0 || ftruncate(memory_, kBulk) != 0) fail("memfd_create");
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) fail("bind");
    if (listen(listener_, 65'535) != 0) fail("listen");
    add(listener_, EPOLLIN, &listener_);
    add(STDIN_FILENO, EPOLLIN | EPOLLHUP, nullptr);
  }

  void run() {
    while (!ended_) {
      std::array<epoll_event, 256> events;
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) handle(events[i].data.ptr);
    }
    printf("{\"bytes\":%llu}\n", static_cast<unsigned long long>(moved_));
    fflush(stdout);
  }

 private:
  void add(int fd, uint32_t events, void* subject) {
    epoll_event event{.events = events, .data = {.ptr = subject}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }

  void handle(void* subject) {
    if (subject == nullptr) {
      ended_ = true;
    } else if (subject == &listener_) {
      accept();
    } else {
      auto* const connection = static_cast<Connection*>(subject);
      const bool alive = mode_ == "sink"     ? take(*connection)
                         : mode_ == "source" ? give(*connection)
                                             : answer(*connection);
      if (alive) return;
      close(connection->fd);
      delete connection;
    }
  }

  void accept() {
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      add(fd, mode_ == "source" ? EPOLLOUT | EPOLLRDHUP : EPOLLIN, new Connection{.fd = fd});
    }
  }

  bool take(Connection& connection) {
    for (int i = 0; i < kTurn; ++i) {
      const ssize_t got = recv(connection.fd, nullptr, kBulk, MSG_TRUNC);
      if (got < 0) return errno == EAGAIN;
      if (got == 0) return false;
      moved_ += static_cast<uint64_t>(got);
    }
    return true;
  }

  bool give(Connection& connection) {
    for (int i = 0; i < kTurn; ++i) {
      off_t offset = 0;
      const ssize_t sent = sendfile(connection.fd, memory_, &offset, kBulk);
      if (sent < 0) return errno == EAGAIN;
      moved_ += static_cast<uint64_t>(sent);
    }
    return true;
  }

  bool answer(Connection& connection) {
    std::array<char, 65536> buffer;
    const ssize_t got = recv(connection.fd, buffer.data(), buffer.size(), 0);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    connection.received += static_cast<size_t>(got);
    while (connection.received >= bytes_) {
      connection.received -= bytes_;
      moved_ += bytes_;
      const ssize_t sent = send(connection.fd, payload_.data(), bytes_, MSG_NOSIGNAL);
      if (sent != static_cast<ssize_t>(bytes_)) return false;
    }
    return true;
  }

  const std::string mode_;
  const size_t bytes_;
  const std::vector<char> payload_;
  int epoll_ = -1;
  int memory_ = -1;
  int listener_ = -1;
  bool ended_ = false;
  uint64_t moved_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: backend sink|source|echo ADDRESS PORT BYTES\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  sockaddr_in at{.sin_family = AF_INET,
                 .sin_port = htons(static_cast<uint16_t>(atoi(argv[3]))),
                 .sin_addr = {},
                 .sin_zero = {}};
  if (inet_pton(AF_INET, argv[2], &at.sin_addr) != 1) fail("inet_pton");
  Backend backend(argv[1], at, strtoul(argv[4], nullptr, 10));
  printf("ready\n");
  fflush(stdout);
  backend.run();
  return 0;
}
