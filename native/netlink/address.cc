#include "netlink/address.h"

#include <linux/if_addr.h>
#include <net/if.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

namespace fairlead {
namespace {

constexpr std::uint16_t kIfaProto = 11;  // IFA_PROTO, absent from headers older than Linux 5.18.
constexpr std::uint32_t kInfinity = 0xffffffff;  // INFINITY_LIFE_TIME, net/addrconf.h
constexpr std::string_view kLabelSuffix = ":fl";

// A batch is sized to last so long: between two of them the permit is looked at, and an add costs
// from 10 to 140 µs as the link's list of addresses grows.
constexpr std::uint64_t kBatchNs = 4'000'000;
constexpr std::size_t kFirstBatch = 128;

// The label must fit IFNAMSIZ, so a long link name loses its end; the suffix is what marks it.
std::string ownerLabel(std::uint32_t link) {
  std::array<char, IF_NAMESIZE> name{};
  if (::if_indextoname(link, name.data()) == nullptr) return {};
  return std::string(name.data()).substr(0, IF_NAMESIZE - 1 - kLabelSuffix.size()) +
         std::string(kLabelSuffix);
}

ifaddrmsg addressHeader(const AddressRequest& request, std::uint8_t flags) {
  return {.ifa_family = static_cast<std::uint8_t>(request.address.family()),
          .ifa_prefixlen = request.prefix_length,
          .ifa_flags = flags,
          .ifa_scope = RT_SCOPE_UNIVERSE,
          .ifa_index = request.link};
}

// The whole of what the address shall be, also when it is there already: a refresh that leaves out
// the tag or the flags erases them.
void appendAdd(RequestBatch& batch, const AddressRequest& request, TagForm form) {
  // An IPv6 VIP has just moved here by election: duplicate address detection would hold it back as
  // "tentative" for a second or more (RFC 4862 §5.4).
  batch.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
              addressHeader(request, request.address.isV4() ? 0 : IFA_F_NODAD));
  batch.bytesAttribute(IFA_LOCAL, request.address.bytes());
  batch.bytesAttribute(IFA_ADDRESS, request.address.bytes());
  const std::uint32_t valid = request.valid_seconds == kForEver
                                  ? kInfinity
                                  : static_cast<std::uint32_t>(request.valid_seconds);
  // Preferred for no time: the node's own connections shall not leave from an address that moves
  // away (RFC 6724 §5, rule 3). IPv4 knows no such preference, and shows the address as deprecated.
  const std::uint32_t preferred = request.tagged && !request.address.isV4() ? 0 : valid;
  batch.valueAttribute(
      IFA_CACHEINFO,
      ifa_cacheinfo{.ifa_prefered = preferred, .ifa_valid = valid, .cstamp = 0, .tstamp = 0});
  if (!request.tagged) return;
  if (form == TagForm::kProtocol) {
    batch.valueAttribute(kIfaProto, kOwnerTag);
  } else if (request.address.isV4()) {
    batch.textAttribute(IFA_LABEL, ownerLabel(request.link));
  }
}

void appendDelete(RequestBatch& batch, const AddressRequest& request) {
  batch.begin(RTM_DELADDR, 0, addressHeader(request, 0));
  batch.bytesAttribute(IFA_LOCAL, request.address.bytes());
  batch.bytesAttribute(IFA_ADDRESS, request.address.bytes());
}

// Before Linux 5.18 nothing can be written on an IPv6 address; what shows is how it was bound.
// Others bind for ever or prefer the address, and what a router advertises has duplicates looked
// for.
bool isBoundAsVip(std::uint32_t flags, std::int64_t valid_seconds) {
  constexpr std::uint32_t kVip = IFA_F_NODAD | IFA_F_DEPRECATED;
  return (flags & kVip) == kVip && valid_seconds != kForEver;
}

// Sends `requests`, as `append` writes them, in batches that stay short.
template <typename Append>
std::vector<Outcome> sendInBatches(NetlinkSocket& socket, std::span<const AddressRequest> requests,
                                   const Permit& permit, const char* syscall, Append append) {
  std::vector<Outcome> outcomes(requests.size());
  RequestBatch batch;
  std::size_t begin = 0;
  std::size_t size = std::min(kFirstBatch, socket.maxBatch());
  while (begin < requests.size()) {
    const std::size_t count = std::min(size, requests.size() - begin);
    const std::span<Outcome> window(outcomes.data() + begin, count);
    batch.clear();
    for (const AddressRequest& request : requests.subspan(begin, count)) append(batch, request);

    const std::uint64_t started = bootTimeNs();
    if (const int refusal = permit.refusal(); refusal != 0) {
      std::fill(outcomes.begin() + static_cast<std::ptrdiff_t>(begin), outcomes.end(),
                SystemError{refusal, syscall});
      return outcomes;
    }
    if (const auto done = socket.exchange(batch, syscall, window); !done.ok()) {
      std::fill(window.begin(), window.end(), done.error());
    }
    const std::uint64_t elapsed = std::max<std::uint64_t>(bootTimeNs() - started, 1);
    size = std::clamp<std::size_t>(count * kBatchNs / elapsed, 16, socket.maxBatch());
    begin += count;
  }
  return outcomes;
}

}  // namespace

