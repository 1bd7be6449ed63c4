#include "netlink/link.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/veth.h>

namespace fairlead {

// Declared in <net/if.h>, which cannot stand beside <linux/if.h> in one file.
extern "C" unsigned int if_nametoindex(const char* name) noexcept;

namespace {

constexpr std::uint32_t kSkipStatistics = 1U << 3;  // RTEXT_FILTER_SKIP_STATS, rtnetlink.h

ifinfomsg anyLink() {
  return {.ifi_family = AF_UNSPEC,
          .__ifi_pad = 0,
          .ifi_type = 0,
          .ifi_index = 0,
          .ifi_flags = 0,
          .ifi_change = 0};
}

// IFLA_AF_SPEC holds a list of families, AF_INET6 among them, which holds the link's settings as an
// array in the order of the DEVCONF_ constants.
bool readIpv6Forwarding(std::span<const std::uint8_t> families) {
  bool forwarding = false;
  forEachAttribute(families, [&](int family, auto settings) {
    if (family != AF_INET6) return;
    forEachAttribute(settings, [&](int type, auto values) {
      if (type != IFLA_INET6_CONF) return;
      const std::size_t offset = DEVCONF_FORWARDING * sizeof(std::int32_t);
      if (values.size() < offset) return;
      forwarding = readValue<std::int32_t>(values.subspan(offset)).value_or(0) != 0;
    });
  });
  return forwarding;
}

std::optional<Link> readLink(const Message& message) {
  const auto header = readValue<ifinfomsg>(message.payload);
  if (!header || message.header.nlmsg_type != RTM_NEWLINK) return std::nullopt;
  Link link{.index = static_cast<std::uint32_t>(header->ifi_index),
            .up = (header->ifi_flags & IFF_UP) != 0,
            .carrier = (header->ifi_flags & IFF_LOWER_UP) != 0,
            .loopback = (header->ifi_flags & IFF_LOOPBACK) != 0};
  forEachAttribute(after(message.payload, sizeof *header), [&](int type, auto value) {
    if (type == IFLA_IFNAME) link.name = readText(value);
    if (type == IFLA_MTU) link.mtu = readValue<std::uint32_t>(value).value_or(0);
    if (type == IFLA_MASTER) link.master = readValue<std::uint32_t>(value).value_or(0);
    if (type == IFLA_ADDRESS && value.size() == sizeof(MacAddress)) {
      link.mac = readValue<MacAddress>(value);
    }
    if (type == IFLA_AF_SPEC) link.ipv6_forwarding = readIpv6Forwarding(value);
  });
  return link;
}

Result<std::uint32_t> indexOf(const std::string& name, const char* syscall) {
  const unsigned int index = if_nametoindex(name.c_str());
  if (index == 0) return lastError(syscall);
  return index;
}

}  // namespace

Result<std::vector<Link>> listLinks(NetlinkSocket& socket) {
  std::vector<Link> links;
  RequestBatch request;
  request.begin(RTM_GETLINK, NLM_F_DUMP, anyLink());
  request.valueAttribute(IFLA_EXT_MASK, kSkipStatistics);
  const auto done = socket.dump(
      request, "RTM_GETLINK", [&] { links.clear(); },
      [&](const Message& message) {
        if (auto link = readLink(message)) links.push_back(std::move(*link));
      });
  if (!done.ok()) return done.error();
  return links;
}

Result<Done> createBridge(NetlinkSocket& socket, const std::string& name) {
  RequestBatch request;
  request.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, anyLink());
  request.textAttribute(IFLA_IFNAME, name);
  const std::size_t kind = request.beginNest(IFLA_LINKINFO);
  request.textAttribute(IFLA_INFO_KIND, "bridge");
  request.endNest(kind);
  return socket.transact(request, "RTM_NEWLINK");
}

Result<Done> createVeth(NetlinkSocket& socket, const std::string& name,
                        const std::string& peer_name, const UniqueFd& peer_namespace) {
  RequestBatch request;
  request.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, anyLink());
  request.textAttribute(IFLA_IFNAME, name);
  const std::size_t kind = request.beginNest(IFLA_LINKINFO);
  request.textAttribute(IFLA_INFO_KIND, "veth");
  const std::size_t options = request.beginNest(IFLA_INFO_DATA);
  const std::size_t peer = request.beginNest(VETH_INFO_PEER);
  request.nestedBody(anyLink());
  request.textAttribute(IFLA_IFNAME, peer_name);
  request.valueAttribute(IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer_namespace.get()));
  request.endNest(peer);
  request.endNest(options);
  request.endNest(kind);
  return socket.transact(request, "RTM_NEWLINK");
}

Result<Done> setLink(NetlinkSocket& socket, const LinkChange& change) {
  const auto index = indexOf(change.name, "RTM_SETLINK");
  if (!index.ok()) return index.error();
  ifinfomsg header = anyLink();
  header.ifi_index = static_cast<int>(index.value());
  if (change.up) {
    header.ifi_change = IFF_UP;
    header.ifi_flags = *change.up ? IFF_UP : 0;
  }
  RequestBatch request;
  request.begin(RTM_SETLINK, 0, header);
  if (change.master) {
    const auto master = indexOf(*change.master, "RTM_SETLINK");
    if (!master.ok()) return master.error();
    request.valueAttribute(IFLA_MASTER, master.value());
  }
  return socket.transact(request, "RTM_SETLINK");
}

Result<Done> deleteLink(NetlinkSocket& socket, const std::string& name) {
  RequestBatch request;
  request.begin(RTM_DELLINK, 0, anyLink());
  request.textAttribute(IFLA_IFNAME, name);
  return socket.transact(request, "RTM_DELLINK");
}

}  // namespace fairlead
