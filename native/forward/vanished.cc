#include "forward/vanished.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace fairlead {
namespace {

// One probe may be lost, and its answer another time.
constexpr std::uint8_t kUnansweredProbes = 3;

}  // namespace

bool peerVanished(const UniqueFd& socket, std::uint32_t ms) {
  // Most have nothing on the way (tcp(7), SIOCOUTQ), and this is the cheaper question.
  int unacknowledged = 0;
  if (::ioctl(socket.get(), SIOCOUTQ, &unacknowledged) != 0 || unacknowledged == 0) return false;
  tcp_info info{};
  socklen_t length = sizeof(info);
  if (::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return false;
  const bool asked = info.tcpi_unacked > 0 || info.tcpi_probes >= kUnansweredProbes;
  return asked && info.tcpi_last_ack_recv >= ms;
}

}  // namespace fairlead