TagForm tagFormOfKernel() {
  utsname system{};
  int major = 0;
  int minor = 0;
  if (::uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2) {
    return TagForm::kLabel;
  }
  return major > 5 || (major == 5 && minor >= 18) ? TagForm::kProtocol : TagForm::kLabel;
}

std::optional<LinkAddress> readAddress(const Message& message, TagForm form) {
  const auto header = readValue<ifaddrmsg>(message.payload);
  if (!header) return std::nullopt;
  LinkAddress found{.link = header->ifa_index, .prefix_length = header->ifa_prefixlen};
  std::uint32_t flags = header->ifa_flags;
  std::span<const std::uint8_t> local;
  std::span<const std::uint8_t> address;
  forEachAttribute(after(message.payload, sizeof *header), [&](int type, auto value) {
    if (type == IFA_LOCAL) local = value;
    if (type == IFA_ADDRESS) address = value;
    if (type == IFA_FLAGS) flags = readValue<std::uint32_t>(value).value_or(flags);
    if (type == kIfaProto && !value.empty()) found.tagged |= value.front() == kOwnerTag;
    if (type == IFA_LABEL) found.tagged |= readText(value).ends_with(kLabelSuffix);
    if (type == IFA_CACHEINFO) {
      const auto lifetime = readValue<ifa_cacheinfo>(value);
      if (lifetime && lifetime->ifa_valid != kInfinity) found.valid_seconds = lifetime->ifa_valid;
    }
  });
  // IFA_ADDRESS is the far end of a point-to-point link; IPv6 sends IFA_LOCAL only there.
  const auto own = local.empty() ? address : local;
  const std::size_t expected = header->ifa_family == AF_INET    ? 4
                               : header->ifa_family == AF_INET6 ? 16
                                                                : 0;
  if (expected == 0 || own.size() != expected) return std::nullopt;
  found.address = ipAddressFromBytes(own);
  if (form == TagForm::kLabel && header->ifa_family == AF_INET6) {
    found.tagged = isBoundAsVip(flags, found.valid_seconds);
  }
  found.tentative = (flags & IFA_F_TENTATIVE) != 0;
  found.dad_failed = (flags & IFA_F_DADFAILED) != 0;
  return found;
}

Result<std::vector<LinkAddress>> listAddresses(NetlinkSocket& socket, TagForm form) {
  std::vector<LinkAddress> addresses;
  RequestBatch request;
  request.begin(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
  const auto done = socket.dump(
      request, "RTM_GETADDR", [&] { addresses.clear(); },
      [&](const Message& message) {
        if (message.header.nlmsg_type != RTM_NEWADDR) return;
        if (auto address = readAddress(message, form)) addresses.push_back(*address);
      });
  if (!done.ok()) return done.error();
  return addresses;
}

std::vector<Outcome> addAddresses(NetlinkSocket& socket, std::span<const AddressRequest> requests,
                                  TagForm form, const Permit& permit) {
  return sendInBatches(socket, requests, permit, "RTM_NEWADDR",
                       [form](RequestBatch& batch, const AddressRequest& request) {
                         appendAdd(batch, request, form);
                       });
}

std::vector<Outcome> deleteAddresses(NetlinkSocket& socket,
                                     std::span<const AddressRequest> requests,
                                     const Permit& permit) {
  auto outcomes = sendInBatches(socket, requests, permit, "RTM_DELADDR", appendDelete);
  for (Outcome& outcome : outcomes) {
    const int error_number = outcome ? outcome->error_number : 0;
    if (error_number == EADDRNOTAVAIL || error_number == ENODEV) outcome.reset();
  }
  return outcomes;
}

}  // namespace fairlead
