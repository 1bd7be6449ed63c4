#include "packet/claim_filter.h"

#include <linux/bpf_common.h>

#include <cstddef>

#include "packet/arp.h"
#include "packet/ndp.h"

namespace fairlead {
namespace {

constexpr std::size_t kMaxNamedLinks = 64;
constexpr std::uint32_t kWholeFrame = 0xffff;
constexpr std::uint32_t kIcmp6 = 58;
constexpr std::uint32_t kNeighborSolicitation = 135;
constexpr std::uint32_t kNeighborAdvertisement = 136;

constexpr sock_filter statement(std::uint16_t code, std::uint32_t k) { return {code, 0, 0, k}; }
constexpr sock_filter jump(std::uint32_t k, std::size_t if_equal, std::size_t if_not) {
  return {BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint8_t>(if_equal),
          static_cast<std::uint8_t>(if_not), k};
}
constexpr sock_filter kPass = statement(BPF_RET | BPF_K, kWholeFrame);
constexpr sock_filter kDrop = statement(BPF_RET | BPF_K, 0);

// What ends at once unless the frame came in on one of `links`.
std::vector<sock_filter> onLinks(std::span<const std::uint32_t> links) {
  if (links.size() > kMaxNamedLinks) return {};
  std::vector<sock_filter> program{
      statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_IFINDEX))};
  for (std::size_t i = 0; i < links.size(); ++i) {
    program.push_back(jump(links[i], links.size() - i, 0));  // Over the rest, and over kDrop.
  }
  program.push_back(kDrop);
  return program;
}

}  // namespace

std::vector<sock_filter> arpClaimFilter(std::span<const std::uint32_t> links) {
  if (links.empty()) return {kDrop};
  auto program = onLinks(links);
  // A probe has no sender address (RFC 5227 §2.1.1), and hosts send them by the dozen.
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(ArpFrame, sender_ip)));
  program.push_back(jump(0, 0, 1));
  program.push_back(kDrop);
  program.push_back(kPass);
  return program;
}

std::vector<sock_filter> ndpClaimFilter(std::span<const std::uint32_t> links) {
  if (links.empty()) return {kDrop};
  auto program = onLinks(links);
  const std::size_t next_header = sizeof(EthernetHeader) + offsetof(Ipv6Header, next_header);
  const std::size_t type = sizeof(EthernetHeader) + sizeof(Ipv6Header);
  program.push_back(statement(BPF_LD | BPF_B | BPF_ABS, static_cast<std::uint32_t>(next_header)));
  program.push_back(jump(kIcmp6, 0, 3));
  program.push_back(statement(BPF_LD | BPF_B | BPF_ABS, static_cast<std::uint32_t>(type)));
  program.push_back(jump(kNeighborSolicitation, 2, 0));
  program.push_back(jump(kNeighborAdvertisement, 1, 0));
  program.push_back(kDrop);
  program.push_back(kPass);
  return program;
}

}  // namespace fairlead
