// A long way between two networks, for the forwarder's benchmark: a TUN device in each, and what is
// sent into one comes out of the other so many milliseconds later, in order, and all of it.
//
//   far_path NETWORK NETWORK NAME DELAY_MS
//
// A NETWORK is a path such as /proc/PID/ns/net. Says "ready" when both devices are there, and ends
// with its parent.

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <vector>

namespace {

constexpr size_t kMostBytes = 65'536;
// Packets of one direction before the other has its turn.
constexpr int kTurn = 64;

[[noreturn]] void fail(const char* call) {
  fprintf(stderr, "far_path: %s failed: %s\n", call, strerror(errno));
  _exit(1);
}

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

int openDevice(const char* network, const char* name) {
  const int space = open(network, O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) fail(network);
  close(space);
  const int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) fail("/dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(device, TUNSETIFF, &request) != 0) fail("TUNSETIFF");
  return device;
}

struct Packet {
  int64_t due;
  std::vector<char> bytes;
};

// One direction.
class Way {
 public:
  Way(int from, int to, int64_t delay) : from_(from), to_(to), delay_(delay) {}

  void take() {
    static std::array<char, kMostBytes> buffer;
    for (int i = 0; i < kTurn; ++i) {
      const ssize_t got = read(from_, buffer.data(), buffer.size());
      if (got <= 0) return;
      waiting_.push_back({.due = now() + delay_, .bytes = {buffer.data(), buffer.data() + got}});
    }
  }

  void give() {
    for (int64_t time = now(); !waiting_.empty() && waiting_.front().due <= time;) {
      const auto& bytes = waiting_.front().bytes;
      // A device has room for a thousand packets; a link that is down yet takes none.
      if (write(to_, bytes.data(), bytes.size()) < 0 && errno == EAGAIN) return;
      waiting_.pop_front();
    }
  }

  // In nanoseconds from now; -1 when nothing waits.
  int64_t untilDue() const {
    if (waiting_.empty()) return -1;
    const int64_t left = waiting_.front().due - now();
    return left < 0 ? 0 : left;
  }

 private:
  const int from_;
  const int to_;
  const int64_t delay_;
  std::deque<Packet> waiting_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: far_path NETWORK NETWORK NAME DELAY_MS\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int near = openDevice(argv[1], argv[3]);
  const int far = openDevice(argv[2], argv[3]);
  const int64_t delay = atoll(argv[4]) * 1'000'000;
  Way out(near, far, delay);
  Way back(far, near, delay);
  printf("ready\n");
  fflush(stdout);
  while (true) {
    std::array<pollfd, 2> devices{{{.fd = near, .events = POLLIN, .revents = 0},
                                   {.fd = far, .events = POLLIN, .revents = 0}}};
    int64_t wait = -1;
    for (const Way* way : {&out, &back}) {
      const int64_t due = way->untilDue();
      if (due >= 0 && (wait < 0 || due < wait)) wait = due;
    }
    const timespec pause{.tv_sec = wait / 1'000'000'000, .tv_nsec = wait % 1'000'000'000};
    if (ppoll(devices.data(), devices.size(), wait < 0 ? nullptr : &pause, nullptr) < 0) {
      fail("ppoll");
    }
    if (devices[0].revents != 0) out.take();
    if (devices[1].revents != 0) back.take();
    out.give();
    back.give();
  }
}
