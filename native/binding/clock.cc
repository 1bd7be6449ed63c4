#include "base/clock.h"

#include "binding/exports.h"

namespace fairlead {
namespace {

Napi::Value bootTimeMs(const Napi::CallbackInfo& call) {
  return Napi::Number::New(call.Env(), static_cast<double>(bootTimeNs()) / 1e6);
}

}  // namespace

void exportClock(Napi::Env env, Napi::Object exports) {
  exportFunction<bootTimeMs>(env, exports, "bootTimeMs");
}

}  // namespace fairlead
