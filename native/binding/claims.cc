#include "binding/claims.h"

#include "binding/convert.h"
#include "binding/error.h"
#include "binding/exports.h"
#include "binding/kernel_session.h"
#include "packet/claim.h"

namespace fairlead {
namespace {

Napi::Value watchClaims(const Napi::CallbackInfo& call) {
  const auto session = sessionOf(call[0]);
  if (!session) return {};
  if (!call[1].IsFunction()) return throwTypeError(call.Env(), "callback is not a function");
  const auto watching = session->watchClaims(call[1].As<Napi::Function>());
  if (!watching.ok()) return throwSystemError(call.Env(), watching.error());
  ClaimWatcher& claims = session->claims();
  return session->submit<Done>(
      call.Env(),
      [&claims](KernelSockets& /*sockets*/) -> Result<Done> {
        if (auto failure = claims.open()) return *failure;
        return Done{};
      },
      [](Napi::Env env, const Done& /*done*/) { return env.Undefined(); });
}

Napi::Value setWatchedAddresses(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const auto session = sessionOf(call[0]);
  if (!session) return {};
  const auto addresses = readArray<WatchedAddress>(call[1], [](ObjectReader& reader) {
    return WatchedAddress{.link = reader.linkIndex("link"), .address = reader.address("address")};
  });
  if (!addresses) return {};
  const auto own =
      readArray<MacAddress>(call[2], [](ObjectReader& reader) { return reader.mac("mac"); });
  if (!own) return {};
  if (const auto failure = session->claims().watch(*addresses, *own)) {
    return throwSystemError(env, *failure);
  }
  return env.Undefined();
}

Napi::Value claimInFrame(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  if (!call[0].IsTypedArray()) return throwTypeError(env, "expected a Uint8Array");
  const auto frame = call[0].As<Napi::Uint8Array>();
  const auto claim = claimIn(std::span<const std::uint8_t>(frame.Data(), frame.ByteLength()));
  if (!claim) return env.Null();
  const Napi::Object object = Napi::Object::New(env);
  object.Set("address", formatIpAddress(claim->address));
  object.Set("mac", formatMacAddress(claim->mac));
  return object;
}

}  // namespace

Napi::Value toClaimReport(Napi::Env env, const ClaimReport& report) {
  const Napi::Array claims = Napi::Array::New(env, report.claims.size());
  for (std::uint32_t i = 0; i < report.claims.size(); ++i) {
    const HeardClaims& heard = report.claims[i];
    const Napi::Object claim = Napi::Object::New(env);
    claim.Set("link", heard.watched.link);
    claim.Set("address", formatIpAddress(heard.watched.address));
    claim.Set("mac", formatMacAddress(heard.mac));
    claim.Set("count", static_cast<double>(heard.count));
    claim.Set("at", static_cast<double>(heard.at_ns) / 1e6);
    claims.Set(i, claim);
  }
  const Napi::Object object = Napi::Object::New(env);
  object.Set("claims", claims);
  object.Set("lost", static_cast<double>(report.lost));
  return object;
}

void exportClaims(Napi::Env env, Napi::Object exports) {
  exportFunction<watchClaims>(env, exports, "watchClaims");
  exportFunction<setWatchedAddresses>(env, exports, "setWatchedAddresses");
  exportFunction<claimInFrame>(env, exports, "claimInFrame");
}

}  // namespace fairlead
