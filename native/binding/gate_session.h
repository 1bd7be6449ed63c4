#pragma once

#include <napi.h>

#include <memory>
#include <mutex>

#include "base/result.h"
#include "binding/job_thread.h"
#include "gate/arming.h"
#include "gate/keeper.h"

namespace fairlead {

// What a GateHandle stands for: a thread for transactions, one for orders, which never wait behind
// a transaction, and those of the keeper and the watch.
class GateSession : public std::enable_shared_from_this<GateSession> {
 public:
  // `page` is kept until the threads have ended.
  static Result<std::shared_ptr<GateSession>> open(Napi::Env env, const Napi::Value& page,
                                                   const DeadlinePage& deadline,
                                                   gate::ArmingOptions options);
  GateSession(const GateSession&) = delete;
  GateSession& operator=(const GateSession&) = delete;
  ~GateSession() = default;

  // Makes the tables. Once; the calls below need it.
  Napi::Value create(Napi::Env env);
  Napi::Value arm(Napi::Env env, std::vector<gate::LinkAddress> addresses);
  Napi::Value acquire(Napi::Env env);
  Napi::Value shut(Napi::Env env);
  Napi::Value remove(Napi::Env env);
  Result<Done> watch(Napi::Function callback);
  [[nodiscard]] bool isOpen() const { return keeper_ && keeper_->open(); }
  [[nodiscard]] std::uint64_t reopened() const { return keeper_ ? keeper_->reopened() : 0; }
  // Idempotent. The tables stay.
  void close();

 private:
  GateSession(const DeadlinePage& deadline, gate::ArmingOptions options)
      : deadline_(deadline), options_(std::move(options)) {}

  // On the thread for transactions.
  Result<Done> createTables();
  // On the JavaScript thread.
  void deliver(Napi::Env env);
  void stopThreads();

  const DeadlinePage& deadline_;
  const gate::ArmingOptions options_;
  Napi::Reference<Napi::Value> page_;
  Napi::FunctionReference callback_;
  std::shared_ptr<JobThread> transactions_;
  std::shared_ptr<JobThread> orders_;
  std::atomic<bool> news_ = false;

  std::mutex mutex_;  // Of the making of what follows, and its end.
  bool closed_ = false;
  std::unique_ptr<gate::Arming> arming_;
  std::unique_ptr<gate::Keeper> keeper_;
};

}  // namespace fairlead
