#include "binding/error.h"

namespace fairlead {
namespace {

void describe(Napi::Object object, const SystemError& error) {
  object.Set("errno", error.error_number);
  object.Set("syscall", error.syscall);
  if (!error.detail.empty()) object.Set("detail", error.detail);
}

}  // namespace

Napi::Object toFailure(Napi::Env env, const SystemError& error) {
  const Napi::Object failure = Napi::Object::New(env);
  describe(failure, error);
  return failure;
}

Napi::Error toError(Napi::Env env, const SystemError& error) {
  Napi::Error thrown = Napi::Error::New(
      env, std::string(error.syscall) + " failed with errno " + std::to_string(error.error_number));
  describe(thrown.Value(), error);
  return thrown;
}

Napi::Value toFailures(Napi::Env env, const std::vector<Outcome>& outcomes) {
  const Napi::Array failures = Napi::Array::New(env, outcomes.size());
  const Napi::Value none = env.Null();
  for (std::uint32_t i = 0; i < outcomes.size(); ++i) {
    failures.Set(i, outcomes[i] ? toFailure(env, *outcomes[i]) : none);
  }
  return failures;
}

Napi::Value throwTypeError(Napi::Env env, const std::string& message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value throwSystemError(Napi::Env env, const SystemError& error) {
  toError(env, error).ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace fairlead
