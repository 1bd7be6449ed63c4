#include "binding/convert.h"
#include "binding/deadline_page.h"
#include "binding/error.h"
#include "binding/exports.h"
#include "binding/gate_session.h"

namespace fairlead {
namespace {

constexpr napi_type_tag kGateTag{0x66616972'6c656164, 0x67617465'00000001};

using GateBox = std::shared_ptr<GateSession>;

GateSession* gateOf(const Napi::Value& handle) {
  if (!handle.IsExternal() || !handle.As<Napi::External<GateBox>>().CheckTypeTag(&kGateTag)) {
    throwTypeError(handle.Env(), "expected the handle of openGate");
    return nullptr;
  }
  return handle.As<Napi::External<GateBox>>().Data()->get();
}

Napi::Value openGate(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  ObjectReader reader(call[0]);
  constexpr std::int64_t kLongestTimeoutMs = 10'000;
  gate::ArmingOptions options{
      .table = reader.text("table"),
      .timeout_ms = static_cast<std::uint64_t>(reader.integer("timeoutMs", 1, kLongestTimeoutMs))};
  const Napi::Value page = reader.value("page");
  if (!reader.problem().empty()) return throwTypeError(env, reader.problem());
  const SharedDeadline* const deadline = deadlinePageOf(page);
  if (deadline == nullptr) return {};
  // For tests: what an older kernel would make of it.
  if (call[1].IsObject()) {
    ObjectReader testing(call[1]);
    options.inet_only = testing.boolean("inetOnly");
    options.ownerless = testing.boolean("ownerless");
    if (!testing.problem().empty()) return throwTypeError(env, testing.problem());
  }
  auto session = GateSession::open(env, page, deadline->page(), std::move(options));
  if (!session.ok()) return throwSystemError(env, session.error());
  const auto handle = Napi::External<GateBox>::New(env, new GateBox(std::move(session.value())),
                                                   [](Napi::BasicEnv /*env*/, GateBox* box) {
                                                     (*box)->close();
                                                     delete box;
                                                   });
  handle.TypeTag(&kGateTag);
  return handle;
}

Napi::Value createGate(const Napi::CallbackInfo& call) {
  GateSession* const gate = gateOf(call[0]);
  return gate == nullptr ? Napi::Value() : gate->create(call.Env());
}

Napi::Value armGate(const Napi::CallbackInfo& call) {
  GateSession* const gate = gateOf(call[0]);
  if (gate == nullptr) return {};
  auto addresses = readArray<gate::LinkAddress>(call[1], [](ObjectReader& reader) {
    return gate::LinkAddress{.index = reader.linkIndex("link"),
                             .link = reader.text("name"),
                             .address = reader.address("address")};
  });
  return addresses ? gate->arm(call.Env(), std::move(*addresses)) : Napi::Value();
}

Napi::Value acquireGate(const Napi::CallbackInfo& call) {
  GateSession* const gate = gateOf(call[0]);
  return gate == nullptr ? Napi::Value() : gate->acquire(call.Env());
}

Napi::Value shutGate(const Napi::CallbackInfo& call) {
  GateSession* const gate = gateOf(call[0]);
  return gate == nullptr ? Napi::Value() : gate->shut(call.Env());
}

Napi::Value removeGate(const Napi::CallbackInfo& call) {
  GateSession* const gate = gateOf(call[0]);
  return gate == nullptr ? Napi::Value() : gate->remove(call.Env());
}

Napi::Value isGateOpen(const Napi::CallbackInfo& call) {
  const GateSession* const gate = gateOf(call[0]);
  return gate == nullptr ? Napi::Value() : Napi::Boolean::New(call.Env(), gate->isOpen());
}

Napi::Value gateReopened(const Napi::CallbackInfo& call) {
  const GateSession* const gate = gateOf(call[0]);
  if (gate == nullptr) return {};
  return Napi::Number::New(call.Env(), static_cast<double>(gate->reopened()));
}

Napi::Value watchGate(const Napi::CallbackInfo& call) {
  GateSession* const gate = gateOf(call[0]);
  if (gate == nullptr) return {};
  if (!call[1].IsFunction()) return throwTypeError(call.Env(), "callback is not a function");
  const auto watching = gate->watch(call[1].As<Napi::Function>());
  return watching.ok() ? call.Env().Undefined() : throwSystemError(call.Env(), watching.error());
}

Napi::Value releaseGate(const Napi::CallbackInfo& call) {
  if (GateSession* const gate = gateOf(call[0])) gate->close();
  return call.Env().Undefined();
}

}  // namespace

void exportGate(Napi::Env env, Napi::Object exports) {
  exportFunction<openGate>(env, exports, "openGate");
  exportFunction<createGate>(env, exports, "createGate");
  exportFunction<armGate>(env, exports, "armGate");
  exportFunction<acquireGate>(env, exports, "acquireGate");
  exportFunction<shutGate>(env, exports, "shutGate");
  exportFunction<removeGate>(env, exports, "removeGate");
  exportFunction<isGateOpen>(env, exports, "isGateOpen");
  exportFunction<gateReopened>(env, exports, "gateReopened");
  exportFunction<watchGate>(env, exports, "watchGate");
  exportFunction<releaseGate>(env, exports, "releaseGate");
}

}  // namespace fairlead
