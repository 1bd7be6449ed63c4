#include <algorithm>
#include <cstring>

#include "binding/convert.h"
#include "binding/error.h"
#include "binding/exports.h"
#include "binding/kernel_session.h"
#include "packet/arp.h"
#include "packet/ndp.h"

namespace fairlead {
namespace {

Result<std::vector<Outcome>> say(KernelSockets& sockets, Speech speech,
                                 std::span<const Announcement> announcements,
                                 std::uint64_t not_after_ns) {
  if (!sockets.packets) {
    auto opened = PacketSocket::open();
    if (!opened.ok()) return opened.error();
    sockets.packets.emplace(std::move(opened.value()));
  }
  return sockets.packets->say(speech, announcements, Permit(not_after_ns, sockets.closing));
}

template <Speech speech>
Napi::Value sendAll(const Napi::CallbackInfo& call) {
  const auto session = sessionOf(call[0]);
  if (!session) return {};
  auto announcements = readArray<Announcement>(call[1], [](ObjectReader& reader) {
    return Announcement{.link = reader.linkIndex("link"),
                        .mac = reader.mac("mac"),
                        .address = reader.address("address"),
                        .router = reader.boolean("router")};
  });
  if (!announcements) return {};
  ObjectReader options(call[2]);
  const std::uint64_t not_after_ns = options.instant("notAfterMs");
  if (!options.problem().empty()) return throwTypeError(call.Env(), options.problem());
  return session->submit<std::vector<Outcome>>(
      call.Env(),
      [announcements = std::move(*announcements), not_after_ns](KernelSockets& sockets) {
        return say(sockets, speech, announcements, not_after_ns);
      },
      toFailures);
}

template <typename Frame>
Napi::Value toBytes(Napi::Env env, const Frame& frame) {
  Napi::Uint8Array bytes = Napi::Uint8Array::New(env, sizeof frame);
  std::memcpy(bytes.Data(), &frame, sizeof frame);
  return bytes;
}

Napi::Value arpAnnouncementFrame(const Napi::CallbackInfo& call) {
  ObjectReader options(call[0]);
  const MacAddress mac = options.mac("mac");
  const IpAddress address = options.address("address");
  const std::string form = options.text("form");
  if (!options.problem().empty()) return throwTypeError(call.Env(), options.problem());
  if (!address.isV4()) return throwTypeError(call.Env(), "address is not an IPv4 address");
  Ipv4Bytes vip{};
  std::copy_n(address.storage.begin(), vip.size(), vip.begin());
  return toBytes(call.Env(),
                 arpAnnouncement(mac, vip, form == "reply" ? ArpForm::kReply : ArpForm::kRequest));
}

Napi::Value unsolicitedNaFrame(const Napi::CallbackInfo& call) {
  ObjectReader options(call[0]);
  const MacAddress mac = options.mac("mac");
  const IpAddress address = options.address("address");
  const bool router = options.boolean("router");
  if (!options.problem().empty()) return throwTypeError(call.Env(), options.problem());
  if (address.isV4()) return throwTypeError(call.Env(), "address is not an IPv6 address");
  return toBytes(call.Env(), unsolicitedAdvertisement(mac, address.storage, router));
}

Napi::Value probeFrameOf(const Napi::CallbackInfo& call) {
  ObjectReader options(call[0]);
  const MacAddress mac = options.mac("mac");
  const IpAddress address = options.address("address");
  if (!options.problem().empty()) return throwTypeError(call.Env(), options.problem());
  if (!address.isV4()) return toBytes(call.Env(), duplicateSolicitation(mac, address.storage));
  Ipv4Bytes vip{};
  std::copy_n(address.storage.begin(), vip.size(), vip.begin());
  return toBytes(call.Env(), arpProbe(mac, vip));
}

}  // namespace

void exportNeighbors(Napi::Env env, Napi::Object exports) {
  exportFunction<sendAll<Speech::kAnnounce>>(env, exports, "sendAnnouncements");
  exportFunction<sendAll<Speech::kProbe>>(env, exports, "sendProbes");
  exportFunction<arpAnnouncementFrame>(env, exports, "arpAnnouncementFrame");
  exportFunction<unsolicitedNaFrame>(env, exports, "unsolicitedNaFrame");
  exportFunction<probeFrameOf>(env, exports, "probeFrame");
}

}  // namespace fairlead
