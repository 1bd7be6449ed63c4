#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ip_address.h"
#include "base/mac_address.h"
#include "base/permit.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace fairlead {

struct Announcement {
  std::uint32_t link = 0;
  MacAddress mac{};
  IpAddress address{};
  bool router = false;  // IPv6 only.
};

// What is said of a VIP: that it is here, or the question who has it.
enum class Speech : std::uint8_t { kAnnounce, kProbe };

// Sends whole frames on any link (packet(7)); receives none.
class PacketSocket {
 public:
  // In the calling thread's network namespace.
  static Result<PacketSocket> open();

  // Sends the frames of each announcement: ARP in both forms, or one advertisement; or of each
  // probe: one ARP or one solicitation. The outcomes are in the order of the announcements.
  std::vector<Outcome> say(Speech speech, std::span<const Announcement> announcements,
                           const Permit& permit);

 private:
  explicit PacketSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace fairlead
