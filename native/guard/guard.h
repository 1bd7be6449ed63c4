#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/deadline_page.h"
#include "base/unique_fd.h"
#include "guard/channel.h"
#include "guard/death_watch.h"
#include "guard/gate_closer.h"
#include "guard/orders.h"
#include "guard/protocol.h"
#include "guard/withdrawal.h"

namespace fairlead::guard {

// What is withdrawn, when and in which order; main.cc and parent.cc say whom for.
class Guard {
 public:
  // Takes kChannelFd and kDeadlinePageFd for its own. The name of the call that failed, with errno
  // set, or null.
  const char* open();
  // Gives up all that is not needed any more, listens for the death of the daemon, and tells it
  // that all is ready.
  const char* begin(pid_t daemon);
  void reportFailure(const char* call, int error);

  // To be waited for: it is readable when serve() has something to do.
  [[nodiscard]] int timer() const { return timer_.get(); }
  // Withdraws if the deadline has passed, and takes at most one command. False when the socket to
  // the daemon has ended.
  bool serve();
  // Sets the timer anew where that is due; before each wait.
  void armTimer();

  // To be waited for, or -1: it is readable when daemonDied() has something to say.
  [[nodiscard]] int bell() const { return death_.bell(); }
  // Whether the daemon is proven dead; what it said before that is obeyed first.
  bool daemonDied();

  // Closes the gate and deletes the addresses: the daemon is dead, or cannot be understood.
  FiredRecord withdraw();
  // Only once withdraw() has failed at nothing, and the daemon is dead.
  void resign();

 private:
  bool withdrawIfPassed();
  void obey();

  Channel channel_{kChannelFd};
  Orders orders_;
  GateCloser gate_;
  Withdrawal withdrawal_;
  DeathWatch death_;
  DeadlinePage* page_ = nullptr;
  UniqueFd timer_;
  std::uint64_t armed_for_ns_ = kNotArmed;
};

}  // namespace fairlead::guard
