#include "forward/thread.h"

#include <signal.h>
#include <sys/resource.h>

namespace fairlead {
namespace {

// Whoever started it may run before other programs, to hold the VIP. The load behind the VIP is
// such a program.
void takeOrdinaryPriority() {
  // Of the calling thread alone (setpriority(2), "C library/kernel differences"). Without a
  // failure: to ask for less is always allowed.
  if (::getpriority(PRIO_PROCESS, 0) < 0) static_cast<void>(::setpriority(PRIO_PROCESS, 0, 0));
}

}  // namespace

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
  takeOrdinaryPriority();
  self->body_();
  return nullptr;
}

Thread::~Thread() {
  if (started_) ::pthread_join(handle_, nullptr);
}

}  // namespace fairlead
