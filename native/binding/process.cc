#include <malloc.h>

#include "base/clock.h"
#include "binding/exports.h"

namespace fairlead {
namespace {

Napi::Value bootTimeMs(const Napi::CallbackInfo& call) {
  return Napi::Number::New(call.Env(), static_cast<double>(bootTimeNs()) / 1e6);
}

Napi::Value trimHeap(const Napi::CallbackInfo& call) {
#ifdef __GLIBC__
  static_cast<void>(::malloc_trim(0));
#endif
  return call.Env().Undefined();
}

}  // namespace

void exportProcess(Napi::Env env, Napi::Object exports) {
  exportFunction<bootTimeMs>(env, exports, "bootTimeMs");
  exportFunction<trimHeap>(env, exports, "trimHeap");
}

}  // namespace fairlead
