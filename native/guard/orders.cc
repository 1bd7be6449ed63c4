#include "guard/orders.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fairlead::guard {
namespace {

bool isAddress(const AddressRecord& record) {
  const int longest_prefix = record.family == AF_INET ? 32 : 128;
  return record.link != 0 && (record.family == AF_INET || record.family == AF_INET6) &&
         record.prefix_length <= longest_prefix;
}

// The datagram at the head of `body`, or false when there is no whole one. What it took is cut off.
bool takeDatagram(std::span<const std::uint8_t>& body, Datagram& datagram) {
  if (body.size() < sizeof(DatagramRecord)) return false;
  memcpy(&datagram.to, body.data(), sizeof(DatagramRecord));
  body = body.subspan(sizeof(DatagramRecord));
  const DatagramRecord& to = datagram.to;
  if (to.length > std::min(body.size(), kMaxDatagramBytes)) return false;
  if (to.port == 0 || (to.family != AF_INET && to.family != AF_INET6)) return false;
  memcpy(datagram.bytes, body.data(), to.length);
  body = body.subspan(to.length);
  return true;
}

}  // namespace

int Orders::setAddresses(std::span<const std::uint8_t> body) {
  if (body.size() % sizeof(AddressRecord) != 0) return EINVAL;
  const std::size_t count = body.size() / sizeof(AddressRecord);
  if (count > kMaxAddresses) return E2BIG;
  for (std::size_t i = 0; i < count; ++i) {
    AddressRecord record;
    memcpy(&record, body.data() + i * sizeof(record), sizeof(record));
    if (!isAddress(record)) return EINVAL;
  }
  memcpy(addresses_, body.data(), body.size());
  address_count_ = count;
  return 0;
}

int Orders::setResignation(std::span<const std::uint8_t> body) {
  // Once to see that all of it makes sense, and once to take it.
  std::size_t count = 0;
  Datagram scratch;
  for (auto rest = body; !rest.empty(); ++count) {
    if (!takeDatagram(rest, scratch)) return EINVAL;
  }
  if (count > kMaxDatagrams) return E2BIG;
  for (std::size_t i = 0; i < count; ++i) takeDatagram(body, resignation_[i]);
  datagram_count_ = count;
  return 0;
}

}  // namespace fairlead::guard
