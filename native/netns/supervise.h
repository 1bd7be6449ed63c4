#pragma once

#include <signal.h>
#include <sys/types.h>

namespace fairlead::netns {

// Blocks SIGCHLD and the signals that are passed on, so that none is lost between a fork and
// superviseUntilExit; returns the mask that the command has to start with.
sigset_t holdSignals();

// Reaps every child and passes signals on to `pid` until that one ends. Returns its exit code, or
// 128 + n when signal n ended it, as shells do.
int superviseUntilExit(pid_t pid);

// Has this process killed when its parent dies. False when the parent, at the other end of
// `lifeline`, is dead already: the kernel would tell nobody.
bool dieWithParent(int lifeline);

// Kills what outlived its parent and so became a child of this process (PR_SET_CHILD_SUBREAPER),
// where no process namespace does it.
void killOrphans();

}  // namespace fairlead::netns
