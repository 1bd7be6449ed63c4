#include "packet/packet_socket.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>

#include "packet/arp.h"
#include "packet/ndp.h"

namespace fairlead {
namespace {

constexpr std::size_t kBatch = 512;
// A link whose queue does not drain refuses frames; it does not hold the thread.
constexpr timeval kSendTimeout{.tv_sec = 1, .tv_usec = 0};

// Frames of one sendmmsg, with all that it points to.
class FrameBatch {
 public:
  FrameBatch() : slots_(kBatch), messages_(kBatch) {}

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] mmsghdr* messages(std::size_t first) { return messages_.data() + first; }
  [[nodiscard]] std::size_t elementOf(std::size_t frame) const { return slots_[frame].element; }
  [[nodiscard]] bool roomFor(std::size_t frames) const { return count_ + frames <= kBatch; }
  void clear() { count_ = 0; }

  template <typename Frame>
  void add(const Frame& frame, std::uint32_t link, std::size_t element) {
    static_assert(sizeof frame <= sizeof(Slot::bytes));
    Slot& slot = slots_[count_];
    std::memcpy(slot.bytes.data(), &frame, sizeof frame);
    slot.element = element;
    slot.vector = {.iov_base = slot.bytes.data(), .iov_len = sizeof frame};
    slot.to = {.sll_family = AF_PACKET,
               .sll_protocol = frame.ethernet.ether_type,
               .sll_ifindex = static_cast<int>(link),
               .sll_hatype = 0,
               .sll_pkttype = 0,
               .sll_halen = 0,
               .sll_addr = {}};
    msghdr& header = messages_[count_].msg_hdr;
    header = {};
    header.msg_name = &slot.to;
    header.msg_namelen = sizeof slot.to;
    header.msg_iov = &slot.vector;
    header.msg_iovlen = 1;
    ++count_;
  }

 private:
  struct Slot {
    std::array<std::uint8_t, sizeof(NeighborAdvertisementFrame)> bytes;
    std::size_t element;
    iovec vector;
    sockaddr_ll to;
  };

  std::vector<Slot> slots_;
  std::vector<mmsghdr> messages_;
  std::size_t count_ = 0;
};

void addFrames(FrameBatch& batch, Speech speech, const Announcement& announcement,
               std::size_t element) {
  const std::uint8_t* const address = announcement.address.storage.data();
  if (announcement.address.isV4()) {
    Ipv4Bytes vip{};
    std::copy_n(address, vip.size(), vip.begin());
    if (speech == Speech::kProbe) {
      batch.add(arpProbe(announcement.mac, vip), announcement.link, element);
      return;
    }
    for (const ArpForm form : {ArpForm::kRequest, ArpForm::kReply}) {
      batch.add(arpAnnouncement(announcement.mac, vip, form), announcement.link, element);
    }
    return;
  }
  Ipv6Bytes vip{};
  std::copy_n(address, vip.size(), vip.begin());
  if (speech == Speech::kProbe) {
    batch.add(duplicateSolicitation(announcement.mac, vip), announcement.link, element);
    return;
  }
  batch.add(unsolicitedAdvertisement(announcement.mac, vip, announcement.router), announcement.link,
            element);
}

// sendmmsg stops at the first refused frame: its announcement is marked, and the rest goes on.
void sendBatch(int fd, FrameBatch& batch, std::span<Outcome> outcomes) {
  std::size_t next = 0;
  while (next < batch.count()) {
    const int sent =
        ::sendmmsg(fd, batch.messages(next), static_cast<unsigned>(batch.count() - next), 0);
    if (sent > 0) {
      next += static_cast<std::size_t>(sent);
    } else if (errno != EINTR) {
      outcomes[batch.elementOf(next)] = lastError("sendmmsg");
      ++next;
    }
  }
}

}  // namespace

Result<PacketSocket> PacketSocket::open() {
  // Protocol 0: nothing is received. PACKET_QDISC_BYPASS stays off, because with it frames also
  // pass by the egress hook at which the gate stops what may not leave (net/core/dev.c,
  // __dev_direct_xmit).
  UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return lastError("socket(AF_PACKET)");
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout) != 0) {
    return lastError("setsockopt(SO_SNDTIMEO)");
  }
  return PacketSocket(std::move(fd));
}

std::vector<Outcome> PacketSocket::say(Speech speech, std::span<const Announcement> announcements,
                                       const Permit& permit) {
  std::vector<Outcome> outcomes(announcements.size());
  FrameBatch batch;
  std::size_t next = 0;
  while (next < announcements.size()) {
    const std::size_t begin = next;
    batch.clear();
    while (next < announcements.size() && batch.roomFor(2)) {
      addFrames(batch, speech, announcements[next], next);
      ++next;
    }
    if (const int refusal = permit.refusal(); refusal != 0) {
      std::fill(outcomes.begin() + static_cast<std::ptrdiff_t>(begin), outcomes.end(),
                SystemError{refusal, "sendmmsg"});
      return outcomes;
    }
    sendBatch(fd_.get(), batch, outcomes);
  }
  return outcomes;
}

}  // namespace fairlead
