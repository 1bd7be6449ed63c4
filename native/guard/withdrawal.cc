#include "guard/withdrawal.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fairlead::guard {
namespace {

// RTM_DELADDR as rtnetlink(7) lays it out, for an address of `Length` bytes.
template <std::size_t Length>
struct DeleteAddress {
  nlmsghdr header;
  ifaddrmsg address;
  rtattr local;
  std::uint8_t local_bytes[Length];
  rtattr prefix;
  std::uint8_t prefix_bytes[Length];
};
static_assert(sizeof(DeleteAddress<4>) == NLMSG_ALIGN(sizeof(DeleteAddress<4>)));
static_assert(sizeof(DeleteAddress<16>) == 64);

template <std::size_t Length>
std::size_t writeRequest(std::uint8_t* to, const AddressRecord& record, std::uint32_t sequence,
                         bool last) {
  DeleteAddress<Length> request = {};
  // Only the last asks to be acknowledged: failures are reported without, and in order, so its
  // acknowledgement says that the kernel is through with all of them.
  request.header = {
      .nlmsg_len = sizeof(request),
      .nlmsg_type = RTM_DELADDR,
      .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | (last ? NLM_F_ACK : 0)),
      .nlmsg_seq = sequence,
      .nlmsg_pid = 0};
  request.address.ifa_family = record.family;
  request.address.ifa_prefixlen = record.prefix_length;
  request.address.ifa_index = record.link;
  request.local = {.rta_len = RTA_LENGTH(Length), .rta_type = IFA_LOCAL};
  request.prefix = {.rta_len = RTA_LENGTH(Length), .rta_type = IFA_ADDRESS};
  memcpy(request.local_bytes, record.address, Length);
  memcpy(request.prefix_bytes, record.address, Length);
  memcpy(to, &request, sizeof(request));
  return sizeof(request);
}

bool meansGone(int error) { return error == 0 || error == EADDRNOTAVAIL || error == ENODEV; }

}  // namespace

const char* Withdrawal::open() {
  netlink_ = UniqueFd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!netlink_.valid()) return "socket(AF_NETLINK)";
  const int on = 1;
  // Without the request in it, an answer takes less of the receive buffer.
  if (setsockopt(netlink_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) != 0) {
    return "setsockopt(NETLINK_CAP_ACK)";
  }
  udp4_ = UniqueFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!udp4_.valid()) return "socket(AF_INET)";
  // A machine may have IPv6 switched off, and then has no such peers either.
  udp6_ = UniqueFd(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return nullptr;
}

Withdrawn Withdrawal::deleteAddresses(std::span<const AddressRecord> addresses) {
  constexpr int kAttempts =
      3;  // A batch whose answer was lost is sent again: deleting is idempotent.
  Withdrawn total;
  while (!addresses.empty()) {
    const auto batch = addresses.first(std::min(kBatch, addresses.size()));
    Withdrawn outcome;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      outcome = deleteBatch(batch);
      if (outcome.failed == 0) break;
    }
    total.deleted += outcome.deleted;
    total.failed += outcome.failed;
    if (total.error == 0) total.error = outcome.error;
    addresses = addresses.subspan(batch.size());
  }
  return total;
}

Withdrawn Withdrawal::deleteBatch(std::span<const AddressRecord> batch) {
  const std::uint32_t first_sequence = sequence_ + 1;
  std::size_t length = 0;
  for (const AddressRecord& record : batch) {
    const bool last = &record == &batch.back();
    std::uint8_t* const place = requests_ + length;
    ++sequence_;
    length += record.family == AF_INET ? writeRequest<4>(place, record, sequence_, last)
                                       : writeRequest<16>(place, record, sequence_, last);
  }
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  const auto sent = sendto(netlink_.get(), requests_, length, 0,
                           reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel));
  if (sent < 0) {
    return {.failed = static_cast<std::uint32_t>(batch.size()),
            .error = static_cast<std::uint32_t>(errno)};
  }
  return readOutcome(batch.size(), first_sequence);
}

// The kernel has worked through the requests within sendto, so all of its answers are there to
// read.
Withdrawn Withdrawal::readOutcome(std::size_t batch_size, std::uint32_t first_sequence) {
  Withdrawn outcome;
  alignas(nlmsghdr) std::uint8_t answers[4096];
  for (;;) {
    const ssize_t received = recv(netlink_.get(), answers, sizeof(answers), MSG_DONTWAIT);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) {  // The acknowledgement was lost, and with it what any of them became.
      return {.failed = static_cast<std::uint32_t>(batch_size),
              .error = static_cast<std::uint32_t>(errno)};
    }
    auto left = static_cast<std::uint32_t>(received);
    for (auto* answer = reinterpret_cast<const nlmsghdr*>(answers); NLMSG_OK(answer, left);
         answer = NLMSG_NEXT(answer, left)) {
      if (answer->nlmsg_type != NLMSG_ERROR || answer->nlmsg_seq < first_sequence) continue;
      const int error = -static_cast<const nlmsgerr*>(NLMSG_DATA(answer))->error;
      if (!meansGone(error)) {
        ++outcome.failed;
        if (outcome.error == 0) outcome.error = static_cast<std::uint32_t>(error);
      }
      if (answer->nlmsg_seq == sequence_) {
        outcome.deleted = static_cast<std::uint32_t>(batch_size) - outcome.failed;
        return outcome;
      }
    }
  }
}

std::uint32_t Withdrawal::send(std::span<const Datagram> datagrams) {
  std::uint32_t sent = 0;
  for (const Datagram& datagram : datagrams) {
    const DatagramRecord& to = datagram.to;
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(to.port);
    memcpy(&v4.sin_addr, to.address, sizeof(v4.sin_addr));
    sockaddr_in6 v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(to.port);
    memcpy(&v6.sin6_addr, to.address, sizeof(v6.sin6_addr));
    const bool is_v4 = to.family == AF_INET;
    const auto* address =
        is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
    const auto payload = datagram.payload();
    const ssize_t length =
        sendto(is_v4 ? udp4_.get() : udp6_.get(), payload.data(), payload.size(),
               MSG_DONTWAIT | MSG_NOSIGNAL, address, is_v4 ? sizeof(v4) : sizeof(v6));
    if (length >= 0) ++sent;
  }
  return sent;
}

}  // namespace fairlead::guard
