#include "gate/port.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "base/clock.h"
#include "base/gate_frame.h"

namespace fairlead::gate {
namespace {

// The kernel's queue is served within milliseconds, or has dropped the frame (net/core/dev.c,
// enqueue_to_backlog).
constexpr std::uint64_t kLostAfterNs = 1'000'000'000;

}  // namespace

Result<std::unique_ptr<Opener>> Port::open(std::uint32_t mark) {
  const std::uint16_t type = htons(kGateFrameType);
  UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return lastError("socket(AF_PACKET)");
  // Bound to one protocol it hears what comes in, behind the ingress hook, and not what goes out
  // (net/core/dev.c, __netif_receive_skb_core).
  sockaddr_ll lo{};
  lo.sll_family = AF_PACKET;
  lo.sll_protocol = type;
  lo.sll_ifindex = static_cast<int>(::if_nametoindex("lo"));
  if (lo.sll_ifindex == 0) return lastError("if_nametoindex(lo)");
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&lo), sizeof lo) != 0) {
    return lastError("bind(AF_PACKET, lo)");
  }
  return std::unique_ptr<Opener>(new Port(std::move(fd), mark));
}

Result<Effect> Port::order(nft::Order order, std::uint64_t patience_ns) {
  const std::uint64_t number = ++numbers_;
  const std::uint64_t now = bootTimeNs();
  if (auto done = send(order, number); !done.ok()) return done.error();
  sent_.push_back({number, now});
  return await(number, now + patience_ns);
}

std::size_t Port::underWay() {
  const std::uint64_t now = bootTimeNs();
  std::erase_if(sent_, [now](const Sent& one) { return one.at_ns + kLostAfterNs < now; });
  return sent_.size();
}

Result<Done> Port::send(nft::Order order, std::uint64_t number) {
  GateFrame frame = kGateFrame;
  // By its number we know it again: other gates' frames come here too.
  std::memcpy(frame.padding, &mark_, sizeof mark_);
  std::memcpy(frame.padding + sizeof mark_, &number, sizeof number);
  const std::uint32_t mark = nft::markOf(mark_, order);
  alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof mark)> control{};
  iovec bytes{.iov_base = &frame, .iov_len = sizeof frame};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SO_MARK;
  header->cmsg_len = CMSG_LEN(sizeof mark);
  std::memcpy(CMSG_DATA(header), &mark, sizeof mark);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(fd_.get(), &message, 0);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return lastError("sendmsg(AF_PACKET, lo)");
  return Done{};
}

Result<Effect> Port::await(std::uint64_t number, std::uint64_t until_ns) {
  while (true) {
    GateFrame frame{};
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    const ssize_t received =
        ::recvfrom(fd_.get(), &frame, sizeof frame, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (received == static_cast<ssize_t>(sizeof frame)) {
      std::uint32_t mark = 0;
      std::uint64_t found = 0;
      std::memcpy(&mark, frame.padding, sizeof mark);
      std::memcpy(&found, frame.padding + sizeof mark, sizeof found);
      if (mark != mark_) continue;
      std::erase_if(sent_, [found](const Sent& one) { return one.number == found; });
      if (found != number) continue;
      return from.sll_pkttype == nft::kTakenPacketType ? Effect::kTaken : Effect::kRefused;
    }
    if (received >= 0 || errno == EINTR) continue;
    if (errno != EAGAIN) return lastError("recvfrom(AF_PACKET, lo)");
    const std::uint64_t now = bootTimeNs();
    if (now >= until_ns) return Effect::kUnknown;
    pollfd readable{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    const std::uint64_t left = until_ns - now;
    const timespec wait{.tv_sec = static_cast<time_t>(left / 1'000'000'000U),
                        .tv_nsec = static_cast<long>(left % 1'000'000'000U)};
    (void)::ppoll(&readable, 1, &wait, nullptr);
  }
}

}  // namespace fairlead::gate
