#pragma once

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/result.h"
#include "binding/job.h"

namespace fairlead {

// A thread that performs jobs in their order, so that the JavaScript thread never waits for the
// kernel: a netlink request takes as long as another process holds the lock that it needs.
//
// Life: start → close (by JavaScript, or when the handle is collected) → the thread refuses what
// waits and ends → the JavaScript thread joins it. When the environment ends first, its clean-up
// hook does.
class JobThread {
 public:
  struct Options {
    const char* name;        // Of the thread: at most 15 bytes.
    const char* close_verb;  // Whose call refuses what was not begun.
    // On the thread, before the first job; when it fails there is no thread.
    std::function<Outcome()> begin = nullptr;
    // On the JavaScript thread, after jobs were settled and after each notify().
    std::function<void(Napi::Env)> delivered = nullptr;
    // On the JavaScript thread, by close().
    std::function<void()> closing = nullptr;
    // On the JavaScript thread, when the thread is joined.
    std::function<void()> ended = nullptr;
  };

  static Result<std::shared_ptr<JobThread>> start(Napi::Env env, Options options);
  JobThread(const JobThread&) = delete;
  JobThread& operator=(const JobThread&) = delete;
  ~JobThread() = default;

  // Returns the promise of a job. Until it is settled it keeps the process alive; a notice does
  // not.
  template <typename T, typename Perform, typename Convert>
  Napi::Value submit(Napi::Env env, Perform perform, Convert convert) {
    return enqueue(env, std::make_unique<TypedJob<T, Perform, Convert>>(env, std::move(perform),
                                                                        std::move(convert)));
  }
  // On any thread: asks for `delivered` on the JavaScript thread.
  void notify();
  // Idempotent; does not wait for a request that is in the kernel.
  void close();
  [[nodiscard]] const std::atomic<bool>& closing() const { return closing_; }

 private:
  JobThread(napi_env env, Options options) : env_(env), options_(std::move(options)) {}

  static void onCall(napi_env env, napi_value function, void* thread, void* nothing);
  static void onEnvironmentEnd(void* thread);

  Napi::Value enqueue(Napi::Env env, std::unique_ptr<Job> job);
  // On the thread.
  void run();
  std::unique_ptr<Job> nextJob();
  void finish(std::unique_ptr<Job> job);
  // On the JavaScript thread.
  void deliver(Napi::Env env);
  void release();

  napi_env env_;
  Options options_;
  napi_threadsafe_function function_ = nullptr;
  std::size_t unsettled_ = 0;
  // The thread and the calls hold it until release().
  std::shared_ptr<JobThread> self_;

  std::atomic<bool> closing_ = false;
  std::atomic<bool> notified_ = false;

  std::mutex mutex_;  // Of what follows.
  std::condition_variable changed_;
  std::optional<Outcome> started_;
  std::deque<std::unique_ptr<Job>> waiting_;
  std::deque<std::unique_ptr<Job>> done_;
  bool ended_ = false;

  std::thread thread_;
};

}  // namespace fairlead
