// replayer PORT: keeps every IPv4 frame for that UDP port that leaves any link of this network, and
// for each line on stdin sends them all again, as they are, by the link that each left by. On a
// bridge a frame so reaches whom it was meant for, once more, and the bridge learns nothing. Prints
// how many it sent. What it sends itself it does not keep.

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

namespace {

constexpr size_t kHeader = 10;  // struct virtio_net_hdr, see bad_wire.cc
constexpr size_t kMost = kHeader + 2000;
constexpr size_t kKept = 20'000;
constexpr useconds_t kPause = 200;  // Between frames: a recording is no flood.

struct Frame {
  sockaddr_ll link;
  std::vector<uint8_t> bytes;
};

bool isWanted(const uint8_t* bytes, size_t length, uint16_t port) {
  iphdr ip{};
  udphdr udp{};
  const size_t start = kHeader + ETH_HLEN;
  if (length < start + sizeof(ip) + sizeof(udp)) return false;
  memcpy(&ip, bytes + start, sizeof(ip));
  if (ip.protocol != IPPROTO_UDP || ip.ihl != sizeof(ip) / 4) return false;
  memcpy(&udp, bytes + start + sizeof(ip), sizeof(udp));
  return ntohs(udp.dest) == port;
}

// False at the end of stdin.
bool replay(int packets, const std::vector<Frame>& frames) {
  char line[256];
  if (read(STDIN_FILENO, line, sizeof(line)) <= 0) return false;
  for (const Frame& frame : frames) {
    sendto(packets, frame.bytes.data(), frame.bytes.size(), 0,
           reinterpret_cast<const sockaddr*>(&frame.link), sizeof(frame.link));
    usleep(kPause);
  }
  printf("%zu\n", frames.size());
  fflush(stdout);
  return true;
}

int openPackets(uint16_t protocol) {
  const int packets = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(protocol));
  const int on = 1;
  setsockopt(packets, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on));
  if (packets < 0) perror("socket(AF_PACKET)");
  return packets;
}

}  // namespace

int main(int count, char** arguments) {
  const long port = count == 2 ? strtol(arguments[1], nullptr, 10) : 0;
  if (port <= 0 || port > UINT16_MAX) {
    fputs("usage: replayer PORT\n", stderr);
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Only ETH_P_ALL sees what leaves (packet(7)).
  const int heard = openPackets(ETH_P_ALL);
  const int said = openPackets(0);
  if (heard < 0 || said < 0) return 4;
  puts("ready");
  fflush(stdout);
  std::vector<Frame> frames;
  std::vector<uint8_t> buffer(kMost);
  for (;;) {
    pollfd watched[] = {{heard, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    poll(watched, 2, -1);
    if (watched[1].revents != 0) {
      if (!replay(said, frames)) return 0;
      // Its own frames are among what was heard meanwhile.
      while (recv(heard, buffer.data(), buffer.size(), MSG_DONTWAIT) >= 0) continue;
    }
    sockaddr_ll from{};
    socklen_t size = sizeof(from);
    const ssize_t length = recvfrom(heard, buffer.data(), buffer.size(), MSG_DONTWAIT,
                                    reinterpret_cast<sockaddr*>(&from), &size);
    if (length <= 0 || from.sll_pkttype != PACKET_OUTGOING || frames.size() == kKept) continue;
    if (!isWanted(buffer.data(), static_cast<size_t>(length), static_cast<uint16_t>(port)))
      continue;
    frames.push_back({from, {buffer.begin(), buffer.begin() + length}});
  }
}
