#include "binding/convert.h"
#include "binding/error.h"
#include "binding/exports.h"
#include "binding/kernel_session.h"

namespace fairlead {
namespace {

constexpr napi_type_tag kSessionTag{0x66616972'6c656164, 0x6b65726e'656c0001};

using SessionBox = std::shared_ptr<KernelSession>;

Napi::Value openKernel(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  ObjectReader reader(call[0]);
  SessionOptions options{.network_namespace = reader.optionalText("netns"),
                         .tag_form = tagFormOfKernel()};
  // For tests: a buffer that overruns soon, and the tag of kernels before Linux 5.18.
  if (call[1].IsObject()) {
    ObjectReader testing(call[1]);
    options.event_buffer_bytes = static_cast<int>(testing.integer("eventBufferBytes", 0, 1 << 30));
    if (testing.boolean("labelTag")) options.tag_form = TagForm::kLabel;
    if (!testing.problem().empty()) return throwTypeError(env, testing.problem());
  }
  if (!reader.problem().empty()) return throwTypeError(env, reader.problem());
  auto session = KernelSession::open(env, options);
  if (!session.ok()) return throwSystemError(env, session.error());
  const auto handle = Napi::External<SessionBox>::New(
      env, new SessionBox(std::move(session.value())), [](Napi::BasicEnv /*env*/, SessionBox* box) {
        (*box)->close();
        delete box;
      });
  handle.TypeTag(&kSessionTag);
  return handle;
}

Napi::Value closeKernel(const Napi::CallbackInfo& call) {
  if (const auto session = sessionOf(call[0])) session->close();
  return call.Env().Undefined();
}

Napi::Value watchKernel(const Napi::CallbackInfo& call) {
  const auto session = sessionOf(call[0]);
  if (!session) return {};
  if (!call[1].IsFunction()) return throwTypeError(call.Env(), "callback is not a function");
  const auto watching = session->watch(call[1].As<Napi::Function>());
  return watching.ok() ? call.Env().Undefined() : throwSystemError(call.Env(), watching.error());
}

}  // namespace

std::shared_ptr<KernelSession> sessionOf(const Napi::Value& handle) {
  if (!handle.IsExternal() || !handle.As<Napi::External<SessionBox>>().CheckTypeTag(&kSessionTag)) {
    throwTypeError(handle.Env(), "expected the handle of openKernel");
    return nullptr;
  }
  return *handle.As<Napi::External<SessionBox>>().Data();
}

void exportKernel(Napi::Env env, Napi::Object exports) {
  exportFunction<openKernel>(env, exports, "openKernel");
  exportFunction<closeKernel>(env, exports, "closeKernel");
  exportFunction<watchKernel>(env, exports, "watchKernel");
}

}  // namespace fairlead
