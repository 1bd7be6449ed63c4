#pragma once

namespace fairlead::guard {

// Leaves this process with what it needs and nothing else: no terminal, no signal that a user or
// systemd sends to the whole group, no file descriptor above the deadline page's.
void detach();

// Closes every file descriptor from this number on.
void closeFrom(int first);

// Keeps all of the memory in RAM: a machine that is short of it is when a guard is needed. False
// where RLIMIT_MEMLOCK forbids it. Needs CAP_IPC_LOCK or the limit, so before dropCapabilities.
bool lockMemory();

// Drops every capability but CAP_NET_ADMIN, for good. The name of the call that failed, with errno
// set (EPERM when it has not got that one), or null.
const char* dropCapabilities();

}  // namespace fairlead::guard
