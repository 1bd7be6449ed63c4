#pragma once

#include <napi.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "binding/job_thread.h"
#include "netlink/address.h"
#include "netlink/socket.h"
#include "netlink/watcher.h"
#include "packet/claim_watcher.h"
#include "packet/packet_socket.h"

namespace fairlead {

struct SessionOptions {
  std::optional<std::string> network_namespace{};
  int event_buffer_bytes = 0;  // 0: as large as is allowed.
  TagForm tag_form = TagForm::kProtocol;
};

// What a job may use on the kernel thread.
struct KernelSockets {
  NetlinkSocket netlink;
  std::optional<PacketSocket> packets;  // Opened when first needed: it takes CAP_NET_RAW.
  TagForm tag_form;
  const std::atomic<bool>& closing;
};

// What a KernelHandle stands for: a thread that lives in one network namespace.
class KernelSession : public std::enable_shared_from_this<KernelSession> {
 public:
  static Result<std::shared_ptr<KernelSession>> open(Napi::Env env, const SessionOptions& options);
  KernelSession(const KernelSession&) = delete;
  KernelSession& operator=(const KernelSession&) = delete;
  ~KernelSession() = default;

  // `perform`: (KernelSockets&) → Result<T>.
  template <typename T, typename Perform, typename Convert>
  Napi::Value submit(Napi::Env env, Perform perform, Convert convert) {
    return thread_->submit<T>(
        env,
        [self = shared_from_this(), perform = std::move(perform)]() mutable {
          return perform(*self->sockets_);
        },
        std::move(convert));
  }
  // Calls back with what changes from now until close().
  Result<Done> watch(Napi::Function callback);
  // Calls back with foreign claims of what claims() watches, once that is open.
  Result<Done> watchClaims(Napi::Function callback);
  ClaimWatcher& claims() { return claims_; }
  // Idempotent; does not wait for a request that is in the kernel.
  void close() { thread_->close(); }

 private:
  KernelSession() = default;

  // On the kernel thread.
  Outcome openSockets(const SessionOptions& options);
  // On the JavaScript thread.
  void deliverChanges(Napi::Env env);
  void deliverClaims(Napi::Env env);
  void callBack(Napi::Env env, const Napi::FunctionReference& callback, Napi::Value argument);
  void stopWatching();
  void forgetCallbacks();

  std::shared_ptr<JobThread> thread_;
  Napi::FunctionReference callback_;
  Napi::FunctionReference claims_callback_;
  std::atomic<bool> closing_ = false;
  std::optional<KernelSockets> sockets_;
  std::unique_ptr<ChangeWatcher> watcher_;
  ClaimWatcher claims_{[this] { thread_->notify(); }};
};

// Reads a handle of openKernel. Throws a JavaScript TypeError and returns nothing for anything
// else.
std::shared_ptr<KernelSession> sessionOf(const Napi::Value& handle);

}  // namespace fairlead
