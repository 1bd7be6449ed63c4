#include "forward/thread.h"

#include <signal.h>

namespace fairlead {

Result<std::unique_ptr<Thread>> Thread::start(std::string name, std::function<void()> body) {
  std::unique_ptr<Thread> thread(new Thread(std::move(name), std::move(body)));
  // Signals are for the main thread. SIGPIPE above all: splice(2) cannot be told MSG_NOSIGNAL.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = ::pthread_create(&thread->handle_, nullptr, &Thread::run, thread.get());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return SystemError{.error_number = error, .syscall = "pthread_create"};
  thread->started_ = true;
  return thread;
}

void* Thread::run(void* thread) {
  const auto* self = static_cast<Thread*>(thread);
  ::pthread_setname_np(::pthread_self(), self->name_.c_str());
  self->body_();
  return nullptr;
}

Thread::~Thread() {
  if (started_) ::pthread_join(handle_, nullptr);
}

}  // namespace fairlead
