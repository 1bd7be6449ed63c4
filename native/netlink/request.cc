#include "netlink/request.h"

#include <linux/rtnetlink.h>

#include <cassert>

namespace fairlead {

void RequestBatch::bytesAttribute(std::uint16_t type, std::span<const std::uint8_t> value) {
  appendAttribute(type, value.data(), value.size());
}

void RequestBatch::textAttribute(std::uint16_t type, std::string_view text) {
  const rtattr header{.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(text.size() + 1)),
                      .rta_type = type};
  append(&header, sizeof header);
  append(text.data(), text.size());
  append("", 1);
  endMessage();
}

void RequestBatch::appendAttribute(std::uint16_t type, const void* value, std::size_t size) {
  const rtattr header{.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size)), .rta_type = type};
  append(&header, sizeof header);
  append(value, size);
  endMessage();
}

std::size_t RequestBatch::beginNest(std::uint16_t type) {
  const std::size_t begun = bytes_.size();
  const rtattr header{.rta_len = RTA_LENGTH(0), .rta_type = type};
  append(&header, sizeof header);
  endMessage();
  return begun;
}

void RequestBatch::endNest(std::size_t begun) {
  const auto length = static_cast<std::uint16_t>(bytes_.size() - begun);
  std::memcpy(bytes_.data() + begun + offsetof(rtattr, rta_len), &length, sizeof length);
}

void RequestBatch::stamp(std::uint32_t first_sequence) {
  assert(!starts_.empty());
  for (std::size_t message = 0; message < starts_.size(); ++message) {
    number(message, first_sequence++);
  }
  std::uint8_t* const flags_at = bytes_.data() + starts_.back() + offsetof(nlmsghdr, nlmsg_flags);
  std::uint16_t flags = 0;
  std::memcpy(&flags, flags_at, sizeof flags);
  // A dump ends with NLMSG_DONE instead.
  if ((flags & NLM_F_DUMP) != NLM_F_DUMP) flags |= NLM_F_ACK;
  std::memcpy(flags_at, &flags, sizeof flags);
}

void RequestBatch::number(std::size_t message, std::uint32_t sequence) {
  std::memcpy(bytes_.data() + starts_[message] + offsetof(nlmsghdr, nlmsg_seq), &sequence,
              sizeof sequence);
}

void RequestBatch::clear() {
  bytes_.clear();
  starts_.clear();
}

void RequestBatch::append(const void* source, std::size_t size) {
  const auto* const begin = static_cast<const std::uint8_t*>(source);
  bytes_.insert(bytes_.end(), begin, begin + size);
}

void RequestBatch::endMessage() {
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  const auto length = static_cast<std::uint32_t>(bytes_.size() - starts_.back());
  std::memcpy(bytes_.data() + starts_.back() + offsetof(nlmsghdr, nlmsg_len), &length,
              sizeof length);
}

}  // namespace fairlead
