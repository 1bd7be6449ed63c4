#include "netlink/socket.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cassert>
#include <string>

namespace fairlead {
namespace {

// The kernel fills dump buffers of up to 32 KiB (af_netlink.c, netlink_dump).
constexpr std::size_t kReceiveBytes = std::size_t{64} * 1024;
// Large batches gain little: docs/benchmarks.md, "Addresses".
constexpr std::size_t kMaxBatch = 512;
// What one refusal costs of the receive buffer: an sk_buff with its smallest head, 960 bytes
// on 6.18.
constexpr std::size_t kRefusalBytes = 1024;
constexpr int kWantedReceiveBuffer = 1 << 20;
// A list that changes faster than it can be read is read at most so often.
constexpr int kMaxDumps = 20;
// The kernel answers within sendmsg; this only keeps a bug from holding the thread for ever.
constexpr timeval kReceiveTimeout{.tv_sec = 10, .tv_usec = 0};

void set(int fd, int level, int option, int value) {
  // Options that an older kernel lacks are conveniences: nothing here depends on them.
  (void)::setsockopt(fd, level, option, &value, sizeof value);
}

struct Answer {
  int error_number;
  std::string detail;
};

// Reads NLMSG_ERROR, whose zero means success, with the kernel's own words when it sent them.
std::optional<Answer> readAnswer(const Message& message) {
  const auto body = readValue<nlmsgerr>(message.payload);
  if (!body) return std::nullopt;
  Answer answer{.error_number = -body->error, .detail = {}};
  if ((message.header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return answer;
  std::size_t fixed = sizeof(nlmsgerr);
  // Without NETLINK_CAP_ACK the request's payload is echoed in front of the attributes.
  if ((message.header.nlmsg_flags & NLM_F_CAPPED) == 0) {
    fixed += body->msg.nlmsg_len - sizeof(nlmsghdr);
  }
  forEachAttribute(after(message.payload, fixed), [&](int type, auto value) {
    if (type == NLMSGERR_ATTR_MSG) answer.detail = readText(value);
  });
  return answer;
}

}  // namespace

Result<NetlinkSocket> NetlinkSocket::open() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.valid()) return lastError("socket(AF_NETLINK)");
  set(fd.get(), SOL_SOCKET, SO_RCVBUF, kWantedReceiveBuffer);
  set(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, 1);
  set(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, 1);
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kReceiveTimeout, sizeof kReceiveTimeout);

  const sockaddr_nl any{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) {
    return lastError("bind(AF_NETLINK)");
  }
  int receive_buffer = 0;
  socklen_t size = sizeof receive_buffer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, &size) != 0) {
    return lastError("getsockopt(SO_RCVBUF)");
  }
  const std::size_t max_batch = std::clamp(static_cast<std::size_t>(receive_buffer) / kRefusalBytes,
                                           std::size_t{1}, kMaxBatch);
  return NetlinkSocket(std::move(fd), max_batch);
}

NetlinkSocket::NetlinkSocket(UniqueFd fd, std::size_t max_batch)
    : fd_(std::move(fd)), max_batch_(max_batch), buffer_(kReceiveBytes) {}

Result<Done> NetlinkSocket::exchange(RequestBatch& batch, const char* syscall,
                                     std::span<Outcome> outcomes) {
  assert(batch.count() == outcomes.size() && batch.count() <= max_batch_);
  const std::uint32_t first = next_sequence_;
  const auto count = static_cast<std::uint32_t>(batch.count());
  next_sequence_ += count;
  batch.stamp(first);
  if (auto sent = send(batch); !sent.ok()) return sent;

  bool last_answered = false;
  while (!last_answered) {
    const auto received = receive();
    if (!received.ok()) return received.error();
    forEachMessage(received.value(), [&](const Message& message) {
      const std::uint32_t index = message.header.nlmsg_seq - first;
      // Anything else is the late answer to an exchange that was given up.
      if (message.header.nlmsg_type != NLMSG_ERROR || index >= count) return;
      auto answer = readAnswer(message);
      if (!answer) return;
      if (answer->error_number != 0) {
        outcomes[index] = SystemError{answer->error_number, syscall, std::move(answer->detail)};
      }
      last_answered = index == count - 1;
    });
  }
  return Done{};
}

Result<Done> NetlinkSocket::transact(RequestBatch& request, const char* syscall) {
  Outcome outcome;
  if (auto done = exchange(request, syscall, {&outcome, 1}); !done.ok()) return done;
  if (outcome) return *outcome;
  return Done{};
}

Result<Done> NetlinkSocket::dump(RequestBatch& request, const char* syscall,
                                 const std::function<void()>& restart,
                                 const std::function<void(const Message&)>& visit) {
  for (int attempt = 0; attempt < kMaxDumps; ++attempt) {
    restart();
    const auto end = dumpOnce(request, syscall, visit);
    if (!end.ok()) return end.error();
    if (end.value() == DumpEnd::kComplete) return Done{};
  }
  return SystemError{EAGAIN, syscall, "the list changed during every reading of it"};
}

Result<NetlinkSocket::DumpEnd> NetlinkSocket::dumpOnce(
    RequestBatch& request, const char* syscall, const std::function<void(const Message&)>& visit) {
  const std::uint32_t sequence = next_sequence_++;
  request.stamp(sequence);
  if (auto sent = send(request); !sent.ok()) return sent.error();

  bool interrupted = false;
  bool done = false;
  std::optional<SystemError> refused;
  while (!done) {
    const auto received = receive();
    if (!received.ok()) return received.error();
    forEachMessage(received.value(), [&](const Message& message) {
      if (message.header.nlmsg_seq != sequence) return;
      // What was listed moved under the cursor: elements may be missing (net/netlink.h,
      // nl_dump_check_consistent). The rest is read all the same, or it would meet the next dump.
      if ((message.header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
      if (message.header.nlmsg_type == NLMSG_DONE) {
        done = true;
        // A dump that failed half way says so in the status behind NLMSG_DONE.
        const auto status = readValue<std::int32_t>(message.payload);
        if (status && *status < 0) refused = SystemError{-*status, syscall};
      } else if (message.header.nlmsg_type == NLMSG_ERROR) {
        done = true;
        if (auto answer = readAnswer(message)) {
          refused = SystemError{answer->error_number, syscall, std::move(answer->detail)};
        }
      } else {
        visit(message);
      }
    });
  }
  if (refused) return *refused;
  return interrupted ? DumpEnd::kInterrupted : DumpEnd::kComplete;
}

Result<Done> NetlinkSocket::send(const RequestBatch& batch) {
  const sockaddr_nl kernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  const auto bytes = batch.bytes();
  ssize_t sent = 0;
  do {
    sent = ::sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                    reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return lastError("sendto(AF_NETLINK)");
  return Done{};
}

Result<std::span<const std::uint8_t>> NetlinkSocket::receive() {
  while (true) {
    sockaddr_nl sender{};
    socklen_t size = sizeof sender;
    const ssize_t received = ::recvfrom(fd_.get(), buffer_.data(), buffer_.size(), 0,
                                        reinterpret_cast<sockaddr*>(&sender), &size);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return lastError("recvfrom(AF_NETLINK)");
    // Any process may send to our port; only the kernel's is 0 (netlink(7)).
    if (sender.nl_pid != 0) continue;
    return std::span<const std::uint8_t>(buffer_.data(), static_cast<std::size_t>(received));
  }
}

}  // namespace fairlead
