#include "netlink/watcher.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>

#include "base/clock.h"
#include "base/receive_buffer.h"
#include "netlink/address.h"

namespace fairlead {
namespace {

constexpr int kWantedBuffer = 4 << 20;
constexpr std::size_t kReadBytes = std::size_t{32} * 1024;
// More addresses than a node shall ever hold, so that only a reader that is stuck overruns.
constexpr std::size_t kMaxPending = 16'384;
// After so many datagrams what was folded is offered, even if more are waiting.
constexpr int kReadsPerWake = 512;

}  // namespace

Result<ChangeWatcher> ChangeWatcher::open(int buffer_bytes) {
  UniqueFd events(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!events.valid()) return lastError("socket(AF_NETLINK)");
  askForReceiveBuffer(events.get(), buffer_bytes > 0 ? buffer_bytes : kWantedBuffer);
  // A socket without a port of its own hears no group: a broadcast leaves out the port that it
  // answers, which is 0 for what happens unasked (net/netlink/af_netlink.c, do_one_broadcast).
  const sockaddr_nl any{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  if (::bind(events.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) {
    return lastError("bind(AF_NETLINK)");
  }
  UniqueFd stop_signal(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_signal.valid()) return lastError("eventfd");
  return ChangeWatcher(std::move(events), std::move(stop_signal));
}

ChangeWatcher::ChangeWatcher(UniqueFd events, UniqueFd stop_signal)
    : events_(std::move(events)),
      stop_signal_(std::move(stop_signal)),
      buffer_(kReadBytes),
      pending_(std::make_unique<Pending>()) {}

ChangeWatcher::~ChangeWatcher() { stop(); }

Result<Done> ChangeWatcher::start(std::function<void()> wake) {
  for (const int group : {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR}) {
    if (::setsockopt(events_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
      return lastError("setsockopt(NETLINK_ADD_MEMBERSHIP)");
  }
  wake_ = std::move(wake);
  thread_ = std::thread([this] { run(); });
  return Done{};
}

void ChangeWatcher::stop() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  (void)!::write(stop_signal_.get(), &one, sizeof one);
  thread_.join();
}

Changes ChangeWatcher::take() {
  Changes taken;
  const std::lock_guard lock(pending_->mutex);
  taken.overrun = std::exchange(pending_->overrun, false);
  taken.changes.reserve(pending_->changes.size());
  for (const auto& [key, change] : pending_->changes) taken.changes.push_back(change);
  pending_->changes.clear();
  return taken;
}

void ChangeWatcher::run() {
  ::pthread_setname_np(::pthread_self(), "fairlead-watch");
  std::array<pollfd, 2> sources{pollfd{.fd = events_.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = stop_signal_.get(), .events = POLLIN, .revents = 0}};
  while (true) {
    if (::poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) return;
    if (sources[1].revents != 0) return;
    for (int reads = 0; reads < kReadsPerWake && readOnce(); ++reads) {
    }
    wake_();
  }
}

bool ChangeWatcher::readOnce() {
  sockaddr_nl sender{};
  socklen_t size = sizeof sender;
  const ssize_t received = ::recvfrom(events_.get(), buffer_.data(), buffer_.size(), 0,
                                      reinterpret_cast<sockaddr*>(&sender), &size);
  if (received < 0) {
    if (errno == EAGAIN) return false;
    // ENOBUFS: the kernel had more to say than the buffer held (netlink(7)). It is said once, and
    // what is in the buffer can still be read.
    if (errno != EINTR) noteOverrun();
    return true;
  }
  if (sender.nl_pid != 0) return true;
  const std::uint64_t now_ns = bootTimeNs();
  forEachMessage(std::span(buffer_.data(), static_cast<std::size_t>(received)),
                 [&](const Message& message) { note(message, now_ns); });
  return true;
}

void ChangeWatcher::note(const Message& message, std::uint64_t now_ns) {
  Change change{.at_ns = now_ns};
  const std::uint16_t type = message.header.nlmsg_type;
  if (type == RTM_NEWADDR || type == RTM_DELADDR) {
    const auto address = readAddress(message, TagForm::kProtocol);
    if (!address) return;
    change.link = address->link;
    change.address = address->address;
    change.prefix_length = address->prefix_length;
    change.removed = type == RTM_DELADDR;
  } else if (type == RTM_NEWLINK || type == RTM_DELLINK) {
    const auto link = readValue<ifinfomsg>(message.payload);
    if (!link) return;
    change.link = static_cast<std::uint32_t>(link->ifi_index);
    // With AF_BRIDGE it is the port that left its bridge (net/bridge/br_netlink.c); the link stays.
    change.removed = type == RTM_DELLINK && link->ifi_family == AF_UNSPEC;
  } else {
    return;
  }
  const std::lock_guard lock(pending_->mutex);
  if (pending_->changes.size() >= kMaxPending) {
    pending_->overrun = true;
    pending_->changes.clear();
  }
  pending_->changes.insert_or_assign({change.link, change.address, change.prefix_length}, change);
}

void ChangeWatcher::noteOverrun() {
  const std::lock_guard lock(pending_->mutex);
  pending_->overrun = true;
}

}  // namespace fairlead
