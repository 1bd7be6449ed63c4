#include "nft/table.h"

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter_arp.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <array>

#include "base/gate_frame.h"

namespace fairlead::nft {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Before conntrack's defragmentation (-400), or a fragment would be seen only when it is whole.
constexpr std::int32_t kPriority = -500;
constexpr std::uint32_t kEgress = 1;  // NF_NETDEV_EGRESS: headers before Linux 5.17 lack it.
constexpr std::size_t kMostPerMessage = 1000;  // A nest's length has 16 bits.

// What nft calls the types of keys (its src/datatype.h): so it prints them as people know them.
enum KeyType : std::uint32_t {
  kProtocolFamily = 2,
  kIpv4Address = 7,
  kIpv6Address = 8,
  kEtherType = 10,
  kHome = 41U << 6U | 7U,  // ifname . ipv4_addr
};

Bytes etherType(std::uint16_t type) {
  return {static_cast<std::uint8_t>(type >> 8U), static_cast<std::uint8_t>(type)};
}

const std::array<Bytes, 3>& protocols() {
  static const std::array<Bytes, 3> all{etherType(ETH_P_IP), etherType(ETH_P_ARP),
                                        etherType(ETH_P_IPV6)};
  return all;
}

Bytes bytesOf(const IpAddress& address) { return {address.bytes().begin(), address.bytes().end()}; }

Bytes homeOf(const std::string& link, const IpAddress& address) {
  Bytes key(IFNAMSIZ);
  std::copy_n(link.begin(), std::min<std::size_t>(link.size(), IFNAMSIZ - 1), key.begin());
  const Bytes vip = bytesOf(address);
  key.insert(key.end(), vip.begin(), vip.end());
  return key;
}

void createTable(Transaction& to, std::uint8_t family, const Design& design) {
  to.begin(NFT_MSG_NEWTABLE, NLM_F_CREATE, family);
  to.text(NFTA_TABLE_NAME, design.table);
  // NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST (Linux 6.9): `nft flush ruleset` leaves it alone while
  // we live, and it stays when we die.
  to.number32(NFTA_TABLE_FLAGS, design.owned ? 0x2U | 0x4U : 0U);
  const char* const name = family == NFPROTO_ARP    ? "arp"
                           : family == NFPROTO_INET ? "inet"
                                                    : "netdev";
  const std::string comment =
      "fairlead: stops VIPs without the right to serve. Without fairlead: "
      "nft delete table " +
      std::string(name) + " NAME";
  Bytes userdata{0, static_cast<std::uint8_t>(comment.size() + 1)};  // NFTNL_UDATA_TABLE_COMMENT
  userdata.insert(userdata.end(), comment.begin(), comment.end());
  userdata.push_back(0);
  to.bytes(NFTA_TABLE_USERDATA, userdata);
}

struct SetForm {
  const char* name;
  KeyType type;
  std::uint32_t length;
  std::uint32_t flags = 0;
};

void createSet(Transaction& to, std::uint8_t family, const Design& design, const SetForm& form) {
  to.begin(NFT_MSG_NEWSET, NLM_F_CREATE, family);
  to.text(NFTA_SET_TABLE, design.table);
  to.text(NFTA_SET_NAME, form.name);
  to.number32(NFTA_SET_ID, to.nextSetId());
  to.number32(NFTA_SET_FLAGS, form.flags);
  to.number32(NFTA_SET_KEY_TYPE, form.type);
  to.number32(NFTA_SET_KEY_LEN, form.length);
  if ((form.flags & NFT_SET_EVAL) != 0) {
    // What has expired is counted until it is collected.
    const auto nest = to.beginNest(NFTA_SET_DESC);
    to.number32(NFTA_SET_DESC_SIZE, 64);
    to.endNest(nest);
  }
}

void createChain(Transaction& to, std::uint8_t family, const Design& design,
                 const std::string& chain) {
  to.begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family);
  to.text(NFTA_CHAIN_TABLE, design.table);
  to.text(NFTA_CHAIN_NAME, chain);
}

void createHook(Transaction& to, std::uint8_t family, const Design& design,
                const std::string& chain, std::uint32_t hook, const std::string& link = {}) {
  createChain(to, family, design, chain);
  const auto nest = to.beginNest(NFTA_CHAIN_HOOK);
  to.number32(NFTA_HOOK_HOOKNUM, hook);
  to.number32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(kPriority));
  if (!link.empty()) to.text(NFTA_HOOK_DEV, link);
  to.endNest(nest);
  to.number32(NFTA_CHAIN_POLICY, NF_ACCEPT);
  to.text(NFTA_CHAIN_TYPE, "filter");
}

