// The client of the forwarder's benchmark: one thread, and little work of its own. It warms up,
// then measures for a window, and prints one line of JSON. At both ends of the window it reads the
// files that it was given (the CPU time of control groups), so that nobody else's clock is in
// between.
//
//   load MODE ADDRESS PORT CONNECTIONS BYTES WARM_UP_MS WINDOW_MS [FILE...]
//
// MODE: `up` and `down` move as much as they can; `rr` sends BYTES and waits for as many, over and
// over; `cps` does that once a connection and closes it; `hold` opens the connections, sends BYTES
// once over each if that is not 0, says "ready" and keeps them until stdin ends.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr size_t kBulk = 1 << 20;
constexpr int kTurn = 16;          // Bulk calls of one connection before the next has its turn.
constexpr size_t kOpening = 128;   // Connections that are being opened at one time.
constexpr int64_t kPatienceNs = 20'000'000'000;

enum class Mode : uint8_t { kUp, kDown, kExchange, kConnect, kHold };

[[noreturn]] void fail(const char* call) {
  fprintf(stderr, "load: %s failed: %s\n", call, strerror(errno));
  _exit(1);
}

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

struct Connection {
  int fd = -1;
  bool connecting = true;
  size_t sent = 0;
  size_t received = 0;
  int64_t began = 0;
};

// The first number in a file: cpuacct.usage (ns), or cpu.stat's usage_usec.
int64_t readCount(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path.c_str());
  std::array<char, 256> text{};
  if (read(fd, text.data(), text.size() - 1) < 0) fail(path.c_str());
  close(fd);
  const char* const digit = strpbrk(text.data(), "0123456789");
  return digit == nullptr ? 0 : strtoll(digit, nullptr, 10);
}

