// claimants LINK ADDRESS ASKER: who says that it has an IPv4 address. Asks by broadcast every 5 ms,
// so that everyone who claims it answers, and prints `REQUEST NS MAC` for each answer, NS being
// CLOCK_BOOTTIME. The sender of each request is ASKER, which nobody has, at a hardware address that
// is the request's number: the answer goes there and tells to which request it belongs, and no
// neighbour's entry for anybody else is touched.

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr long kInterval = 5'000'000;  // ns
constexpr uint8_t kAskerMac[] = {0x02, 0xba};

// RFC 826 on Ethernet, for IPv4.
struct __attribute__((packed)) Arp {
  uint8_t destination[6];
  uint8_t source[6];
  uint16_t ether_type;
  uint16_t hardware_type;
  uint16_t protocol_type;
  uint8_t hardware_length;
  uint8_t protocol_length;
  uint16_t operation;
  uint8_t sender_mac[6];
  in_addr sender;
  uint8_t target_mac[6];
  in_addr target;
};
static_assert(sizeof(Arp) == 42);

void tell(const Arp& answer) {
  uint32_t request = 0;
  memcpy(&request, answer.target_mac + sizeof(kAskerMac), sizeof(request));
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  const uint8_t* const mac = answer.sender_mac;
  printf("%u %lld %02x:%02x:%02x:%02x:%02x:%02x\n", ntohl(request),
         static_cast<long long>(now.tv_sec) * 1'000'000'000 + now.tv_nsec, mac[0], mac[1], mac[2],
         mac[3], mac[4], mac[5]);
}

Arp requestFor(in_addr address, in_addr asker, const uint8_t* own_mac) {
  Arp arp{};
  memset(arp.destination, 0xff, sizeof(arp.destination));
  memcpy(arp.source, own_mac, sizeof(arp.source));
  arp.ether_type = htons(ETH_P_ARP);
  arp.hardware_type = htons(ARPHRD_ETHER);
  arp.protocol_type = htons(ETH_P_IP);
  arp.hardware_length = sizeof(arp.sender_mac);
  arp.protocol_length = sizeof(arp.sender);
  arp.operation = htons(ARPOP_REQUEST);
  memcpy(arp.sender_mac, kAskerMac, sizeof(kAskerMac));
  arp.sender = asker;
  arp.target = address;
  return arp;
}

int ask(int packets, int timer, Arp request) {
  puts("ready");
  for (uint32_t number = 0;;) {
    fflush(stdout);
    pollfd watched[] = {{packets, POLLIN, 0}, {timer, POLLIN, 0}};
    poll(watched, 2, -1);
    Arp answer{};
    while (recv(packets, &answer, sizeof(answer), MSG_DONTWAIT) >=
           static_cast<ssize_t>(sizeof(answer))) {
      const bool ours = memcmp(answer.target_mac, kAskerMac, sizeof(kAskerMac)) == 0 &&
                        answer.operation == htons(ARPOP_REPLY) &&
                        answer.sender.s_addr == request.target.s_addr;
      if (ours) tell(answer);
    }
    uint64_t expirations = 0;
    if (read(timer, &expirations, sizeof(expirations)) <= 0) continue;
    const uint32_t sent = htonl(++number);
    memcpy(request.sender_mac + sizeof(kAskerMac), &sent, sizeof(sent));
    send(packets, &request, sizeof(request), 0);
  }
}

}  // namespace

int main(int count, char** arguments) {
  in_addr address{};
  in_addr asker{};
  if (count != 4 || inet_pton(AF_INET, arguments[2], &address) != 1 ||
      inet_pton(AF_INET, arguments[3], &asker) != 1) {
    fputs("usage: claimants LINK ADDRESS ASKER\n", stderr);
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int packets = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ARP));
  sockaddr_ll link{};
  link.sll_family = AF_PACKET;
  link.sll_protocol = htons(ETH_P_ARP);
  link.sll_ifindex = static_cast<int>(if_nametoindex(arguments[1]));
  ifreq own{};
  strncpy(own.ifr_name, arguments[1], sizeof(own.ifr_name) - 1);
  if (bind(packets, reinterpret_cast<const sockaddr*>(&link), sizeof(link)) != 0 ||
      ioctl(packets, SIOCGIFHWADDR, &own) != 0) {
    perror("claimants");
    return 4;
  }
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  const itimerspec every{{0, kInterval}, {0, kInterval}};
  timerfd_settime(timer, 0, &every, nullptr);
  const auto* mac = reinterpret_cast<const uint8_t*>(own.ifr_hwaddr.sa_data);
  return ask(packets, timer, requestFor(address, asker, mac));
}
