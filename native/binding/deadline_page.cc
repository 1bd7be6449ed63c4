#include "binding/deadline_page.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "base/permit.h"
#include "binding/convert.h"
#include "binding/error.h"
#include "binding/exports.h"

namespace fairlead {
namespace {

constexpr napi_type_tag kPageTag{0x66616972'6c656164, 0x646561646c696e65};

Napi::Value toHandle(Napi::Env env, SharedDeadline&& from) {
  auto* const page = new SharedDeadline(std::move(from));
  const auto handle = Napi::External<SharedDeadline>::New(
      env, page, [](Napi::BasicEnv /*env*/, SharedDeadline* collected) { delete collected; });
  handle.TypeTag(&kPageTag);
  const Napi::Object result = Napi::Object::New(env);
  result.Set("page", handle);
  result.Set("fd", page->fd());
  return result;
}

Napi::Value createDeadlinePage(const Napi::CallbackInfo& call) {
  auto created = SharedDeadline::create();
  if (!created.ok()) return throwSystemError(call.Env(), created.error());
  return toHandle(call.Env(), std::move(created.value()));
}

// Whether the process that made this socket pair is our parent.
bool leadsToParent(int fd) {
  ucred peer = {};
  socklen_t length = sizeof(peer);
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.pid == getppid();
}

Napi::Value adoptDeadlinePage(const Napi::CallbackInfo& call) {
  const Napi::Object options = call[0].As<Napi::Object>();
  const int channel = options.Get("channelFd").ToNumber();
  const int page = options.Get("pageFd").ToNumber();
  if (!leadsToParent(channel)) return call.Env().Null();
  // A copy first: what turns out to be another's file is not to be closed here.
  auto adopted = SharedDeadline::adopt(UniqueFd(fcntl(page, F_DUPFD_CLOEXEC, page)));
  if (!adopted.ok()) return call.Env().Null();
  close(page);
  fcntl(channel, F_SETFD, FD_CLOEXEC);
  return toHandle(call.Env(), std::move(adopted.value()));
}

Napi::Value storeDeadline(const Napi::CallbackInfo& call) {
  SharedDeadline* const page = deadlinePageOf(call[0]);
  if (page == nullptr) return {};
  const auto deadline =
      call[1].IsNumber() ? toNanoseconds(call[1].As<Napi::Number>().DoubleValue()) : std::nullopt;
  if (!deadline) return throwTypeError(call.Env(), "deadlineMs is not an instant");
  const std::uint64_t deadline_ns = *deadline == Permit::kNever ? kNeverPasses : *deadline;
  const bool taken = page->store(deadline_ns);
  return Napi::Boolean::New(call.Env(), taken);
}

}  // namespace

SharedDeadline* deadlinePageOf(const Napi::Value& handle) {
  if (!handle.IsExternal() ||
      !handle.As<Napi::External<SharedDeadline>>().CheckTypeTag(&kPageTag)) {
    throwTypeError(handle.Env(), "expected the handle of createDeadlinePage");
    return nullptr;
  }
  return handle.As<Napi::External<SharedDeadline>>().Data();
}

void exportDeadlinePage(Napi::Env env, Napi::Object exports) {
  exportFunction<createDeadlinePage>(env, exports, "createDeadlinePage");
  exportFunction<adoptDeadlinePage>(env, exports, "adoptDeadlinePage");
  exportFunction<storeDeadline>(env, exports, "storeDeadline");
}

}  // namespace fairlead
