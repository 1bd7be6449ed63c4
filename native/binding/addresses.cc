#include "binding/convert.h"
#include "binding/error.h"
#include "binding/exports.h"
#include "binding/kernel_session.h"

namespace fairlead {
namespace {

Napi::Value toAddresses(Napi::Env env, const std::vector<LinkAddress>& addresses) {
  const Napi::Array result = Napi::Array::New(env, addresses.size());
  for (std::uint32_t i = 0; i < addresses.size(); ++i) {
    const Napi::HandleScope scope(env);
    const LinkAddress& address = addresses[i];
    const Napi::Object object = Napi::Object::New(env);
    object.Set("link", address.link);
    object.Set("address", formatIpAddress(address.address));
    object.Set("prefixLength", static_cast<std::uint32_t>(address.prefix_length));
    object.Set("tagged", address.tagged);
    object.Set("validSeconds", static_cast<double>(address.valid_seconds));
    object.Set("tentative", address.tentative);
    object.Set("dadFailed", address.dad_failed);
    result.Set(i, object);
  }
  return result;
}

Napi::Value listAddresses(const Napi::CallbackInfo& call) {
  const auto session = sessionOf(call[0]);
  if (!session) return {};
  return session->submit<std::vector<LinkAddress>>(
      call.Env(),
      [](KernelSockets& sockets) {
        return fairlead::listAddresses(sockets.netlink, sockets.tag_form);
      },
      toAddresses);
}

std::optional<std::vector<AddressRequest>> readRequests(const Napi::Value& requests) {
  return readArray<AddressRequest>(requests, [](ObjectReader& reader) {
    AddressRequest request{.link = reader.linkIndex("link"), .address = reader.address("address")};
    const int bits = 8 * request.address.length;
    request.prefix_length = static_cast<std::uint8_t>(reader.integer("prefixLength", 0, bits));
    request.valid_seconds = reader.integer("validSeconds", kForEver, UINT32_MAX - 1);
    request.tagged = reader.optionalBoolean("tagged").value_or(true);
    return request;
  });
}

Napi::Value addAddresses(const Napi::CallbackInfo& call) {
  const auto session = sessionOf(call[0]);
  if (!session) return {};
  auto requests = readRequests(call[1]);
  if (!requests) return {};
  ObjectReader options(call[2]);
  const std::uint64_t not_after_ns = options.instant("notAfterMs");
  if (!options.problem().empty()) return throwTypeError(call.Env(), options.problem());
  return session->submit<std::vector<Outcome>>(
      call.Env(),
      [requests = std::move(*requests),
       not_after_ns](KernelSockets& sockets) -> Result<std::vector<Outcome>> {
        return fairlead::addAddresses(sockets.netlink, requests, sockets.tag_form,
                                      Permit(not_after_ns, sockets.closing));
      },
      toFailures);
}

Napi::Value deleteAddresses(const Napi::CallbackInfo& call) {
  const auto session = sessionOf(call[0]);
  if (!session) return {};
  auto requests = readRequests(call[1]);
  if (!requests) return {};
  return session->submit<std::vector<Outcome>>(
      call.Env(),
      [requests = std::move(*requests)](KernelSockets& sockets) -> Result<std::vector<Outcome>> {
        return fairlead::deleteAddresses(sockets.netlink, requests,
                                         Permit(Permit::kNever, sockets.closing));
      },
      toFailures);
}

}  // namespace

void exportAddresses(Napi::Env env, Napi::Object exports) {
  exportFunction<listAddresses>(env, exports, "listAddresses");
  exportFunction<addAddresses>(env, exports, "addAddresses");
  exportFunction<deleteAddresses>(env, exports, "deleteAddresses");
}

}  // namespace fairlead
