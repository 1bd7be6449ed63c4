#pragma once

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/result.h"
#include "binding/job.h"
#include "netlink/watcher.h"

namespace fairlead {

struct SessionOptions {
  std::optional<std::string> network_namespace{};
  int event_buffer_bytes = 0;  // 0: as large as is allowed.
  TagForm tag_form = TagForm::kProtocol;
};

// What a KernelHandle stands for: a thread that lives in one network namespace and performs jobs in
// their order. The JavaScript thread never waits for the kernel: a netlink request takes as long as
// another process holds RTNL.
//
// Life: open → close (by JavaScript, or when the handle is collected) → the thread refuses what
// waits and ends → the JavaScript thread joins it. When the environment ends first, its clean-up
// hook does.
class KernelSession {
 public:
  static Result<std::shared_ptr<KernelSession>> open(Napi::Env env, const SessionOptions& options);
  KernelSession(const KernelSession&) = delete;
  KernelSession& operator=(const KernelSession&) = delete;
  ~KernelSession() = default;

  // Returns the promise of a job. Until it is settled it keeps the process alive; a watch does not.
  template <typename T, typename Perform, typename Convert>
  Napi::Value submit(Napi::Env env, Perform perform, Convert convert) {
    return enqueue(env, std::make_unique<TypedJob<T, Perform, Convert>>(env, std::move(perform),
                                                                        std::move(convert)));
  }
  // Calls back with what changes from now until close().
  Result<Done> watch(Napi::Function callback);
  // Idempotent; does not wait for a request that is in the kernel.
  void close();

 private:
  explicit KernelSession(napi_env env) : env_(env) {}

  static void onCall(napi_env env, napi_value function, void* session, void* nothing);
  static void onEnvironmentEnd(void* session);

  Napi::Value enqueue(Napi::Env env, std::unique_ptr<Job> job);
  // On the kernel thread.
  void run(const SessionOptions& options);
  Outcome openSockets(const SessionOptions& options);
  std::unique_ptr<Job> nextJob();
  void finish(std::unique_ptr<Job> job);
  // On the kernel's or the watcher's thread: asks for deliver() on the JavaScript thread.
  void notify();
  // On the JavaScript thread.
  void deliver(Napi::Env env);
  void deliverChanges(Napi::Env env);
  void release();

  napi_env env_;
  napi_threadsafe_function function_ = nullptr;
  Napi::FunctionReference callback_;
  std::size_t unsettled_ = 0;
  // The session's threads and calls hold it until release().
  std::shared_ptr<KernelSession> self_;

  std::atomic<bool> closing_ = false;
  std::atomic<bool> notified_ = false;
  std::optional<KernelSockets> sockets_;
  std::unique_ptr<ChangeWatcher> watcher_;

  std::mutex mutex_;  // Of what follows.
  std::condition_variable changed_;
  std::optional<Outcome> started_;
  std::deque<std::unique_ptr<Job>> waiting_;
  std::deque<std::unique_ptr<Job>> done_;
  bool ended_ = false;

  std::thread thread_;
};

// Reads a handle of openKernel. Throws a JavaScript TypeError and returns nothing for anything
// else.
std::shared_ptr<KernelSession> sessionOf(const Napi::Value& handle);

}  // namespace fairlead
