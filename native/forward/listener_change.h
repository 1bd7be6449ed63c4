#pragma once

#include <memory>
#include <vector>

#include "base/ip_address.h"
#include "base/unique_fd.h"
#include "forward/backends.h"
#include "forward/shared_listener.h"

namespace fairlead {

// What one thread is to make different about its listeners.
struct ListenerChange {
  struct Opened {
    std::shared_ptr<SharedListener> listener;
    std::shared_ptr<const Routing> routing;
    UniqueFd socket;
  };
  struct Rerouted {
    const SharedListener* listener;
    std::shared_ptr<const Routing> routing;
  };

  std::vector<const SharedListener*> removed;
  // Reset the connections of removed listeners, of earlier ones that still drain too.
  bool reset_removed = false;
  // Reset every connection that was accepted on one of these.
  std::vector<IpAddress> reset_addresses;
  std::vector<Rerouted> rerouted;
  std::vector<Opened> opened;
  bool stop = false;  // Reset everything and end the thread.
};

}  // namespace fairlead
