#pragma once

#include <napi.h>

#include "netlink/watcher.h"

namespace fairlead {

// NativeKernelEvent[]
Napi::Value toEvents(Napi::Env env, const Changes& changes);

}  // namespace fairlead
