#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/ip_address.h"
#include "base/unique_fd.h"
#include "forward/backends.h"
#include "forward/choice.h"
#include "forward/flow.h"
#include "forward/intrusive_list.h"
#include "forward/loop.h"

namespace fairlead {

class Listener;

// One client socket joined to one backend socket. It begins connecting, tries backends in the order
// that Choice gives and none after the first byte, forwards both directions, and closes when both
// have ended. What ends otherwise ends in a reset on both sides, so that neither takes an end for a
// whole.
//
// The loop owns connections through its lists: one that closes unlinks itself from its listener and
// waits in Loop::closed until no event of the current turn can name it.
class Connection : public ListNode<ByStage>, public ListNode<ByTurn> {
 public:
  // `listener` holds a place for this connection.
  Connection(Loop& loop, Listener& listener, UniqueFd client);

  // Begins to connect. The connection may have closed itself when this returns.
  void start();

  // Takes an epoll event of the client's or the backend's socket.
  void receiveClientEvent(std::uint32_t events);
  void receiveBackendEvent(std::uint32_t events);

  // Moves what can be moved, either way, within the budget.
  void forward();
  // Looks at the clock: gives up a connect that takes too long.
  void checkConnectTimeout();
  // Looks at the clock: resets what has been idle for too long.
  void checkIdleTimeout();
  // Resets itself when one of its peers has vanished. Costs system calls when it is idle.
  void checkPeers();

  // Ends both sides with a RST.
  void reset();

  // The address that the client connected to.
  [[nodiscard]] IpAddress localAddress() const;
  [[nodiscard]] const Listener& listener() const { return listener_; }

 private:
  enum class Stage : std::uint8_t { kConnecting, kOpen, kClosed };

  // Connects to the next backend that is to be tried, or resets when there is none.
  void connectNext();
  void chooseBackend();
  [[nodiscard]] UniqueFd openSocket(int family);
  [[nodiscard]] bool beginConnect();
  void connected();
  // Gives the present backend up: the attempt to connect to it failed.
  void failBackend();
  // Tells the backend who the client is, before anything else; false when the client is gone.
  [[nodiscard]] bool introduceClient();
  // Leaves the lists and gives everything back; the sockets are closed as their linger option says.
  void close();

  Loop& loop_;
  Listener& listener_;
  std::shared_ptr<const Routing> routing_;
  End client_end_;
  End backend_end_;
  Flow up_;                 // Client to backend.
  Flow down_;               // Backend to client.
  std::uint64_t since_ms_;  // Connecting: when this attempt began. Open: when bytes last moved.
  // Of the routing. Counts this connection as connecting to it, or open.
  Backend* backend_ = nullptr;
  Search search_;
  Stage stage_ = Stage::kConnecting;
  bool keeps_alive_ = false;  // The backend's socket; the client's does from the beginning.
};

}  // namespace fairlead
