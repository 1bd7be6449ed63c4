#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ip_address.h"
#include "base/permit.h"
#include "base/result.h"
#include "netlink/message.h"
#include "netlink/socket.h"

namespace fairlead {

// Marks the addresses that fairlead bound (IFA_PROTO). The kernel's own values are 1 to 3
// (if_addr.h), and no program is known to use this one.
constexpr std::uint8_t kOwnerTag = 0xfa;

// Where the owner tag is written. Linux 5.18 brought IFA_PROTO; before, an IPv4 address has only
// its label, and an IPv6 address has nothing and is known by how it was bound.
enum class TagForm : std::uint8_t { kProtocol, kLabel };
// What the running kernel understands.
TagForm tagFormOfKernel();

constexpr std::int64_t kForEver = -1;

struct AddressRequest {
  std::uint32_t link = 0;
  IpAddress address{};
  std::uint8_t prefix_length = 0;
  std::int64_t valid_seconds = kForEver;
  // A VIP. Without the tag it is an address of the machine's own.
  bool tagged = true;
};

struct LinkAddress {
  std::uint32_t link = 0;
  IpAddress address{};
  std::uint8_t prefix_length = 0;
  bool tagged = false;
  std::int64_t valid_seconds = kForEver;
  bool tentative = false;
  bool dad_failed = false;
};

// Reads RTM_NEWADDR or RTM_DELADDR; nothing for what is not an IPv4 or IPv6 address.
std::optional<LinkAddress> readAddress(const Message& message, TagForm form);

Result<std::vector<LinkAddress>> listAddresses(NetlinkSocket& socket, TagForm form);

// Binds each address, or refreshes it with the new lifetime where it is bound already. The outcomes
// are in the order of the requests.
std::vector<Outcome> addAddresses(NetlinkSocket& socket, std::span<const AddressRequest> requests,
                                  TagForm form, const Permit& permit);
// An address that is not there, or whose link is not there, counts as deleted.
std::vector<Outcome> deleteAddresses(NetlinkSocket& socket,
                                     std::span<const AddressRequest> requests,
                                     const Permit& permit);

}  // namespace fairlead
