#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace fairlead {

// A message as the kernel sent it: its header, and the bytes behind the header.
struct Message {
  nlmsghdr header;
  std::span<const std::uint8_t> payload;
};

// The fixed structure at the front of `bytes`, or nothing when they are too few.
template <typename Value>
std::optional<Value> readValue(std::span<const std::uint8_t> bytes) {
  static_assert(std::is_trivially_copyable_v<Value>);
  if (bytes.size() < sizeof(Value)) return std::nullopt;
  Value value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// What follows the first `size` bytes, rounded up to netlink's alignment.
inline std::span<const std::uint8_t> after(std::span<const std::uint8_t> bytes, std::size_t size) {
  const std::size_t aligned = NLMSG_ALIGN(size);
  return aligned >= bytes.size() ? std::span<const std::uint8_t>{} : bytes.subspan(aligned);
}

// Calls `visit(message)` for each message of a received buffer; stops at bytes that cannot be one.
template <typename Visit>
void forEachMessage(std::span<const std::uint8_t> bytes, Visit visit) {
  while (const auto header = readValue<nlmsghdr>(bytes)) {
    if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > bytes.size()) return;
    visit(Message{.header = *header,
                  .payload = bytes.subspan(NLMSG_HDRLEN, header->nlmsg_len - NLMSG_HDRLEN)});
    bytes = after(bytes, header->nlmsg_len);
  }
}

// Calls `visit(type, value)` for each attribute; flags in the type are masked out.
template <typename Visit>
void forEachAttribute(std::span<const std::uint8_t> bytes, Visit visit) {
  while (const auto header = readValue<rtattr>(bytes)) {
    if (header->rta_len < sizeof(rtattr) || header->rta_len > bytes.size()) return;
    visit(header->rta_type & NLA_TYPE_MASK,
          bytes.subspan(sizeof(rtattr), header->rta_len - sizeof(rtattr)));
    bytes = after(bytes, header->rta_len);
  }
}

// A string attribute up to its terminating zero, if it has one.
inline std::string_view readText(std::span<const std::uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.substr(0, text.find('\0'));
}

}  // namespace fairlead