void changeElements(Transaction& to, std::uint8_t family, const Design& design, const char* set,
                    const std::vector<Bytes>& keys, nf_tables_msg_types change,
                    std::uint64_t timeout_ms = 0) {
  for (std::size_t first = 0; first < keys.size(); first += kMostPerMessage) {
    to.begin(change, change == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, family);
    to.text(NFTA_SET_ELEM_LIST_TABLE, design.table);
    to.text(NFTA_SET_ELEM_LIST_SET, set);
    const auto list = to.beginNest(NFTA_SET_ELEM_LIST_ELEMENTS);
    const std::size_t end = std::min(keys.size(), first + kMostPerMessage);
    for (std::size_t i = first; i < end; ++i) {
      const auto element = to.beginNest(NFTA_LIST_ELEM);
      const auto key = to.beginNest(NFTA_SET_ELEM_KEY);
      to.bytes(NFTA_DATA_VALUE, keys[i]);
      to.endNest(key);
      if (timeout_ms != 0) to.number64(NFTA_SET_ELEM_TIMEOUT, timeout_ms);
      to.endNest(element);
    }
    to.endNest(list);
  }
}

enum class Direction { kArriving, kLeaving };

// What is the VIP's and of this machine ends here: C2, the rule says nothing where the address is
// not bound, so pods and bridged machines still reach a VIP that another node holds.
void dropIp(Transaction& to, std::uint8_t family, const Design& design, const char* chain,
            Direction direction, bool v6) {
  const bool arriving = direction == Direction::kArriving;
  Rule rule(to, family, design.table, chain);
  if (family == NFPROTO_INET) {
    rule.loadMeta(NFT_META_NFPROTO);
    rule.expect(Bytes{v6 ? std::uint8_t{NFPROTO_IPV6} : std::uint8_t{NFPROTO_IPV4}});
  } else {
    rule.loadMeta(NFT_META_PROTOCOL);
    rule.expect(etherType(v6 ? ETH_P_IPV6 : ETH_P_IP));
  }
  const std::uint32_t source = v6 ? 8 : 12;
  const std::uint32_t length = v6 ? 16 : 4;
  rule.loadPayload(NFT_PAYLOAD_NETWORK_HEADER, arriving ? source + length : source, length);
  rule.expectIn(v6 ? "vips6" : "vips4");
  rule.loadAddressType(arriving ? NFTA_FIB_F_DADDR : NFTA_FIB_F_SADDR);
  rule.expect(Bytes{RTN_LOCAL, 0, 0, 0});
  rule.count();
  rule.verdict(NF_DROP);
}

// Of what asks for the VIP, or says that it is here (RFC 826: sender at 14, target at 24).
void dropArp(Transaction& to, const Design& design, const char* chain, Direction direction) {
  Rule rule(to, NFPROTO_NETDEV, design.table, chain);
  rule.loadMeta(NFT_META_PROTOCOL);
  rule.expect(etherType(ETH_P_ARP));
  rule.loadPayload(NFT_PAYLOAD_NETWORK_HEADER, direction == Direction::kArriving ? 24 : 14, 4);
  rule.expectIn("vips4");
  rule.count();
  rule.verdict(NF_DROP);
}

void passWhileOpen(Transaction& to, std::uint8_t family, const Design& design, const char* chain) {
  Rule rule(to, family, design.table, chain);
  rule.loadMeta(family == NFPROTO_INET ? NFT_META_NFPROTO : NFT_META_PROTOCOL);
  rule.expectIn("lease");
  rule.verdict(NF_ACCEPT);
}

void createGateChain(Transaction& to, const Design& design, const char* chain,
                     Direction direction) {
  createChain(to, NFPROTO_NETDEV, design, chain);
  passWhileOpen(to, NFPROTO_NETDEV, design, chain);
  dropArp(to, design, chain, direction);
  dropIp(to, NFPROTO_NETDEV, design, chain, direction, false);
  dropIp(to, NFPROTO_NETDEV, design, chain, direction, true);
}

// One frame moves all three elements: they are of one instant.
void renewLease(Rule& rule, std::uint64_t timeout_ms) {
  for (const Bytes& protocol : protocols()) {
    rule.loadValue(protocol);
    rule.renewIn("lease", timeout_ms);
  }
}

void createPortRule(Transaction& to, const Design& design, Order order) {
  Rule rule(to, NFPROTO_NETDEV, design.table, "port");
  rule.loadMeta(NFT_META_PROTOCOL);
  rule.expect(etherType(kGateFrameType));
  const std::uint32_t mark = markOf(design.mark, order);
  rule.loadMeta(NFT_META_MARK);
  rule.expect({reinterpret_cast<const std::uint8_t*>(&mark), sizeof mark});
  rule.loadValue(protocols()[0]);
  switch (order) {
    case Order::kTicket:
      rule.renewIn("ticket", kTicketMs);
      break;
    case Order::kAcquire:
      rule.expectIn("ticket");
      renewLease(rule, std::min(kTicketMs, design.timeout_ms));
      break;
    case Order::kRenew:
      // Only what lives is extended: a frame that comes late opens nothing.
      rule.expectIn("lease");
      renewLease(rule, design.timeout_ms);
      break;
    case Order::kClose:
      rule.removeFrom("ticket");
      for (const Bytes& protocol : protocols()) {
        rule.loadValue(protocol);
        rule.removeFrom("lease");
      }
      break;
  }
  rule.setPacketType(kTakenPacketType);
  rule.count();
  rule.verdict(NF_ACCEPT);
}

