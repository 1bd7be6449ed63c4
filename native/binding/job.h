#pragma once

#include <napi.h>

#include <optional>
#include <utility>

#include "base/result.h"
#include "binding/error.h"
#include "netlink/address.h"
#include "netlink/socket.h"
#include "packet/packet_socket.h"

namespace fairlead {

// What a job may use on the kernel thread.
struct KernelSockets {
  NetlinkSocket netlink;
  std::optional<PacketSocket> packets;  // Opened when first needed: it takes CAP_NET_RAW.
  TagForm tag_form;
  const std::atomic<bool>& closing;
};

// One request: performed on the kernel thread, settled on the JavaScript thread.
class Job {
 public:
  explicit Job(Napi::Env env) : deferred_(env) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  virtual void perform(KernelSockets& sockets) = 0;
  virtual void refuse(SystemError error) = 0;
  virtual void settle(Napi::Env env) = 0;
  [[nodiscard]] Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  Napi::Promise::Deferred deferred_;
};

// `Perform`: (KernelSockets&) → Result<T>. `Convert`: (Napi::Env, const T&) → Napi::Value.
template <typename T, typename Perform, typename Convert>
class TypedJob final : public Job {
 public:
  TypedJob(Napi::Env env, Perform perform, Convert convert)
      : Job(env), perform_(std::move(perform)), convert_(std::move(convert)) {}

  void perform(KernelSockets& sockets) override { result_.emplace(perform_(sockets)); }
  void refuse(SystemError error) override { result_.emplace(std::move(error)); }
  void settle(Napi::Env env) override {
    if (result_->ok()) {
      deferred_.Resolve(convert_(env, result_->value()));
    } else {
      deferred_.Reject(toError(env, result_->error()).Value());
    }
  }

 private:
  Perform perform_;
  Convert convert_;
  std::optional<Result<T>> result_;
};

}  // namespace fairlead
