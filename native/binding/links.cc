#include "base/network_namespace.h"
#include "binding/convert.h"
#include "binding/error.h"
#include "binding/exports.h"
#include "binding/kernel_session.h"
#include "netlink/link.h"

namespace fairlead {
namespace {

Napi::Value toLinks(Napi::Env env, const std::vector<Link>& links) {
  const Napi::Array result = Napi::Array::New(env, links.size());
  for (std::uint32_t i = 0; i < links.size(); ++i) {
    const Napi::HandleScope scope(env);
    const Link& link = links[i];
    const Napi::Object object = Napi::Object::New(env);
    object.Set("index", link.index);
    object.Set("name", link.name);
    object.Set("mac", link.mac ? formatMacAddress(*link.mac) : "");
    object.Set("up", link.up);
    object.Set("carrier", link.carrier);
    object.Set("loopback", link.loopback);
    object.Set("mtu", link.mtu);
    object.Set("ipv6Forwarding", link.ipv6_forwarding);
    object.Set("master", link.master);
    result.Set(i, object);
  }
  return result;
}

Napi::Value listLinks(const Napi::CallbackInfo& call) {
  const auto session = sessionOf(call[0]);
  if (!session) return {};
  return session->submit<std::vector<Link>>(
      call.Env(), [](KernelSockets& sockets) { return fairlead::listLinks(sockets.netlink); },
      toLinks);
}

// Submits `perform(KernelSockets&) -> Result<Done>` unless the options were nonsense or the handle
// is none; a JavaScript exception is pending then.
template <typename Perform>
Napi::Value submitChange(const Napi::CallbackInfo& call, const ObjectReader& options,
                         Perform perform) {
  const auto session = sessionOf(call[0]);
  if (!session) return {};
  if (!options.problem().empty()) return throwTypeError(call.Env(), options.problem());
  return session->submit<Done>(call.Env(), std::move(perform), toUndefined);
}

Napi::Value createBridge(const Napi::CallbackInfo& call) {
  ObjectReader options(call[1]);
  return submitChange(call, options, [name = options.text("name")](KernelSockets& sockets) {
    return fairlead::createBridge(sockets.netlink, name);
  });
}

Napi::Value createVeth(const Napi::CallbackInfo& call) {
  ObjectReader options(call[1]);
  return submitChange(
      call, options,
      [name = options.text("name"), peer_name = options.text("peerName"),
       peer_netns = options.text("peerNetns")](KernelSockets& sockets) -> Result<Done> {
        const auto there = openNetworkNamespace(peer_netns);
        if (!there.ok()) return there.error();
        return fairlead::createVeth(sockets.netlink, name, peer_name, there.value());
      });
}

Napi::Value setLink(const Napi::CallbackInfo& call) {
  ObjectReader options(call[1]);
  LinkChange change{.name = options.text("name"),
                    .up = options.optionalBoolean("up"),
                    .master = options.optionalText("master")};
  return submitChange(call, options, [change = std::move(change)](KernelSockets& sockets) {
    return fairlead::setLink(sockets.netlink, change);
  });
}

Napi::Value deleteLink(const Napi::CallbackInfo& call) {
  ObjectReader options(call[1]);
  return submitChange(call, options, [name = options.text("name")](KernelSockets& sockets) {
    return fairlead::deleteLink(sockets.netlink, name);
  });
}

}  // namespace

void exportLinks(Napi::Env env, Napi::Object exports) {
  exportFunction<listLinks>(env, exports, "listLinks");
  exportFunction<createBridge>(env, exports, "createBridge");
  exportFunction<createVeth>(env, exports, "createVeth");
  exportFunction<setLink>(env, exports, "setLink");
  exportFunction<deleteLink>(env, exports, "deleteLink");
}

}  // namespace fairlead
