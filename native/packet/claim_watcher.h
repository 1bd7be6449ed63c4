#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <tuple>
#include <vector>

#include "base/ip_address.h"
#include "base/mac_address.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace fairlead {

// An address that is to be ours alone on a link.
struct WatchedAddress {
  std::uint32_t link = 0;
  IpAddress address{};

  friend auto operator<=>(const WatchedAddress&, const WatchedAddress&) = default;
};

// Claims of one address by one foreign machine since they were last taken.
struct HeardClaims {
  WatchedAddress watched{};
  MacAddress mac{};
  std::uint64_t count = 0;
  std::uint64_t at_ns = 0;  // Of the last one.
};

struct ClaimReport {
  std::vector<HeardClaims> claims;
  // Frames that nobody could look at, or claims beyond what is kept.
  std::uint64_t lost = 0;
};

// Listens on a thread of its own for machines that claim an address of ours. The kernel filters
// what reaches it to ARP and Neighbor Discovery on the links of these addresses; while there are
// none it passes nothing. What waits to be taken is folded and bounded.
class ClaimWatcher {
 public:
  // `wake` is called on the watcher's thread when take() has something to give.
  explicit ClaimWatcher(std::function<void()> wake) : wake_(std::move(wake)) {}
  ClaimWatcher(const ClaimWatcher&) = delete;
  ClaimWatcher& operator=(const ClaimWatcher&) = delete;
  ~ClaimWatcher() { stop(); }

  // Opens the sockets in the calling thread's network namespace and begins. Once.
  Outcome open();
  // The whole list of addresses, and the hardware addresses of this machine: a claim from one of
  // those comes from a link of ours on the same segment.
  Outcome watch(std::span<const WatchedAddress> addresses, std::span<const MacAddress> own);
  ClaimReport take();
  // Joins the thread. Idempotent; nothing opens afterwards.
  void stop();

 private:
  using Key = std::tuple<WatchedAddress, MacAddress>;

  Outcome listen(UniqueFd& socket, std::uint16_t protocol);
  Outcome attachFilters();
  void run();
  // Reads what waits in a socket, up to a limit. Whether anything of it was a foreign claim.
  bool readAll(int fd);
  bool note(std::uint32_t link, std::span<const std::uint8_t> frame);

  std::function<void()> wake_;
  UniqueFd arp_;
  UniqueFd ndp_;
  UniqueFd stop_signal_;
  std::thread thread_;

  std::mutex mutex_;  // Of what follows.
  bool stopped_ = false;
  std::set<WatchedAddress> watched_;
  std::set<MacAddress> own_;
  std::map<Key, HeardClaims> heard_;
  std::uint64_t lost_ = 0;
};

}  // namespace fairlead
