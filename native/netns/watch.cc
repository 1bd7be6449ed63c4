// A referee of its own: nothing of the daemon's netlink code is in it.
//
// One socket for all networks, because only its queue tells which of two changes in two networks
// came first; times read by two processes, or on two threads, may be off by a scheduler's slice.

#include "netns/watch.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netns/failure.h"

namespace fairlead::netns {
namespace {

constexpr int kReceiveBuffer = 1 << 20;
constexpr ptrdiff_t kItemBytes = sizeof(rtattr);

int printFailure(const char* call) {
  const Failure failure = failureOf(call);
  fprintf(stderr, "fairlead-netns: Cannot watch addresses: %s failed: %s\n", failure.call,
          strerror(failure.error));
  return 1;
}

bool setOption(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

bool openEvents(int fd) {
  (void)setOption(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBuffer);
  const sockaddr_nl any = {.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  // A network is heard once it has an id here (network_namespaces(7), RTM_NEWNSID), which the
  // kernel gives to the far network of every veth.
  return setOption(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1) &&
         bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof(any)) == 0 &&
         setOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_IFADDR) &&
         setOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV6_IFADDR);
}

// The id of the network that a datagram came from; -1 for the socket's own.
int networkOf(msghdr& message) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level == SOL_NETLINK && control->cmsg_type == NETLINK_LISTEN_ALL_NSID) {
      int id;
      memcpy(&id, CMSG_DATA(control), sizeof(id));
      return id;
    }
  }
  return -1;
}

void printChange(const nlmsghdr& header, int network, const timespec& now) {
  const auto* const body = reinterpret_cast<const ifaddrmsg*>(&header + 1);
  const void* local = nullptr;
  const void* address = nullptr;
  const auto* const end = reinterpret_cast<const char*>(&header) + header.nlmsg_len;
  for (const auto* next = reinterpret_cast<const char*>(IFA_RTA(body)); end - next >= kItemBytes;) {
    const auto* const item = reinterpret_cast<const rtattr*>(next);
    if (item->rta_type == IFA_LOCAL) local = RTA_DATA(item);
    if (item->rta_type == IFA_ADDRESS) address = RTA_DATA(item);
    next += RTA_ALIGN(item->rta_len);
  }
  // IFA_ADDRESS is the far end of a point-to-point link; IPv6 sends IFA_LOCAL only there.
  if (local == nullptr) local = address;
  char text[INET6_ADDRSTRLEN];
  if (local == nullptr || inet_ntop(body->ifa_family, local, text, sizeof(text)) == nullptr) return;
  char id[16] = "-";
  if (network >= 0) snprintf(id, sizeof(id), "%d", network);
  printf("%lld%09ld %s %s %s/%d\n", static_cast<long long>(now.tv_sec), now.tv_nsec, id,
         header.nlmsg_type == RTM_NEWADDR ? "add" : "delete", text, body->ifa_prefixlen);
}

// Reads one datagram and prints what it tells. False when something was lost.
bool printOnce(int fd) {
  alignas(nlmsghdr) char buffer[16384];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec part = {.iov_base = buffer, .iov_len = sizeof(buffer)};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t length = recvmsg(fd, &message, 0);
  if (length < 0 || (message.msg_flags & MSG_TRUNC) != 0) return false;
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  const int network = networkOf(message);
  auto left = static_cast<unsigned>(length);
  for (const auto* header = reinterpret_cast<const nlmsghdr*>(buffer); NLMSG_OK(header, left);
       header = NLMSG_NEXT(header, left)) {
    if (header->nlmsg_type == RTM_NEWADDR || header->nlmsg_type == RTM_DELADDR) {
      printChange(*header, network, now);
    }
  }
  fflush(stdout);
  return true;
}

}  // namespace

int watchAddresses() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return printFailure("socket(AF_NETLINK)");
  if (!openEvents(fd)) return printFailure("setsockopt(SOL_NETLINK)");
  if (write(STDOUT_FILENO, "ready\n", 6) != 6) return 1;
  pollfd sources[] = {{.fd = fd, .events = POLLIN, .revents = 0},
                      {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0}};
  for (;;) {
    if (poll(sources, 2, -1) < 0 && errno != EINTR) return printFailure("poll");
    if (sources[0].revents != 0 && !printOnce(fd)) return printFailure("recvmsg");
    char discarded[256];
    if (sources[1].revents != 0 && read(STDIN_FILENO, discarded, sizeof(discarded)) <= 0) return 0;
  }
}

}  // namespace fairlead::netns
