#pragma once

#include <sys/types.h>

#include "netns/failure.h"

namespace fairlead::netns {

// Which namespaces a command gets beside a network of its own.
struct Isolation {
  // A user namespace in which the caller is root: how one who lacks CAP_SYS_ADMIN may have the
  // rest.
  bool user = false;
  // A process namespace: when its init ends, the kernel ends all that is left in it.
  bool processes = true;
};

// A fork of this process as init of new namespaces.
struct Clone {
  pid_t pid = -1;  // 0 in the new process, and -1 when the kernel refused.
  Failure failure;
};

// The isolation that this process, with its capabilities, has to ask for.
Isolation isolationNeeded();

Clone cloneInto(Isolation isolation);

// Completes the namespaces from inside: ids, mounts and lo. `outer_uid` and `outer_gid` are those
// of the caller as read before cloneInto. `refused_mount` is set when the machine allows the
// network but neither /proc nor /run of one's own, as container runtimes do: without a /proc that
// shows it, a process namespace misleads whoever looks up its own pid, so the caller starts again
// without.
bool furnish(Isolation isolation, uid_t outer_uid, gid_t outer_gid, Failure& failure,
             bool& refused_mount);

bool bringLoopbackUp(Failure& failure);

}  // namespace fairlead::netns