void createNetdev(Transaction& to, const Design& design) {
  constexpr std::uint32_t kTimed = NFT_SET_EVAL | NFT_SET_TIMEOUT;
  createTable(to, NFPROTO_NETDEV, design);
  createSet(to, NFPROTO_NETDEV, design, {"lease", kEtherType, 2, kTimed});
  createSet(to, NFPROTO_NETDEV, design, {"ticket", kEtherType, 2, kTimed});
  createSet(to, NFPROTO_NETDEV, design, {"vips4", kIpv4Address, 4});
  createSet(to, NFPROTO_NETDEV, design, {"vips6", kIpv6Address, 16});
  createGateChain(to, design, "arriving", Direction::kArriving);
  createGateChain(to, design, "leaving", Direction::kLeaving);
  createHook(to, NFPROTO_NETDEV, design, "port", NF_NETDEV_INGRESS, "lo");
  for (const Order order : {Order::kRenew, Order::kTicket, Order::kAcquire, Order::kClose}) {
    createPortRule(to, design, order);
  }
}

void createInet(Transaction& to, const Design& design) {
  createTable(to, NFPROTO_INET, design);
  createSet(to, NFPROTO_INET, design, {"lease", kProtocolFamily, 1, NFT_SET_TIMEOUT});
  createSet(to, NFPROTO_INET, design, {"ticket", kProtocolFamily, 1, NFT_SET_TIMEOUT});
  createSet(to, NFPROTO_INET, design, {"vips4", kIpv4Address, 4});
  createSet(to, NFPROTO_INET, design, {"vips6", kIpv6Address, 16});
  createHook(to, NFPROTO_INET, design, "arriving", NF_INET_PRE_ROUTING);
  createHook(to, NFPROTO_INET, design, "leaving", NF_INET_LOCAL_OUT);
  for (const auto& [chain, direction] :
       {std::pair{"arriving", Direction::kArriving}, std::pair{"leaving", Direction::kLeaving}}) {
    passWhileOpen(to, NFPROTO_INET, design, chain);
    dropIp(to, NFPROTO_INET, design, chain, direction, false);
    dropIp(to, NFPROTO_INET, design, chain, direction, true);
  }
}

// Linux answers for an address on every link that it is asked on (arp_ignore 0): the VIP is said
// on its own links alone.
void createArp(Transaction& to, const Design& design) {
  createTable(to, NFPROTO_ARP, design);
  createSet(to, NFPROTO_ARP, design, {"vips4", kIpv4Address, 4});
  createSet(to, NFPROTO_ARP, design, {"homes", kHome, IFNAMSIZ + 4});
  if (design.shape == Shape::kInet) {
    createSet(to, NFPROTO_ARP, design, {"lease", kEtherType, 2, NFT_SET_TIMEOUT});
  }
  createHook(to, NFPROTO_ARP, design, "answering", NF_ARP_OUT);
  {
    Rule rule(to, NFPROTO_ARP, design.table, "answering");
    if (design.shape == Shape::kInet) {
      rule.loadPayload(NFT_PAYLOAD_NETWORK_HEADER, 2, 2);  // The protocol asked for: IPv4.
      rule.expectIn("lease");
    }
    rule.loadMeta(NFT_META_OIFNAME, NFT_REG_1);
    rule.loadPayload(NFT_PAYLOAD_NETWORK_HEADER, 14, 4, NFT_REG_2);
    rule.expectIn("homes");
    rule.verdict(NF_ACCEPT);
  }
  Rule rule(to, NFPROTO_ARP, design.table, "answering");
  rule.loadPayload(NFT_PAYLOAD_NETWORK_HEADER, 14, 4);
  rule.expectIn("vips4");
  rule.count();
  rule.verdict(NF_DROP);
}

