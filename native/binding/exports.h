#pragma once

#include <napi.h>

namespace fairlead {

// Each adds the functions of one area to what the addon exports (src/dataplane/binding.ts).
void exportProcess(Napi::Env env, Napi::Object exports);
void exportKernel(Napi::Env env, Napi::Object exports);
void exportAddresses(Napi::Env env, Napi::Object exports);
void exportLinks(Napi::Env env, Napi::Object exports);
void exportNeighbors(Napi::Env env, Napi::Object exports);
void exportClaims(Napi::Env env, Napi::Object exports);
void exportDeadlinePage(Napi::Env env, Napi::Object exports);
void exportForwarder(Napi::Env env, Napi::Object exports);
void exportGate(Napi::Env env, Napi::Object exports);

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void exportFunction(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(env, name));
}

}  // namespace fairlead
