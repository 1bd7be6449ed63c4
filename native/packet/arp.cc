#include "packet/arp.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>

namespace fairlead {

ArpFrame arpAnnouncement(const MacAddress& mac, const Ipv4Bytes& vip, ArpForm form) {
  constexpr MacAddress kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  const bool request = form == ArpForm::kRequest;
  return {
      .ethernet = {.destination = kBroadcast, .source = mac, .ether_type = htons(ETHERTYPE_ARP)},
      .hardware_type = htons(ARPHRD_ETHER),
      .protocol_type = htons(ETHERTYPE_IP),
      .hardware_length = sizeof(MacAddress),
      .protocol_length = sizeof(Ipv4Bytes),
      .operation = htons(request ? ARPOP_REQUEST : ARPOP_REPLY),
      .sender_mac = mac,
      .sender_ip = vip,
      // In a request it is unknown, so zero (RFC 5227 §2.1.1). A reply must name the sender again:
      // with zero or broadcast there, Linux ignores it while its own entry is younger than a
      // second.
      .target_mac = request ? MacAddress{} : mac,
      .target_ip = vip,
  };
}

ArpFrame arpProbe(const MacAddress& mac, const Ipv4Bytes& vip) {
  ArpFrame frame = arpAnnouncement(mac, vip, ArpForm::kRequest);
  frame.sender_ip = {};
  return frame;
}

}  // namespace fairlead