void changeArmed(Transaction& to, const Design& design, const Armed& armed,
                 nf_tables_msg_types change) {
  std::vector<Bytes> v4;
  std::vector<Bytes> v6;
  std::vector<Bytes> homes;
  for (const IpAddress& vip : armed.vips) (vip.isV4() ? v4 : v6).push_back(bytesOf(vip));
  for (const auto& [link, vip] : armed.homes) homes.push_back(homeOf(link, vip));
  const std::uint8_t family = familyOf(design.shape);
  // What arrives is stopped before what would answer it, and let go in the opposite order; in one
  // transaction it is the same instant, in several it is not.
  changeElements(to, family, design, "vips4", v4, change);
  changeElements(to, family, design, "vips6", v6, change);
  changeElements(to, NFPROTO_ARP, design, "homes", homes, change);
  changeElements(to, NFPROTO_ARP, design, "vips4", v4, change);
}

const std::vector<Bytes>& families() {
  static const std::vector<Bytes> both{{NFPROTO_IPV4}, {NFPROTO_IPV6}};
  return both;
}

void changeLease(Transaction& to, const Design& design, nf_tables_msg_types change,
                 std::uint64_t timeout_ms = 0) {
  changeElements(to, NFPROTO_INET, design, "lease", families(), change, timeout_ms);
  changeElements(to, NFPROTO_ARP, design, "lease", {etherType(ETH_P_IP)}, change, timeout_ms);
}

void changeTicket(Transaction& to, const Design& design, nf_tables_msg_types change,
                  std::uint64_t timeout_ms = 0) {
  changeElements(to, NFPROTO_INET, design, "ticket", {{NFPROTO_IPV4}}, change, timeout_ms);
}

}  // namespace

std::uint8_t familyOf(Shape shape) {
  return shape == Shape::kNetdev ? std::uint8_t{NFPROTO_NETDEV} : std::uint8_t{NFPROTO_INET};
}

std::size_t rulesOf(const Design& design, const Armed& armed) {
  constexpr std::size_t kArpRules = 2;
  if (design.shape == Shape::kInet) return 6 + kArpRules;
  return 12 + 2 * armed.links.size() + kArpRules;
}

void deleteTable(Transaction& to, std::uint8_t family, const Design& design) {
  to.begin(NFT_MSG_DELTABLE, 0, family);
  to.text(NFTA_TABLE_NAME, design.table);
}

void createTables(Transaction& to, const Design& design) {
  if (design.shape == Shape::kNetdev) {
    createNetdev(to, design);
  } else {
    createInet(to, design);
  }
  createArp(to, design);
}

std::string arrivalChain(const std::string& link) { return "arrive-" + link; }
std::string departureChain(const std::string& link) { return "leave-" + link; }

void addLink(Transaction& to, const Design& design, const std::string& link) {
  createHook(to, NFPROTO_NETDEV, design, arrivalChain(link), NF_NETDEV_INGRESS, link);
  Rule(to, NFPROTO_NETDEV, design.table, arrivalChain(link))
      .verdict(static_cast<std::uint32_t>(NFT_JUMP), "arriving");
  createHook(to, NFPROTO_NETDEV, design, departureChain(link), kEgress, link);
  Rule(to, NFPROTO_NETDEV, design.table, departureChain(link))
      .verdict(static_cast<std::uint32_t>(NFT_JUMP), "leaving");
}

void removeLink(Transaction& to, const Design& design, const std::string& link) {
  removeChain(to, design, arrivalChain(link));
  removeChain(to, design, departureChain(link));
}

void removeChain(Transaction& to, const Design& design, const std::string& chain) {
  to.begin(NFT_MSG_DELCHAIN, 0, NFPROTO_NETDEV);
  to.text(NFTA_CHAIN_TABLE, design.table);
  to.text(NFTA_CHAIN_NAME, chain);
}

void addElements(Transaction& to, const Design& design, const Armed& armed) {
  changeArmed(to, design, armed, NFT_MSG_NEWSETELEM);
}

void removeElements(Transaction& to, const Design& design, const Armed& armed) {
  changeArmed(to, design, armed, NFT_MSG_DELSETELEM);
}

void appendOrder(Transaction& to, const Design& design, Order order) {
  // An element is not refreshed by being added again (fencing.md C3): it is deleted and added in
  // one transaction, which fails where it has expired.
  switch (order) {
    case Order::kTicket:
      changeTicket(to, design, NFT_MSG_DELSETELEM);
      return appendFirstTicket(to, design);
    case Order::kAcquire:
      changeTicket(to, design, NFT_MSG_DELSETELEM);
      return changeLease(to, design, NFT_MSG_NEWSETELEM, std::min(kTicketMs, design.timeout_ms));
    case Order::kRenew:
      changeLease(to, design, NFT_MSG_DELSETELEM);
      return changeLease(to, design, NFT_MSG_NEWSETELEM, design.timeout_ms);
    case Order::kClose:
      return changeLease(to, design, NFT_MSG_DELSETELEM);
  }
}

void appendFirstTicket(Transaction& to, const Design& design) {
  changeTicket(to, design, NFT_MSG_NEWSETELEM, kTicketMs);
}

}  // namespace fairlead::nft
