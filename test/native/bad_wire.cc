// bad_wire A B MS: carries frames between two links, and holds each IPv4 frame up for a time of its
// own, evenly spread from 0 to MS, so that they overtake each other. Other frames go through at
// once: ARP is how the referees ask. For kernels without sch_netem.

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <map>
#include <random>
#include <vector>

namespace {

// PACKET_VNET_HDR keeps what a veth has left to do later: checksums, and segments of 64 KiB. Of
// struct virtio_net_hdr (linux/virtio_net.h, which C++ cannot read) only the length is needed.
constexpr size_t kHeader = 10;
constexpr size_t kMost = kHeader + 70'000;

struct Frame {
  int out;
  std::vector<uint8_t> bytes;
};

int64_t nowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

int openLink(const char* name) {
  const int packets = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  const int on = 1;
  const int buffer = 8 << 20;
  setsockopt(packets, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on));
  setsockopt(packets, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
  setsockopt(packets, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
  packet_mreq all{};
  all.mr_ifindex = static_cast<int>(if_nametoindex(name));
  all.mr_type = PACKET_MR_PROMISC;
  setsockopt(packets, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all));
  sockaddr_ll link{};
  link.sll_family = AF_PACKET;
  link.sll_protocol = htons(ETH_P_ALL);
  link.sll_ifindex = all.mr_ifindex;
  if (bind(packets, reinterpret_cast<const sockaddr*>(&link), sizeof(link)) != 0) {
    perror(name);
    exit(4);
  }
  return packets;
}

bool isIpv4(const std::vector<uint8_t>& frame) {
  const size_t type = kHeader + 2 * ETH_ALEN;
  return frame.size() > type + 1 && frame[type] == 0x08 && frame[type + 1] == 0x00;
}

[[noreturn]] void carry(const int (&links)[2], int64_t most_ns) {
  std::mt19937_64 random{std::random_device{}()};
  std::uniform_int_distribution<int64_t> delay(0, most_ns);
  std::multimap<int64_t, Frame> waiting;
  std::vector<uint8_t> buffer(kMost);
  for (;;) {
    timespec patience{0, 100'000'000};
    if (!waiting.empty()) {
      const int64_t left = waiting.begin()->first - nowNs();
      patience.tv_nsec = left < 0 ? 0 : left < patience.tv_nsec ? left : patience.tv_nsec;
    }
    pollfd watched[] = {{links[0], POLLIN, 0}, {links[1], POLLIN, 0}};
    ppoll(watched, 2, &patience, nullptr);
    for (int in = 0; in < 2; ++in) {
      for (;;) {
        const ssize_t length = recv(links[in], buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (length <= 0) break;
        Frame frame{links[1 - in], {buffer.begin(), buffer.begin() + length}};
        const int64_t held = isIpv4(frame.bytes) ? delay(random) : 0;
        waiting.emplace(nowNs() + held, std::move(frame));
      }
    }
    while (!waiting.empty() && waiting.begin()->first <= nowNs()) {
      const Frame& frame = waiting.begin()->second;
      send(frame.out, frame.bytes.data(), frame.bytes.size(), 0);
      waiting.erase(waiting.begin());
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) {
    fputs("usage: bad_wire A B MS\n", stderr);
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int links[2] = {openLink(arguments[1]), openLink(arguments[2])};
  puts("ready");
  fflush(stdout);
  carry(links, strtol(arguments[3], nullptr, 10) * 1'000'000);
}
