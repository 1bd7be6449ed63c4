#include "base/permit.h"
#include "base/shared_deadline.h"
#include "binding/convert.h"
#include "binding/error.h"
#include "binding/exports.h"

namespace fairlead {
namespace {

constexpr napi_type_tag kPageTag{0x66616972'6c656164, 0x646561646c696e65};

Napi::Value createDeadlinePage(const Napi::CallbackInfo& call) {
  auto created = SharedDeadline::create();
  if (!created.ok()) return throwSystemError(call.Env(), created.error());
  auto* const page = new SharedDeadline(std::move(created.value()));
  const auto handle = Napi::External<SharedDeadline>::New(
      call.Env(), page,
      [](Napi::BasicEnv /*env*/, SharedDeadline* collected) { delete collected; });
  handle.TypeTag(&kPageTag);
  const Napi::Object result = Napi::Object::New(call.Env());
  result.Set("page", handle);
  result.Set("fd", page->fd());
  return result;
}

Napi::Value storeDeadline(const Napi::CallbackInfo& call) {
  const Napi::Value handle = call[0];
  if (!handle.IsExternal() ||
      !handle.As<Napi::External<SharedDeadline>>().CheckTypeTag(&kPageTag)) {
    return throwTypeError(call.Env(), "expected the handle of createDeadlinePage");
  }
  const auto deadline =
      call[1].IsNumber() ? toNanoseconds(call[1].As<Napi::Number>().DoubleValue()) : std::nullopt;
  if (!deadline) return throwTypeError(call.Env(), "deadlineMs is not an instant");
  const std::uint64_t deadline_ns = *deadline == Permit::kNever ? kNeverPasses : *deadline;
  const bool taken = handle.As<Napi::External<SharedDeadline>>().Data()->store(deadline_ns);
  return Napi::Boolean::New(call.Env(), taken);
}

}  // namespace

void exportDeadlinePage(Napi::Env env, Napi::Object exports) {
  exportFunction<createDeadlinePage>(env, exports, "createDeadlinePage");
  exportFunction<storeDeadline>(env, exports, "storeDeadline");
}

}  // namespace fairlead
