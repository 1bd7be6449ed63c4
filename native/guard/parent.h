#pragma once

#include "guard/guard.h"

namespace fairlead::guard {

// Starts the daemon as `command`, guards it and ends with its exit code, as a shell counts: 128 and
// the number for a signal. Passes signals on, and reaps whatever is left to it: it is made to be
// process 1 of a container, and the main process of a systemd unit.
int guardChild(Guard& guard, char* const* command);

}  // namespace fairlead::guard
