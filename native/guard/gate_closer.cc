#include "guard/gate_closer.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/gate_frame.h"
#include "guard/protocol.h"

namespace fairlead::guard {

void GateCloser::open() {
  // Of no protocol: it receives nothing, and so has no queue that could fill.
  socket_ = UniqueFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  refusal_ = socket_.valid() ? 0 : errno;
}

int GateCloser::setGate(std::span<const std::uint8_t> body) {
  if (body.empty()) {
    armed_ = false;
    return 0;
  }
  GateRecord record;
  if (body.size() != sizeof(record)) return EINVAL;
  memcpy(&record, body.data(), sizeof(record));
  if (!socket_.valid()) return refusal_;
  const int failed =
      setsockopt(socket_.get(), SOL_SOCKET, SO_MARK, &record.close_mark, sizeof(record.close_mark));
  if (failed != 0) return errno;
  armed_ = true;
  return 0;
}

void GateCloser::close() const {
  if (!armed_) return;
  constexpr int kLoopback = 1;  // In every network namespace, lo is the first link.
  sockaddr_ll lo = {};
  lo.sll_family = AF_PACKET;
  lo.sll_protocol = htons(kGateFrameType);
  lo.sll_ifindex = kLoopback;
  sendto(socket_.get(), &kGateFrame, sizeof(kGateFrame), MSG_DONTWAIT | MSG_NOSIGNAL,
         reinterpret_cast<const sockaddr*>(&lo), sizeof(lo));
}

}  // namespace fairlead::guard
