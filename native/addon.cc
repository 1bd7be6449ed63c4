#include <napi.h>

#include "binding/exports.h"

static Napi::Object exportAll(Napi::Env env, Napi::Object exports) {
  fairlead::exportProcess(env, exports);
  fairlead::exportKernel(env, exports);
  fairlead::exportAddresses(env, exports);
  fairlead::exportLinks(env, exports);
  fairlead::exportNeighbors(env, exports);
  fairlead::exportClaims(env, exports);
  fairlead::exportDeadlinePage(env, exports);
  fairlead::exportForwarder(env, exports);
  fairlead::exportGate(env, exports);
  return exports;
}

NODE_API_MODULE(fairlead, exportAll)
