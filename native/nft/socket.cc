#include "nft/socket.h"

#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <optional>

#include "netlink/message.h"

namespace fairlead::nft {
namespace {

constexpr int kWantedBuffer = 4 << 20;

template <typename Fill>
RequestBatch question(nf_tables_msg_types type, std::uint16_t flags, std::uint8_t family,
                      Fill fill) {
  RequestBatch request;
  request.begin(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8U) | type), flags,
                nfgenmsg{.nfgen_family = family, .version = NFNETLINK_V0, .res_id = 0});
  fill(request);
  return request;
}

}  // namespace

Result<Socket> Socket::open() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!fd.valid()) return lastError("socket(NETLINK_NETFILTER)");
  // A transaction has to fit in one message; beyond the system's limit only with CAP_NET_ADMIN in
  // the first user namespace, so large lists are cut in several all the same.
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kWantedBuffer, sizeof kWantedBuffer);
  const int on = 1;
  (void)::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  socklen_t size = sizeof self;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&self), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&self), &size) != 0) {
    return lastError("bind(NETLINK_NETFILTER)");
  }
  return Socket(std::move(fd), self.nl_pid);
}

Result<Done> Socket::perform(Transaction& transaction, const char* call) {
  const std::uint32_t first = next_sequence_;
  const auto bytes = transaction.seal(first);
  const std::uint32_t answered = first + transaction.answered();
  next_sequence_ = answered + 2;
  if (auto sent = send(bytes, call); !sent.ok()) return sent;

  std::optional<SystemError> refusal;
  for (bool done = false; !done;) {
    const ssize_t received = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return lastError(call);
    forEachMessage({buffer_.data(), static_cast<std::size_t>(received)},
                   [&](const Message& message) {
                     const auto answer = readValue<nlmsgerr>(message.payload);
                     const std::uint32_t sequence = message.header.nlmsg_seq;
                     if (message.header.nlmsg_type != NLMSG_ERROR || !answer) return;
                     if (sequence < first || sequence > answered) return;
                     if (answer->error != 0 && !refusal)
                       refusal = SystemError{-answer->error, call};
                     // The commit itself is answered in the name of the batch's beginning.
                     if (sequence == answered || sequence == first) done = true;
                   });
  }
  if (refusal) return *refusal;
  return Done{};
}

Result<bool> Socket::hasTable(std::uint8_t family, std::string_view table) {
  auto request = question(NFT_MSG_GETTABLE, 0, family,
                          [&](RequestBatch& to) { to.textAttribute(NFTA_TABLE_NAME, table); });
  const auto found = ask(request, "NFT_MSG_GETTABLE");
  if (!found.ok()) return found.error();
  return found.value() != 0;
}

Result<bool> Socket::hasChain(std::uint8_t family, std::string_view table, std::string_view chain) {
  auto request = question(NFT_MSG_GETCHAIN, 0, family, [&](RequestBatch& to) {
    to.textAttribute(NFTA_CHAIN_TABLE, table);
    to.textAttribute(NFTA_CHAIN_NAME, chain);
  });
  const auto found = ask(request, "NFT_MSG_GETCHAIN");
  if (!found.ok()) return found.error();
  return found.value() != 0;
}

Result<std::size_t> Socket::countRules(std::uint8_t family, std::string_view table) {
  auto request = question(NFT_MSG_GETRULE, NLM_F_DUMP, family,
                          [&](RequestBatch& to) { to.textAttribute(NFTA_RULE_TABLE, table); });
  return ask(request, "NFT_MSG_GETRULE");
}

Result<Done> Socket::send(std::span<const std::uint8_t> bytes, const char* call) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = 0;
  do {
    sent = ::sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                    reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return lastError(call);
  return Done{};
}

Result<std::size_t> Socket::ask(RequestBatch& request, const char* call) {
  const std::uint32_t sequence = next_sequence_++;
  request.stamp(sequence);
  if (auto sent = send(request.bytes(), call); !sent.ok()) return sent.error();
  std::size_t found = 0;
  int refusal = 0;
  for (bool done = false; !done;) {
    const ssize_t received = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return lastError(call);
    forEachMessage({buffer_.data(), static_cast<std::size_t>(received)},
                   [&](const Message& message) {
                     if (message.header.nlmsg_seq != sequence) return;
                     if (message.header.nlmsg_type == NLMSG_DONE) {
                       done = true;
                     } else if (message.header.nlmsg_type == NLMSG_ERROR) {
                       done = true;
                       const auto answer = readValue<nlmsgerr>(message.payload);
                       if (answer && answer->error != 0) refusal = -answer->error;
                     } else {
                       ++found;
                     }
                   });
  }
  if (refusal == ENOENT) return std::size_t{0};
  if (refusal != 0) return SystemError{refusal, call};
  return found;
}

}  // namespace fairlead::nft
