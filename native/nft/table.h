#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "nft/transaction.h"

namespace fairlead::nft {

// Where the gate stands.
enum class Shape {
  // At ingress and egress of the VIPs' links, before everything else; renewed by frames on lo.
  kNetdev,
  // Where the kernel has no egress hook (below Linux 5.16): prerouting, output and ARP output;
  // renewed by transactions.
  kInet,
};

// What a frame on lo asks of the gate is said by its mark (SO_MARK): 29 bits that are this gate's
// alone, since every gate of the machine sees the frame, and one of these.
enum class Order : std::uint32_t { kTicket = 1, kAcquire = 2, kRenew = 3, kClose = 4 };

constexpr std::uint32_t kOrderBits = 7;

constexpr std::uint32_t markOf(std::uint32_t gate, Order order) {
  return (gate & ~kOrderBits) | static_cast<std::uint32_t>(order);
}

// The packet type (PACKET_BROADCAST) that a frame comes back with once a rule has done what it
// asks.
constexpr std::uint8_t kTakenPacketType = 1;

// How long a ticket lives, and what it opens until the first renewal.
constexpr std::uint64_t kTicketMs = 20;

struct Design {
  std::string table;
  Shape shape = Shape::kNetdev;
  bool owned = false;
  std::uint32_t mark = 0;
  std::uint64_t timeout_ms = 0;
};

// What is armed. Ordered, so that two lists can be subtracted.
struct Armed {
  std::set<IpAddress> vips;
  // An IPv4 VIP and the links that it may be answered for on.
  std::set<std::pair<std::string, IpAddress>> homes;
  std::set<std::string> links;
};

// The family of the main table: the other is arp, of the same name.
std::uint8_t familyOf(Shape shape);
// So many rules the tables have: what is counted is intact.
std::size_t rulesOf(const Design& design, const Armed& armed);

void deleteTable(Transaction& to, std::uint8_t family, const Design& design);
// Both tables, closed, with nothing armed.
void createTables(Transaction& to, const Design& design);
// Of the shape netdev: the chains of a link. It has to exist.
void addLink(Transaction& to, const Design& design, const std::string& link);
void removeLink(Transaction& to, const Design& design, const std::string& link);
void removeChain(Transaction& to, const Design& design, const std::string& chain);
std::string arrivalChain(const std::string& link);
std::string departureChain(const std::string& link);
void addElements(Transaction& to, const Design& design, const Armed& armed);
void removeElements(Transaction& to, const Design& design, const Armed& armed);

// Of the shape inet: what a frame does in the other, as one transaction.
void appendOrder(Transaction& to, const Design& design, Order order);
// A ticket where there is none yet.
void appendFirstTicket(Transaction& to, const Design& design);

}  // namespace fairlead::nft
