#pragma once

#include <napi.h>

#include "base/result.h"

namespace fairlead {

// { errno, syscall, detail? }: the name of the number is TypeScript's to add, since C libraries
// differ in what they know (strerrorname_np is glibc's alone).
Napi::Object toFailure(Napi::Env env, const SystemError& error);
// An Error with the same properties, for a call that could not begin or a promise.
Napi::Error toError(Napi::Env env, const SystemError& error);
// (NativeFailure | null)[]
Napi::Value toFailures(Napi::Env env, const std::vector<Outcome>& outcomes);

// Leave a pending JavaScript exception and return undefined.
Napi::Value throwTypeError(Napi::Env env, const std::string& message);
Napi::Value throwSystemError(Napi::Env env, const SystemError& error);

}  // namespace fairlead
