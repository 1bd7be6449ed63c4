#pragma once

#include <napi.h>

#include "packet/claim_watcher.h"

namespace fairlead {

// NativeClaimReport
Napi::Value toClaimReport(Napi::Env env, const ClaimReport& report);

}  // namespace fairlead
