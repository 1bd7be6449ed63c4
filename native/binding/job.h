#pragma once

#include <napi.h>

#include <optional>
#include <utility>

#include "base/result.h"
#include "binding/error.h"

namespace fairlead {

// One request: performed on a thread of ours, settled on the JavaScript thread.
class Job {
 public:
  explicit Job(Napi::Env env) : deferred_(env) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  virtual void perform() = 0;
  virtual void refuse(SystemError error) = 0;
  virtual void settle(Napi::Env env) = 0;
  [[nodiscard]] Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  Napi::Promise::Deferred deferred_;
};

// `Perform`: () → Result<T>. `Convert`: (Napi::Env, const T&) → Napi::Value.
template <typename T, typename Perform, typename Convert>
class TypedJob final : public Job {
 public:
  TypedJob(Napi::Env env, Perform perform, Convert convert)
      : Job(env), perform_(std::move(perform)), convert_(std::move(convert)) {}

  void perform() override { result_.emplace(perform_()); }
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

// What a job without an answer is settled with.
inline Napi::Value toUndefined(Napi::Env env, const Done& /*done*/) { return env.Undefined(); }

}  // namespace fairlead
