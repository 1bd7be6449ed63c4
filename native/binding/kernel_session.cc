#include "binding/kernel_session.h"

#include "base/network_namespace.h"
#include "binding/changes.h"
#include "binding/claims.h"

namespace fairlead {

Result<std::shared_ptr<KernelSession>> KernelSession::open(Napi::Env env,
                                                           const SessionOptions& options) {
  std::shared_ptr<KernelSession> session(new KernelSession());
  // The thread's hooks hold the session until the thread is joined.
  auto thread =
      JobThread::start(env, {.name = "fairlead-kernel",
                             .close_verb = "closeKernel",
                             .begin = [session, options] { return session->openSockets(options); },
                             .delivered =
                                 [session](Napi::Env in) {
                                   session->deliverChanges(in);
                                   session->deliverClaims(in);
                                 },
                             .closing = [session] { session->stopWatching(); },
                             .ended = [session] { session->forgetCallbacks(); }});
  if (!thread.ok()) return thread.error();
  session->thread_ = std::move(thread.value());
  return session;
}

Result<Done> KernelSession::watch(Napi::Function callback) {
  if (closing_) return SystemError{ECANCELED, "watchKernel"};
  if (!callback_.IsEmpty()) return SystemError{EALREADY, "watchKernel"};
  auto started = watcher_->start([this] { thread_->notify(); });
  if (started.ok()) callback_ = Napi::Persistent(callback);
  return started;
}

Result<Done> KernelSession::watchClaims(Napi::Function callback) {
  if (closing_) return SystemError{ECANCELED, "watchClaims"};
  if (!claims_callback_.IsEmpty()) return SystemError{EALREADY, "watchClaims"};
  claims_callback_ = Napi::Persistent(callback);
  return Done{};
}

void KernelSession::stopWatching() {
  closing_ = true;
  watcher_->stop();
  claims_.stop();
}

void KernelSession::forgetCallbacks() {
  callback_.Reset();
  claims_callback_.Reset();
}

Outcome KernelSession::openSockets(const SessionOptions& options) {
  if (options.network_namespace) {
    const auto there = openNetworkNamespace(*options.network_namespace);
    if (!there.ok()) return there.error();
    const auto entered = enterNetworkNamespace(there.value());
    if (!entered.ok()) return entered.error();
  }
  auto netlink = NetlinkSocket::open();
  if (!netlink.ok()) return netlink.error();
  auto watcher = ChangeWatcher::open(options.event_buffer_bytes);
  if (!watcher.ok()) return watcher.error();
  watcher_ = std::make_unique<ChangeWatcher>(std::move(watcher.value()));
  sockets_.emplace(KernelSockets{.netlink = std::move(netlink.value()),
                                 .packets = std::nullopt,
                                 .tag_form = options.tag_form,
                                 .closing = closing_});
  return std::nullopt;
}

void KernelSession::deliverChanges(Napi::Env env) {
  if (callback_.IsEmpty()) return;
  const Changes changes = watcher_->take();
  if (changes.changes.empty() && !changes.overrun) return;
  const Napi::HandleScope scope(env);
  callBack(env, callback_, toEvents(env, changes));
}

void KernelSession::deliverClaims(Napi::Env env) {
  if (claims_callback_.IsEmpty() || closing_) return;
  const ClaimReport report = claims_.take();
  if (report.claims.empty()) return;
  const Napi::HandleScope scope(env);
  callBack(env, claims_callback_, toClaimReport(env, report));
}

void KernelSession::callBack(Napi::Env env, const Napi::FunctionReference& callback,
                             Napi::Value argument) {
  callback.Call({argument});
  if (env.IsExceptionPending()) {
    // There is no caller to throw it to: it becomes an uncaughtException, as from any listener.
    ::napi_fatal_exception(env, env.GetAndClearPendingException().Value());
  }
}

}  // namespace fairlead
