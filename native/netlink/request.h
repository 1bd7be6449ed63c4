#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace fairlead {

// The bytes of netlink messages that go to the kernel in one sendmsg (RFC 3549 §2.2; netlink(7)).
class RequestBatch {
 public:
  // Begins the next message. Attributes that follow belong to it.
  template <typename Body>
  void begin(std::uint16_t type, std::uint16_t flags, const Body& body) {
    static_assert(std::is_trivially_copyable_v<Body>);
    starts_.push_back(bytes_.size());
    const nlmsghdr header{.nlmsg_len = 0,
                          .nlmsg_type = type,
                          .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags),
                          .nlmsg_seq = 0,
                          .nlmsg_pid = 0};
    append(&header, sizeof header);
    append(&body, sizeof body);
    endMessage();
  }

  void bytesAttribute(std::uint16_t type, std::span<const std::uint8_t> value);
  // With the terminating zero that the kernel's string policy allows and older kernels demand.
  void textAttribute(std::uint16_t type, std::string_view text);
  template <typename Value>
  void valueAttribute(std::uint16_t type, const Value& value) {
    static_assert(std::is_trivially_copyable_v<Value>);
    appendAttribute(type, &value, sizeof value);
  }

  // Attributes until endNest(begun) are inside this one.
  [[nodiscard]] std::size_t beginNest(std::uint16_t type);
  // A structure in front of nested attributes, as VETH_INFO_PEER wants its ifinfomsg.
  template <typename Body>
  void nestedBody(const Body& body) {
    append(&body, sizeof body);
    endMessage();
  }
  void endNest(std::size_t begun);

  // Numbers the messages from `first_sequence` and asks for an acknowledgement of the last one
  // only: the kernel reports every error unasked, and an acknowledgement costs a recv.
  void stamp(std::uint32_t first_sequence);
  // Numbers one message alone.
  void number(std::size_t message, std::uint32_t sequence);

  void clear();
  [[nodiscard]] std::size_t count() const { return starts_.size(); }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }

 private:
  void appendAttribute(std::uint16_t type, const void* value, std::size_t size);
  void append(const void* source, std::size_t size);
  // Pads the message to its alignment and writes its length.
  void endMessage();

  std::vector<std::uint8_t> bytes_;
  std::vector<std::size_t> starts_;
};

}  // namespace fairlead
