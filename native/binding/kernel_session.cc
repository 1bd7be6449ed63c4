#include "binding/kernel_session.h"

#include <pthread.h>

#include "base/network_namespace.h"
#include "binding/changes.h"

namespace fairlead {
namespace {

// A caller that does not wait for its promises is refused beyond this.
constexpr std::size_t kMaxUnsettled = 1024;

}  // namespace

Result<std::shared_ptr<KernelSession>> KernelSession::open(Napi::Env env,
                                                           const SessionOptions& options) {
  std::shared_ptr<KernelSession> session(new KernelSession(env));
  const napi_value name = Napi::String::New(env, "fairlead kernel");
  if (::napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr,
                                        session.get(), onCall, &session->function_) != napi_ok) {
    return SystemError{ENOMEM, "napi_create_threadsafe_function"};
  }
  ::napi_unref_threadsafe_function(env, session->function_);

  session->thread_ = std::thread([raw = session.get(), options] { raw->run(options); });
  Outcome failure;
  {
    std::unique_lock lock(session->mutex_);
    session->changed_.wait(lock, [&] { return session->started_.has_value(); });
    failure = *session->started_;
  }
  if (failure) {
    session->thread_.join();
    ::napi_release_threadsafe_function(session->function_, napi_tsfn_abort);
    return *failure;
  }
  session->self_ = session;
  // Registered after the function's own hook, so run before it (hooks run in reverse).
  ::napi_add_env_cleanup_hook(env, onEnvironmentEnd, session.get());
  return session;
}

Napi::Value KernelSession::enqueue(Napi::Env env, std::unique_ptr<Job> job) {
  const Napi::Promise promise = job->promise();
  const int refusal = closing_ ? ECANCELED : unsettled_ >= kMaxUnsettled ? ENOBUFS : 0;
  if (refusal != 0) {
    job->refuse({refusal, "openKernel"});
    job->settle(env);
    return promise;
  }
  if (unsettled_++ == 0) ::napi_ref_threadsafe_function(env, function_);
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  changed_.notify_all();
  return promise;
}

Result<Done> KernelSession::watch(Napi::Function callback) {
  if (closing_) return SystemError{ECANCELED, "watchKernel"};
  if (!callback_.IsEmpty()) return SystemError{EALREADY, "watchKernel"};
  auto started = watcher_->start([this] { notify(); });
  if (started.ok()) callback_ = Napi::Persistent(callback);
  return started;
}

void KernelSession::close() {
  if (closing_.exchange(true)) return;
  watcher_->stop();
  // The lock makes sure that the thread either sees closing_ before it waits or is woken.
  {
    const std::lock_guard lock(mutex_);
  }
  changed_.notify_all();
}

void KernelSession::run(const SessionOptions& options) {
  ::pthread_setname_np(::pthread_self(), "fairlead-kernel");
  Outcome failure = openSockets(options);
  const bool failed = failure.has_value();
  {
    const std::lock_guard lock(mutex_);
    started_ = std::move(failure);
  }
  changed_.notify_all();
  if (failed) return;

  while (auto job = nextJob()) {
    job->perform(*sockets_);
    finish(std::move(job));
  }
  {
    const std::lock_guard lock(mutex_);
    for (auto& job : waiting_) {
      job->refuse({ECANCELED, "closeKernel"});
      done_.push_back(std::move(job));
    }
    waiting_.clear();
    ended_ = true;
  }
  // Also when another notice is on its way: that one may be delivered before `ended_` was set.
  notify();
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

std::unique_ptr<Job> KernelSession::nextJob() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
  if (closing_) return nullptr;
  auto job = std::move(waiting_.front());
  waiting_.pop_front();
  return job;
}

void KernelSession::finish(std::unique_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    done_.push_back(std::move(job));
  }
  notify();
}

void KernelSession::notify() {
  // One call under way is enough, since it takes all that there is: the queue stays bounded.
  if (notified_.exchange(true)) return;
  ::napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

void KernelSession::onCall(napi_env env, napi_value /*function*/, void* session,
                           void* /*nothing*/) {
  // Without an environment the function is being torn down, and the session is gone.
  if (env != nullptr) static_cast<KernelSession*>(session)->deliver(Napi::Env(env));
}

void KernelSession::deliver(Napi::Env env) {
  const std::shared_ptr<KernelSession> kept = self_;
  // Before anything is taken: what comes later asks for a call of its own.
  notified_ = false;
  std::deque<std::unique_ptr<Job>> done;
  bool ended = false;
  {
    const std::lock_guard lock(mutex_);
    done.swap(done_);
    ended = ended_;
  }
  for (const auto& job : done) {
    const Napi::HandleScope scope(env);
    job->settle(env);
  }
  unsettled_ -= done.size();
  if (!done.empty() && unsettled_ == 0) ::napi_unref_threadsafe_function(env, function_);
  if (!callback_.IsEmpty() && !closing_) deliverChanges(env);
  if (ended) {
    ::napi_remove_env_cleanup_hook(env_, onEnvironmentEnd, this);
    release();
  }
}

void KernelSession::deliverChanges(Napi::Env env) {
  const Changes changes = watcher_->take();
  if (changes.changes.empty() && !changes.overrun) return;
  const Napi::HandleScope scope(env);
  callback_.Call({toEvents(env, changes)});
  if (env.IsExceptionPending()) {
    // There is no caller to throw it to: it becomes an uncaughtException, as from any listener.
    ::napi_fatal_exception(env, env.GetAndClearPendingException().Value());
  }
}

void KernelSession::onEnvironmentEnd(void* session) {
  auto* const self = static_cast<KernelSession*>(session);
  self->close();
  self->release();
}

void KernelSession::release() {
  const std::shared_ptr<KernelSession> kept = std::move(self_);
  thread_.join();
  callback_.Reset();
  ::napi_release_threadsafe_function(function_, napi_tsfn_abort);
}

}  // namespace fairlead
