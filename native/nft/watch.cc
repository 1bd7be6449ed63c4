#include "nft/watch.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "netlink/message.h"

namespace fairlead::nft {
namespace {

// Small on purpose: another process' 100,000 rules overrun it at once, which costs one look at
// our tables, and reading them all would cost more.
constexpr int kEventBuffer = 128 * 1024;

// An element that expires is not told of.
bool isChange(int type) {
  switch (type) {
    case NFT_MSG_NEWTABLE:
    case NFT_MSG_DELTABLE:
    case NFT_MSG_NEWCHAIN:
    case NFT_MSG_DELCHAIN:
    case NFT_MSG_NEWRULE:
    case NFT_MSG_DELRULE:
    case NFT_MSG_NEWSETELEM:
    case NFT_MSG_DELSETELEM:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<Watch> Watch::open(std::string table) {
  UniqueFd events(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!events.valid()) return lastError("socket(NETLINK_NETFILTER)");
  (void)::setsockopt(events.get(), SOL_SOCKET, SO_RCVBUF, &kEventBuffer, sizeof kEventBuffer);
  sockaddr_nl any{};
  any.nl_family = AF_NETLINK;
  const int group = NFNLGRP_NFTABLES;
  if (::bind(events.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
      ::setsockopt(events.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    return lastError("bind(NFNLGRP_NFTABLES)");
  }
  UniqueFd stop_signal(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_signal.valid()) return lastError("eventfd");
  return Watch(std::move(events), std::move(stop_signal), std::move(table));
}

Watch::Watch(UniqueFd events, UniqueFd stop_signal, std::string table)
    : events_(std::move(events)), stop_signal_(std::move(stop_signal)), table_(std::move(table)) {}

Watch::Watch(Watch&& other) noexcept = default;

Watch::~Watch() { stop(); }

void Watch::start(std::vector<std::uint32_t> own_ports,
                  std::function<void(Disturbance)> disturbed) {
  own_ports_ = std::move(own_ports);
  disturbed_ = std::move(disturbed);
  thread_ = std::thread([this] { run(); });
}

void Watch::stop() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  (void)!::write(stop_signal_.get(), &one, sizeof one);
  thread_.join();
}

void Watch::run() {
  ::pthread_setname_np(::pthread_self(), "fairlead-nft");
  std::array<pollfd, 2> sources{pollfd{.fd = events_.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = stop_signal_.get(), .events = POLLIN, .revents = 0}};
  while (true) {
    if (::poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) return;
    if (sources[1].revents != 0) return;
    const Disturbance disturbance = read();
    if (disturbance != Disturbance::kNone) disturbed_(disturbance);
  }
}

Watch::Disturbance Watch::read() {
  std::array<std::uint8_t, 32 * 1024> buffer;
  Disturbance worst = Disturbance::kNone;
  while (true) {
    sockaddr_nl sender{};
    socklen_t size = sizeof sender;
    const ssize_t received = ::recvfrom(events_.get(), buffer.data(), buffer.size(), 0,
                                        reinterpret_cast<sockaddr*>(&sender), &size);
    if (received < 0 && errno == EAGAIN) return worst;
    // ENOBUFS: something was lost.
    if (received < 0 && errno != EINTR) worst = std::max(worst, Disturbance::kPossible);
    if (received < 0 || sender.nl_pid != 0) continue;
    forEachMessage(std::span(buffer.data(), static_cast<std::size_t>(received)),
                   [&](const Message& message) { worst = std::max(worst, judge(message)); });
  }
}

Watch::Disturbance Watch::judge(const Message& message) const {
  const int subsystem = message.header.nlmsg_type >> 8U;
  if (subsystem != NFNL_SUBSYS_NFTABLES || !isChange(message.header.nlmsg_type & 0xff)) {
    return Disturbance::kNone;
  }
  const std::uint32_t port = message.header.nlmsg_pid;
  if (std::ranges::find(own_ports_, port) != own_ports_.end()) return Disturbance::kNone;
  bool concerns_us = false;
  // The first attribute of each of them is the table's name.
  forEachAttribute(after(message.payload, sizeof(nfgenmsg)), [&](int type, auto value) {
    if (type == NFTA_TABLE_NAME && readText(value) == table_) concerns_us = true;
  });
  if (!concerns_us) return Disturbance::kNone;
  return port == 0 ? Disturbance::kPossible : Disturbance::kCertain;
}

}  // namespace fairlead::nft
