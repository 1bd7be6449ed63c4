#include "packet/claim_watcher.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <utility>

#include "base/clock.h"
#include "base/receive_buffer.h"
#include "packet/claim.h"
#include "packet/claim_filter.h"

namespace fairlead {
namespace {

// An advertisement with options that are not ours; what is longer is cut off, and read so far.
constexpr std::size_t kFrameBytes = 256;
// Addresses times machines that claim them: only an attack has more.
constexpr std::size_t kMaxHeard = 4096;
constexpr int kReadsPerRound = 256;
// Some 5,000 frames; the kernel's default holds 270, which an attack on a few hundred VIPs fills.
constexpr int kReceiveBuffer = 4 << 20;
// A flood of claims must not keep the JavaScript thread from the election: the first is told at
// once, and what follows in batches.
constexpr std::uint64_t kWakePeriodNs = 20'000'000;

Outcome attach(int fd, std::vector<sock_filter> program) {
  const sock_fprog filter{.len = static_cast<unsigned short>(program.size()),
                          .filter = program.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0) return {};
  return lastError("setsockopt(SO_ATTACH_FILTER)");
}

// Frames that the socket's buffer had no room for since the last call (packet(7)).
std::uint64_t droppedBy(int fd) {
  tpacket_stats stats{};
  socklen_t size = sizeof stats;
  if (::getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) != 0) return 0;
  return stats.tp_drops;
}

}  // namespace

Outcome ClaimWatcher::open() {
  const std::lock_guard lock(mutex_);
  if (stopped_) return SystemError{ECANCELED, "socket(AF_PACKET)"};
  if (thread_.joinable()) return SystemError{EALREADY, "socket(AF_PACKET)"};
  stop_signal_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_signal_.valid()) return lastError("eventfd");
  if (Outcome failure = listen(arp_, ETHERTYPE_ARP)) return failure;
  if (Outcome failure = listen(ndp_, ETHERTYPE_IPV6)) return failure;
  if (Outcome failure = attachFilters()) return failure;
  thread_ = std::thread([this] { run(); });
  return {};
}

Outcome ClaimWatcher::listen(UniqueFd& socket, std::uint16_t protocol) {
  // Nothing is heard before bind(), so nothing that the filter would drop is in the queue.
  socket = UniqueFd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return lastError("socket(AF_PACKET)");
  if (Outcome failure = attach(socket.get(), arpClaimFilter({}))) return failure;
  // What is lost all the same is counted.
  askForReceiveBuffer(socket.get(), kReceiveBuffer);
  // On every link at once: sockets that come and go with links cost a wait for all processors each
  // (synchronize_net, net/packet/af_packet.c), in the middle of a failover.
  const sockaddr_ll any{.sll_family = AF_PACKET,
                        .sll_protocol = htons(protocol),
                        .sll_ifindex = 0,
                        .sll_hatype = 0,
                        .sll_pkttype = 0,
                        .sll_halen = 0,
                        .sll_addr = {}};
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0) return {};
  return lastError("bind(AF_PACKET)");
}

Outcome ClaimWatcher::watch(std::span<const WatchedAddress> addresses,
                            std::span<const MacAddress> own) {
  const std::lock_guard lock(mutex_);
  watched_ = {addresses.begin(), addresses.end()};
  own_ = {own.begin(), own.end()};
  return thread_.joinable() ? attachFilters() : Outcome{};
}

Outcome ClaimWatcher::attachFilters() {
  std::set<std::uint32_t> v4;
  std::set<std::uint32_t> v6;
  for (const auto& [link, address] : watched_) (address.isV4() ? v4 : v6).insert(link);
  const std::vector<std::uint32_t> arp(v4.begin(), v4.end());
  const std::vector<std::uint32_t> ndp(v6.begin(), v6.end());
  if (Outcome failure = attach(arp_.get(), arpClaimFilter(arp))) return failure;
  return attach(ndp_.get(), ndpClaimFilter(ndp));
}

ClaimReport ClaimWatcher::take() {
  ClaimReport taken;
  const std::lock_guard lock(mutex_);
  taken.lost = std::exchange(lost_, 0);
  taken.claims.reserve(heard_.size());
  for (const auto& [key, claims] : heard_) taken.claims.push_back(claims);
  heard_.clear();
  return taken;
}

void ClaimWatcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  if (!thread_.joinable()) return;
  (void)::eventfd_write(stop_signal_.get(), 1);
  thread_.join();
}

void ClaimWatcher::run() {
  ::pthread_setname_np(::pthread_self(), "fairlead-claims");
  std::array<pollfd, 3> sources{pollfd{.fd = arp_.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = ndp_.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = stop_signal_.get(), .events = POLLIN, .revents = 0}};
  bool untold = false;
  std::uint64_t next_wake_ns = 0;
  while (true) {
    const int timeout_ms = untold ? static_cast<int>(kWakePeriodNs / 1'000'000) : -1;
    if (::poll(sources.data(), sources.size(), timeout_ms) < 0 && errno != EINTR) return;
    if (sources[2].revents != 0) return;
    if (readAll(arp_.get())) untold = true;
    if (readAll(ndp_.get())) untold = true;
    const std::uint64_t now_ns = bootTimeNs();
    if (!untold || now_ns < next_wake_ns) continue;
    wake_();
    untold = false;
    next_wake_ns = now_ns + kWakePeriodNs;
  }
}

bool ClaimWatcher::readAll(int fd) {
  std::array<std::uint8_t, kFrameBytes> frame;
  bool foreign = false;
  for (int reads = 0; reads < kReadsPerRound; ++reads) {
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    const ssize_t received =
        ::recvfrom(fd, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    // ENETDOWN: a link that went down says so once to every socket that listens on it (packet(7)).
    if (received < 0 && errno == ENETDOWN) continue;
    if (received < 0) break;
    const std::span bytes(frame.data(), static_cast<std::size_t>(received));
    if (note(static_cast<std::uint32_t>(from.sll_ifindex), bytes)) foreign = true;
  }
  const std::uint64_t dropped = droppedBy(fd);
  const std::lock_guard lock(mutex_);
  lost_ += dropped;
  return foreign;
}

bool ClaimWatcher::note(std::uint32_t link, std::span<const std::uint8_t> frame) {
  const auto claim = claimIn(frame);
  if (!claim) return false;
  const WatchedAddress subject{.link = link, .address = claim->address};
  const std::lock_guard lock(mutex_);
  if (!watched_.contains(subject) || own_.contains(claim->mac)) return false;
  const Key key{subject, claim->mac};
  auto found = heard_.find(key);
  if (found == heard_.end()) {
    if (heard_.size() >= kMaxHeard) {
      ++lost_;
      return false;
    }
    found = heard_.emplace(key, HeardClaims{.watched = subject, .mac = claim->mac}).first;
  }
  ++found->second.count;
  found->second.at_ns = bootTimeNs();
  return true;
}

}  // namespace fairlead
