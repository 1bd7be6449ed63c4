#pragma once

#include "guard/guard.h"

namespace fairlead::guard {

// Guards the process that has started this one, until that is gone. Returns the exit code.
int guardParent(Guard& guard);

}  // namespace fairlead::guard
