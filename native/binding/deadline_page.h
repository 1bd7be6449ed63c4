#pragma once

#include <napi.h>

#include "base/shared_deadline.h"

namespace fairlead {

// Reads a handle of createDeadlinePage. Throws a JavaScript TypeError and returns nothing for
// anything else. It lives as long as the handle.
SharedDeadline* deadlinePageOf(const Napi::Value& handle);

}  // namespace fairlead