class Load {
 public:
  Load(Mode mode, const sockaddr_in& to, size_t connections, size_t bytes,
       std::vector<std::string> files)
      : mode_(mode), to_(to), bytes_(bytes), files_(std::move(files)), payload_(kBulk, 'x') {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) fail("epoll_create1");
    memory_ = memfd_create("payload", MFD_CLOEXEC);
    if (memory_ < 0 || ftruncate(memory_, kBulk) != 0) fail("memfd_create");
    for (size_t i = 0; i < connections; ++i) {
      connections_.push_back(std::make_unique<Connection>());
    }
  }

  // Opens all, a few at a time, and waits until each is open; with `hold`, until each has had its
  // one exchange.
  void openAll() {
    const int64_t limit = now() + kPatienceNs;
    size_t begun = 0;
    while (ready_ < connections_.size()) {
      while (begun < connections_.size() && begun - ready_ < kOpening) {
        openOne(*connections_[begun++]);
      }
      turn(100);
      if (now() > limit) {
        fprintf(stderr, "load: %zu of %zu connections were ready\n", ready_, connections_.size());
        _exit(1);
      }
    }
  }

  void runUntil(int64_t end) {
    while (now() < end) turn(static_cast<int>((end - now()) / 1'000'000) + 1);
  }

  void begin() {
    measuring_ = true;
    moved_ = count_ = errors_ = 0;
    latencies_.clear();
    for (const auto& file : files_) before_.push_back(readCount(file));
    began_ = now();
  }

  void report() {
    const int64_t took = now() - began_;
    std::string used;
    for (size_t i = 0; i < files_.size(); ++i) {
      used += (i == 0 ? "" : ",") + std::to_string(readCount(files_[i]) - before_[i]);
    }
    std::ranges::sort(latencies_);
    printf(
        "{\"seconds\":%.6f,\"bytes\":%llu,\"count\":%llu,\"errors\":%llu,\"p50us\":%.1f,"
        "\"p99us\":%.1f,\"used\":[%s]}\n",
        static_cast<double>(took) / 1e9, static_cast<unsigned long long>(moved_),
        static_cast<unsigned long long>(count_), static_cast<unsigned long long>(errors_),
        percentile(50), percentile(99), used.c_str());
    fflush(stdout);
  }

 private:
  void openOne(Connection& connection) {
    connection = Connection{};
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection.fd < 0) fail("socket");
    const int on = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection.began = now();
    if (connect(connection.fd, reinterpret_cast<const sockaddr*>(&to_), sizeof to_) != 0 &&
        errno != EINPROGRESS) {
      fail("connect");
    }
    epoll_event event{.events = EPOLLOUT, .data = {.ptr = &connection}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) != 0) fail("epoll_ctl");
  }

  void turn(int timeout_ms) {
    std::array<epoll_event, 256> events;
    const int count = epoll_wait(epoll_, events.data(), events.size(), timeout_ms);
    for (int i = 0; i < count; ++i) {
      auto& connection = *static_cast<Connection*>(events[i].data.ptr);
      if (connection.connecting) {
        connected(connection);
      } else {
        move(connection);
      }
    }
  }

  void connected(Connection& connection) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return again(connection);
    connection.connecting = false;
    watch(connection, mode_ == Mode::kUp ? EPOLLOUT : EPOLLIN);
    if (mode_ != Mode::kHold || bytes_ == 0) ++ready_;
    const bool speaks = mode_ == Mode::kExchange || mode_ == Mode::kConnect;
    if (speaks || (mode_ == Mode::kHold && bytes_ != 0)) say(connection);
  }

  void watch(Connection& connection, uint32_t events) {
    epoll_event event{.events = events, .data = {.ptr = &connection}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
  }

  void say(Connection& connection) {
    if (mode_ == Mode::kExchange) connection.began = now();
    connection.sent = connection.received = 0;
    // No request is longer than an empty send buffer.
    const ssize_t sent = send(connection.fd, payload_.data(), bytes_, MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(bytes_)) again(connection);
  }

  void move(Connection& connection) {
    switch (mode_) {
      case Mode::kUp:
        return push(connection);
      case Mode::kDown:
        return pull(connection);
      default:
        return hear(connection);
    }
  }

  void push(Connection& connection) {
    for (int i = 0; i < kTurn; ++i) {
      off_t offset = 0;
      const ssize_t sent = sendfile(connection.fd, memory_, &offset, kBulk);
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) return again(connection);
      moved_ += static_cast<uint64_t>(sent);
    }
  }

  void pull(Connection& connection) {
    for (int i = 0; i < kTurn; ++i) {
      const ssize_t got = recv(connection.fd, nullptr, kBulk, MSG_TRUNC);
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return again(connection);
      moved_ += static_cast<uint64_t>(got);
    }
  }

  void hear(Connection& connection) {
    std::array<char, 65536> buffer;
    const ssize_t got = recv(connection.fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return again(connection);
    connection.received += static_cast<size_t>(got);
    if (connection.received < bytes_) return;
    if (mode_ == Mode::kHold) {
      ++ready_;
      return;
    }
    ++count_;
    if (measuring_) latencies_.push_back(static_cast<uint32_t>(now() - connection.began));
    if (mode_ == Mode::kExchange) return say(connection);
    close(connection.fd);
    openOne(connection);
  }

  // A connection that failed is counted, and opened anew.
  void again(Connection& connection) {
    ++errors_;
    if (mode_ == Mode::kHold || errors_ > 10'000) {
      fprintf(stderr, "load: a connection failed\n");
      _exit(1);
    }
    close(connection.fd);
    openOne(connection);
  }

  double percentile(size_t percent) const {
    if (latencies_.empty()) return 0;
    return static_cast<double>(latencies_[(latencies_.size() - 1) * percent / 100]) / 1e3;
  }

  const Mode mode_;
  const sockaddr_in to_;
  const size_t bytes_;
  const std::vector<std::string> files_;
  const std::vector<char> payload_;
  int epoll_ = -1;
  int memory_ = -1;
  std::vector<std::unique_ptr<Connection>> connections_;
  size_t ready_ = 0;
  bool measuring_ = false;
  int64_t began_ = 0;
  uint64_t moved_ = 0;
  uint64_t count_ = 0;
  uint64_t errors_ = 0;
  std::vector<uint32_t> latencies_;
  std::vector<int64_t> before_;
};

Mode modeOf(const char* name) {
  const std::string word = name;
  if (word == "up") return Mode::kUp;
  if (word == "down") return Mode::kDown;
  if (word == "rr") return Mode::kExchange;
  if (word == "cps") return Mode::kConnect;
  if (word == "hold") return Mode::kHold;
  fprintf(stderr, "load: no mode is called %s\n", name);
  _exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8) {
    fprintf(stderr, "usage: load MODE ADDRESS PORT CONNECTIONS BYTES WARM_UP_MS WINDOW_MS FILE…\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sockaddr_in to{.sin_family = AF_INET,
                 .sin_port = htons(static_cast<uint16_t>(atoi(argv[3]))),
                 .sin_addr = {},
                 .sin_zero = {}};
  if (inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) fail("inet_pton");
  const Mode mode = modeOf(argv[1]);
  Load load(mode, to, strtoul(argv[4], nullptr, 10), strtoul(argv[5], nullptr, 10),
            std::vector<std::string>(argv + 8, argv + argc));
  load.openAll();
  if (mode == Mode::kHold) {
    printf("ready\n");
    fflush(stdout);
    char discarded[64];
    while (read(STDIN_FILENO, discarded, sizeof discarded) > 0) {
    }
    return 0;
  }
  load.runUntil(now() + atoll(argv[6]) * 1'000'000);
  load.begin();
  load.runUntil(now() + atoll(argv[7]) * 1'000'000);
  load.report();
  return 0;
}
