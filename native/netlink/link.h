#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/mac_address.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "netlink/socket.h"

namespace fairlead {

struct Link {
  std::uint32_t index = 0;
  std::string name{};
  std::optional<MacAddress> mac{};
  bool up = false;
  bool carrier = false;
  bool loopback = false;
  std::uint32_t mtu = 0;
  bool ipv6_forwarding = false;
  std::uint32_t master = 0;
};

struct LinkChange {
  std::string name{};
  std::optional<bool> up{};
  std::optional<std::string> master{};
};

Result<std::vector<Link>> listLinks(NetlinkSocket& socket);

// Networks of namespaces, for the demo and the tests. Links are named, not numbered, because they
// are about to be made; the name is looked up in the calling thread's namespace.
Result<Done> createBridge(NetlinkSocket& socket, const std::string& name);
Result<Done> createVeth(NetlinkSocket& socket, const std::string& name,
                        const std::string& peer_name, const UniqueFd& peer_namespace);
Result<Done> setLink(NetlinkSocket& socket, const LinkChange& change);
Result<Done> deleteLink(NetlinkSocket& socket, const std::string& name);

}  // namespace fairlead
