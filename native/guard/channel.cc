#include "guard/channel.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fairlead::guard {

std::span<const std::uint8_t> Channel::body() const {
  return {body_, header_.length - sizeof(FrameHeader)};
}

// Reads on until `wanted` bytes of the present frame have arrived, of which those from `received_`
// on belong at `to`.
Received Channel::fill(void* to, std::size_t wanted) {
  auto* place = static_cast<std::uint8_t*>(to);
  while (received_ < wanted) {
    const ssize_t length = recv(fd_, place, wanted - received_, MSG_DONTWAIT);
    if (length > 0) {
      received_ += static_cast<std::size_t>(length);
      place += length;
    } else if (length < 0 && errno == EINTR) {
      continue;
    } else {
      return length < 0 && errno == EAGAIN ? Received::kNothing : Received::kEnd;
    }
  }
  return Received::kFrame;
}

Received Channel::receive() {
  if (received_ < sizeof(header_)) {
    auto* const place = reinterpret_cast<std::uint8_t*>(&header_) + received_;
    const Received state = fill(place, sizeof(header_));
    if (state != Received::kFrame) return state;
    if (header_.magic != kMagic || header_.length < sizeof(header_) ||
        header_.length > kMaxSkippedBytes) {
      return Received::kEnd;
    }
  }
  const bool fits = header_.length - sizeof(header_) <= kMaxBodyBytes;
  while (!fits && received_ < header_.length) {
    const Received state =
        fill(body_, std::min<std::size_t>(header_.length, received_ + kMaxBodyBytes));
    if (state != Received::kFrame) return state;
  }
  const Received state = fill(body_ + (fits ? received_ - sizeof(header_) : 0), header_.length);
  if (state != Received::kFrame) return state;
  received_ = 0;
  return fits ? Received::kFrame : Received::kTooLong;
}

void Channel::sendFrame(FrameKind kind, std::uint32_t number, const void* record,
                        std::size_t bytes) {
  std::uint8_t frame[sizeof(FrameHeader) + 64];
  const FrameHeader header{.length = static_cast<std::uint32_t>(sizeof(header) + bytes),
                           .magic = kMagic,
                           .kind = kind,
                           .number = number};
  memcpy(frame, &header, sizeof(header));
  memcpy(frame + sizeof(header), record, std::min(bytes, sizeof(frame) - sizeof(header)));
  // So few bytes are one buffer of the socket: they go whole or not at all.
  ::send(fd_, frame, header.length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace fairlead::guard
