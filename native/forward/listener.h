#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ip_address.h"
#include "base/unique_fd.h"
#include "forward/backends.h"
#include "forward/intrusive_list.h"
#include "forward/loop.h"
#include "forward/shared_listener.h"

namespace fairlead {

// One thread's part of a listener: its listening socket, among which the kernel spreads the clients
// (SO_REUSEPORT), and its connections.
//
// It stops accepting, and leaves clients in the kernel's queue, while every place is taken or
// descriptors are wanting. It never spins on a queue that it cannot empty: the socket is not
// watched until tryToResume() finds that it may be.
class Listener : public ListNode<ByPause> {
 public:
  Listener(Loop& loop, std::shared_ptr<SharedListener> shared, std::size_t thread,
           std::shared_ptr<const Routing> routing, UniqueFd socket);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  // Takes clients from the queue, at most one batch.
  void accept();

  [[nodiscard]] bool paused() const { return pause_ != Pause::kNone; }
  void tryToResume();
  // Stops accepting for a moment: accept(2) or socket(2) found no descriptor.
  void pauseForDescriptors();

  // Closes the listening socket; clients still in its queue are reset by the kernel.
  void stopAccepting();
  // Resets every connection; or those that were accepted on one of `addresses`.
  void resetConnections();
  void resetConnections(const std::vector<IpAddress>& addresses);
  // Resets what has been idle for longer than the routing allows.
  void checkIdleTimeouts();
  // Resets connections whose peer has vanished.
  void checkPeers();

  // Lists `connection`, which has reached its backend, as open.
  void adopt(Connection& connection);
  // Returns the place of a connection that has closed.
  void forget();

  void setRouting(std::shared_ptr<const Routing> routing) { routing_ = std::move(routing); }
  [[nodiscard]] const std::shared_ptr<const Routing>& routing() const { return routing_; }
  [[nodiscard]] SharedListener& shared() const { return *shared_; }
  [[nodiscard]] Traffic& traffic() const { return shared_->traffic[thread_]; }
  [[nodiscard]] std::size_t connections() const { return connections_; }

 private:
  enum class Pause : std::uint8_t { kNone, kPlaces, kDescriptors };

  template <typename Visit>
  void forEachConnection(Visit visit);
  void pause(Pause reason);
  void watch();
  void leavePause();

  Loop& loop_;
  const std::shared_ptr<SharedListener> shared_;
  const std::size_t thread_;
  std::shared_ptr<const Routing> routing_;
  UniqueFd socket_;
  IntrusiveList<Connection, ByStage> open_;
  std::size_t connections_ = 0;  // Open and connecting.
  std::uint64_t resume_at_ms_ = 0;
  Pause pause_ = Pause::kNone;
};

}  // namespace fairlead
