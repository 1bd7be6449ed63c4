#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/unique_fd.h"
#include "guard/orders.h"

namespace fairlead::guard {

struct Withdrawn {
  std::uint32_t deleted = 0;
  std::uint32_t failed = 0;
  std::uint32_t error = 0;  // The errno of the first failure.
};

// The sockets that a withdrawal needs, opened while there is time: nothing that the guard does in
// an emergency may depend on a free file descriptor or on memory.
class Withdrawal {
 public:
  // The name of the call that failed, with errno set, or null.
  const char* open();

  // Deletes the addresses and waits for the kernel to confirm it. One that is not there, or whose
  // link is not, counts as deleted.
  Withdrawn deleteAddresses(std::span<const AddressRecord> addresses);

  // Returns how many went out.
  std::uint32_t send(std::span<const Datagram> datagrams);

 private:
  // Of one request: two copies of the address, so that the kernel compares the prefix length too.
  static constexpr std::size_t kMaxRequestBytes = 64;
  // The kernel answers a failed request with a message of about 1 KB of the receive buffer, which
  // has 208 KB by default.
  static constexpr std::size_t kBatch = 128;

  Withdrawn deleteBatch(std::span<const AddressRecord> batch);
  Withdrawn readOutcome(std::size_t batch_size, std::uint32_t first_sequence);

  UniqueFd netlink_;
  UniqueFd udp4_;
  UniqueFd udp6_;
  std::uint32_t sequence_ = 0;
  alignas(8) std::uint8_t requests_[kBatch * kMaxRequestBytes] = {};
};

}  // namespace fairlead::guard
