#include "binding/job_thread.h"

#include <pthread.h>

namespace fairlead {
namespace {

// A caller that does not wait for its promises is refused beyond this.
constexpr std::size_t kMaxUnsettled = 1024;

}  // namespace

Result<std::shared_ptr<JobThread>> JobThread::start(Napi::Env env, Options options) {
  std::shared_ptr<JobThread> thread(new JobThread(env, std::move(options)));
  const napi_value name = Napi::String::New(env, thread->options_.name);
  if (::napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr,
                                        thread.get(), onCall, &thread->function_) != napi_ok) {
    return SystemError{ENOMEM, "napi_create_threadsafe_function"};
  }
  ::napi_unref_threadsafe_function(env, thread->function_);

  thread->thread_ = std::thread([raw = thread.get()] { raw->run(); });
  Outcome failure;
  {
    std::unique_lock lock(thread->mutex_);
    thread->changed_.wait(lock, [&] { return thread->started_.has_value(); });
    failure = *thread->started_;
  }
  if (failure) {
    thread->thread_.join();
    ::napi_release_threadsafe_function(thread->function_, napi_tsfn_abort);
    return *failure;
  }
  thread->self_ = thread;
  // Registered after the function's own hook, so run before it (hooks run in reverse).
  ::napi_add_env_cleanup_hook(env, onEnvironmentEnd, thread.get());
  return thread;
}

Napi::Value JobThread::enqueue(Napi::Env env, std::unique_ptr<Job> job) {
  const Napi::Promise promise = job->promise();
  const int refusal = closing_ ? ECANCELED : unsettled_ >= kMaxUnsettled ? ENOBUFS : 0;
  if (refusal != 0) {
    job->refuse({refusal, options_.close_verb});
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

void JobThread::close() {
  if (closing_.exchange(true)) return;
  if (options_.closing) options_.closing();
  // The lock makes sure that the thread either sees closing_ before it waits or is woken.
  {
    const std::lock_guard lock(mutex_);
  }
  changed_.notify_all();
}

void JobThread::run() {
  ::pthread_setname_np(::pthread_self(), options_.name);
  Outcome failure = options_.begin ? options_.begin() : Outcome{};
  const bool failed = failure.has_value();
  {
    const std::lock_guard lock(mutex_);
    started_ = std::move(failure);
  }
  changed_.notify_all();
  if (failed) return;

  while (auto job = nextJob()) {
    job->perform();
    finish(std::move(job));
  }
  {
    const std::lock_guard lock(mutex_);
    for (auto& job : waiting_) {
      job->refuse({ECANCELED, options_.close_verb});
      done_.push_back(std::move(job));
    }
    waiting_.clear();
    ended_ = true;
  }
  // Also when another notice is on its way: that one may be delivered before `ended_` was set.
  notify();
}

std::unique_ptr<Job> JobThread::nextJob() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
  if (closing_) return nullptr;
  auto job = std::move(waiting_.front());
  waiting_.pop_front();
  return job;
}

void JobThread::finish(std::unique_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    done_.push_back(std::move(job));
  }
  notify();
}

void JobThread::notify() {
  // One call under way is enough, since it takes all that there is: the queue stays bounded.
  if (notified_.exchange(true)) return;
  ::napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

void JobThread::onCall(napi_env env, napi_value /*function*/, void* thread, void* /*nothing*/) {
  // Without an environment the function is being torn down, and the thread is gone.
  if (env != nullptr) static_cast<JobThread*>(thread)->deliver(Napi::Env(env));
}

void JobThread::deliver(Napi::Env env) {
  const std::shared_ptr<JobThread> kept = self_;
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
  if (options_.delivered && !closing_) options_.delivered(env);
  if (ended) {
    ::napi_remove_env_cleanup_hook(env_, onEnvironmentEnd, this);
    release();
  }
}

void JobThread::onEnvironmentEnd(void* thread) {
  auto* const self = static_cast<JobThread*>(thread);
  self->close();
  self->release();
}

void JobThread::release() {
  const std::shared_ptr<JobThread> kept = std::move(self_);
  thread_.join();
  if (options_.ended) options_.ended();
  // They may hold what holds this.
  options_.begin = nullptr;
  options_.delivered = nullptr;
  options_.closing = options_.ended = nullptr;
  ::napi_release_threadsafe_function(function_, napi_tsfn_abort);
}

}  // namespace fairlead
