#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "guard/protocol.h"

namespace fairlead::guard {

struct Datagram {
  DatagramRecord to{};
  std::uint8_t bytes[kMaxDatagramBytes] = {};

  [[nodiscard]] std::span<const std::uint8_t> payload() const { return {bytes, to.length}; }
};

// What the daemon wants done when it cannot do it itself, in memory of fixed size. Both setters
// return an errno, and on any but 0 keep what was set before.
class Orders {
 public:
  int setAddresses(std::span<const std::uint8_t> body);
  int setResignation(std::span<const std::uint8_t> body);

  [[nodiscard]] std::span<const AddressRecord> addresses() const {
    return {addresses_, address_count_};
  }
  [[nodiscard]] std::span<const Datagram> resignation() const {
    return {resignation_, datagram_count_};
  }
  [[nodiscard]] bool empty() const { return address_count_ == 0 && datagram_count_ == 0; }
  void clear() { address_count_ = datagram_count_ = 0; }

 private:
  AddressRecord addresses_[kMaxAddresses] = {};
  std::size_t address_count_ = 0;
  Datagram resignation_[kMaxDatagrams] = {};
  std::size_t datagram_count_ = 0;
};

}  // namespace fairlead::guard
