// bare_node LINK VIP PORT NEXT [first]: hands a VIP over with no more than the kernel has to do.
// SIGUSR1: deletes the address and tells NEXT, by a datagram. A datagram: binds the address and
// announces it. No election, no fence, no check. Whoever is `first` begins with it. Prints `ready`,
// and ends with stdin.

#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "netlink/address.h"
#include "netlink/socket.h"
#include "packet/packet_socket.h"

using namespace fairlead;

namespace {

[[noreturn]] void fail(const char* what) {
  perror(what);
  exit(1);
}

sockaddr_in endpoint(const char* address, const char* port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(atoi(port)));
  inet_pton(AF_INET, address, &name.sin_addr);
  return name;
}

MacAddress macOf(const char* link, int socket) {
  ifreq request{};
  strncpy(request.ifr_name, link, IFNAMSIZ - 1);
  if (ioctl(socket, SIOCGIFHWADDR, &request) != 0) fail("SIOCGIFHWADDR");
  MacAddress mac{};
  memcpy(mac.data(), request.ifr_hwaddr.sa_data, mac.size());
  return mac;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  sigset_t asked;
  sigemptyset(&asked);
  sigaddset(&asked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &asked, nullptr);
  const int signals = signalfd(-1, &asked, SFD_CLOEXEC);
  const int peers = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in own = endpoint("0.0.0.0", argv[3]);
  if (bind(peers, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) fail("bind");
  const sockaddr_in next = endpoint(argv[4], argv[3]);

  auto netlink = NetlinkSocket::open();
  auto packets = PacketSocket::open();
  if (!netlink.ok() || !packets.ok()) fail("socket");
  std::array<std::uint8_t, 4> bytes{};
  inet_pton(AF_INET, argv[2], bytes.data());
  const std::uint32_t link = if_nametoindex(argv[1]);
  const IpAddress vip = ipAddressFromBytes(bytes);
  const std::array address{AddressRequest{.link = link, .address = vip, .prefix_length = 32}};
  const std::array announcement{
      Announcement{.link = link, .mac = macOf(argv[1], peers), .address = vip}};
  const std::atomic<bool> cancelled = false;
  const Permit always(Permit::kNever, cancelled);
  const auto take = [&] {
    addAddresses(netlink.value(), address, TagForm::kProtocol, always);
    packets.value().say(Speech::kAnnounce, announcement, always);
  };
  if (argc > 5) take();
  puts("ready");
  fflush(stdout);

  std::array<pollfd, 3> waiting{pollfd{signals, POLLIN, 0}, pollfd{peers, POLLIN, 0},
                                pollfd{STDIN_FILENO, POLLIN, 0}};
  while (poll(waiting.data(), waiting.size(), -1) > 0) {
    if (waiting[2].revents != 0) return 0;
    if (waiting[0].revents != 0) {
      signalfd_siginfo signal{};
      if (read(signals, &signal, sizeof signal) < 0) fail("read");
      deleteAddresses(netlink.value(), address, always);
      const char word = 1;
      const auto* const to = reinterpret_cast<const sockaddr*>(&next);
      if (sendto(peers, &word, 1, 0, to, sizeof next) != 1) fail("sendto");
    }
    if (waiting[1].revents != 0) {
      char word = 0;
      if (recv(peers, &word, 1, 0) == 1) take();
    }
  }
}
