#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "guard/protocol.h"

namespace fairlead::guard {

enum class Received {
  kNothing,  // No whole frame yet.
  kFrame,
  kTooLong,  // A frame of a known form beyond the limits; its body has been skipped.
  kEnd,      // The daemon is gone, or what it sends makes no sense any more.
};

// The guard's end of the socket to the daemon. Neither direction ever blocks.
class Channel {
 public:
  explicit Channel(int fd) : fd_(fd) {}

  // Takes at most one frame from the socket, which stays readable while there is more.
  Received receive();

  // The frame that receive() returned last; valid until it is called again.
  [[nodiscard]] const FrameHeader& header() const { return header_; }
  [[nodiscard]] std::span<const std::uint8_t> body() const;

  // A frame that the socket has no room for is dropped: a daemon that does not read is one that
  // will miss its answer and replace this guard.
  template <typename Record>
  void send(FrameKind kind, std::uint32_t number, const Record& record) {
    sendFrame(kind, number, &record, sizeof(record));
  }

 private:
  static constexpr std::size_t kMaxBodyBytes = kMaxAddresses * sizeof(AddressRecord);
  static_assert(kMaxDatagrams * (sizeof(DatagramRecord) + kMaxDatagramBytes) <= kMaxBodyBytes);

  void sendFrame(FrameKind kind, std::uint32_t number, const void* record, std::size_t bytes);
  Received fill(void* to, std::size_t wanted);

  int fd_;
  FrameHeader header_{};
  std::size_t received_ = 0;  // Bytes of the frame that have arrived.
  std::uint8_t body_[kMaxBodyBytes] = {};
};

}  // namespace fairlead::guard
