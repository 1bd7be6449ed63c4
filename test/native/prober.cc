// The client of the failover benchmark: asks one IPv4 address by ping every millisecond, and by a
// broadcast ARP request every five, so that everyone who claims it answers, and not only the one
// that the client's cache names.
//
// `prober LINK ADDRESS ASKER`: the sender of each ARP request is ASKER, an address of the segment
// that nobody has, at a hardware address that is the request's number behind 02:ab. The answer is
// sent there, so it tells to which request it belongs, and the client's own entries in the nodes'
// caches stay as they are. Answers to ARP are for a recorder on the bridge (tcpdump). On stdout,
// times in nanoseconds of the wall clock, which tcpdump and ip(8) print as well:
//   ready
//   answered SENT AT
//   lost SENT

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr int kArpEvery = 5;           // ms
constexpr uint32_t kRemembered = 256;  // Pings, hence milliseconds, after which one is lost.

struct __attribute__((packed)) ArpRequest {
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
static_assert(sizeof(ArpRequest) == 42);

struct Ping {
  icmphdr header;
  uint32_t number;
};

struct Sent {
  int64_t at = 0;
  uint32_t number = 0;
  bool open = false;
};

[[noreturn]] void fail(const char* call) {
  fprintf(stderr, "prober: %s failed: %s\n", call, strerror(errno));
  exit(1);
}

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

uint16_t checksum(const void* bytes, size_t length) {
  uint32_t sum = 0;
  for (size_t i = 0; i < length; i += 2) {
    uint16_t word;
    memcpy(&word, static_cast<const char*>(bytes) + i, 2);
    sum += word;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

class Pinger {
 public:
  explicit Pinger(in_addr address) : fd_(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)) {
    if (fd_ < 0) fail("socket(SOCK_RAW)");
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_addr = address;
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) fail("connect");
  }

  int fd() const { return fd_; }

  void send() {
    const uint32_t number = ++last_;
    Sent& slot = sent_[number % kRemembered];
    if (slot.open) printf("lost %lld\n", static_cast<long long>(slot.at));
    slot = {.at = now(), .number = number, .open = true};
    Ping ping = {};
    ping.header.type = ICMP_ECHO;
    ping.header.un.echo.id = htons(static_cast<uint16_t>(getpid()));
    ping.header.un.echo.sequence = htons(static_cast<uint16_t>(number));
    ping.number = number;
    ping.header.checksum = checksum(&ping, sizeof(ping));
    // One that cannot be sent is not answered, which is what it tells.
    (void)!write(fd_, &ping, sizeof(ping));
  }

  void receive() {
    alignas(iphdr) char packet[256];
    const ssize_t length = recv(fd_, packet, sizeof(packet), MSG_DONTWAIT);
    const int64_t at = now();
    if (length < static_cast<ssize_t>(sizeof(iphdr) + sizeof(Ping))) return;
    Ping pong;
    memcpy(&pong, packet + reinterpret_cast<const iphdr*>(packet)->ihl * 4, sizeof(pong));
    if (pong.header.type != ICMP_ECHOREPLY) return;
    if (ntohs(pong.header.un.echo.id) != static_cast<uint16_t>(getpid())) return;
    Sent& slot = sent_[pong.number % kRemembered];
    if (!slot.open || slot.number != pong.number) return;
    slot.open = false;
    printf("answered %lld %lld\n", static_cast<long long>(slot.at), static_cast<long long>(at));
  }

 private:
  int fd_;
  uint32_t last_ = 0;
  Sent sent_[kRemembered];
};

class Asker {
 public:
  Asker(const char* link, in_addr target, in_addr sender) : fd_(socket(AF_PACKET, SOCK_RAW, 0)) {
    if (fd_ < 0) fail("socket(AF_PACKET)");
    ifreq own = {};
    strncpy(own.ifr_name, link, IFNAMSIZ - 1);
    if (ioctl(fd_, SIOCGIFHWADDR, &own) != 0) fail("ioctl(SIOCGIFHWADDR)");
    to_.sll_family = AF_PACKET;
    to_.sll_ifindex = static_cast<int>(if_nametoindex(link));
    memset(request_.destination, 0xff, sizeof(request_.destination));
    memcpy(request_.source, own.ifr_hwaddr.sa_data, sizeof(request_.source));
    request_.ether_type = htons(ETH_P_ARP);
    request_.hardware_type = htons(1);
    request_.protocol_type = htons(ETH_P_IP);
    request_.hardware_length = 6;
    request_.protocol_length = 4;
    request_.operation = htons(1);
    request_.sender = sender;
    request_.target = target;
  }

  void send() {
    const uint32_t number = htonl(++last_);
    request_.sender_mac[0] = 0x02;
    request_.sender_mac[1] = 0xab;
    memcpy(request_.sender_mac + 2, &number, sizeof(number));
    (void)sendto(fd_, &request_, sizeof(request_), 0, reinterpret_cast<const sockaddr*>(&to_),
                 sizeof(to_));
  }

 private:
  int fd_;
  uint32_t last_ = 0;
  sockaddr_ll to_ = {};
  ArpRequest request_ = {};
};

int everyMillisecond() {
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  const itimerspec period = {.it_interval = {0, 1'000'000}, .it_value = {0, 1'000'000}};
  if (fd < 0 || timerfd_settime(fd, 0, &period, nullptr) != 0) fail("timerfd");
  return fd;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) {
    fputs("usage: prober LINK ADDRESS ASKER\n", stderr);
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // So that the question is asked on time on a machine at work; an ordinary user may not.
  const sched_param first = {.sched_priority = 1};
  (void)sched_setscheduler(0, SCHED_RR, &first);
  in_addr address;
  in_addr asker;
  if (inet_aton(arguments[2], &address) == 0 || inet_aton(arguments[3], &asker) == 0) {
    fputs("prober: not an address\n", stderr);
    return 2;
  }
  Pinger pinger(address);
  Asker arp(arguments[1], address, asker);
  pollfd sources[] = {{.fd = everyMillisecond(), .events = POLLIN, .revents = 0},
                      {.fd = pinger.fd(), .events = POLLIN, .revents = 0}};
  puts("ready");
  fflush(stdout);
  for (int tick = 0;;) {
    if (poll(sources, 2, -1) < 0 && errno != EINTR) fail("poll");
    if (sources[1].revents != 0) pinger.receive();
    uint64_t expired = 0;
    if (read(sources[0].fd, &expired, sizeof(expired)) != sizeof(expired)) continue;
    pinger.send();
    if (tick++ % kArpEvery == 0) arp.send();
    if (tick % 16 == 0) fflush(stdout);
  }
}
