#pragma once

#include <fcntl.h>
#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/unique_fd.h"
#include "forward/intrusive_list.h"
#include "forward/pipe.h"

namespace fairlead {

class Connection;
class Listener;

// The lists that a connection can be in, one of each kind at a time.
struct ByStage;  // Connecting, or open.
struct ByTurn;   // To be continued, or closed and not yet freed.
struct ByPause;  // Of listeners: those that do not accept now.

// What epoll reports on: the kind of socket, and the object it belongs to.
enum class Watched : std::uintptr_t { kDoor, kListener, kClient, kBackend };

// What the connections of one forwarding thread share. Only that thread touches it.
struct Loop {
  static constexpr std::size_t kScratchBytes = 64 * 1024;

  // Watches `socket` on behalf of `owner`, whose address is a multiple of four. Returns what
  // epoll_ctl(2) returns.
  [[nodiscard]] int watch(const UniqueFd& socket, Watched kind, void* owner,
                          std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = reinterpret_cast<std::uintptr_t>(owner) | static_cast<std::uintptr_t>(kind);
    return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket.get(), &event);
  }
  // To be called before a watched socket is closed. Closing is not enough: a child of this process
  // that is between fork(2) and exec(2) still has the socket, and epoll would go on to report on it
  // in the name of an owner that is gone (epoll(7), "Questions and answers", 6).
  void unwatch(const UniqueFd& socket) const {
    if (socket.valid()) ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, socket.get(), nullptr);
  }

  // A descriptor to give up when one is wanting for a backend. A client is accepted only while
  // there is one, so that nobody is accepted just to be reset.
  [[nodiscard]] bool haveReserve() {
    if (!reserve.valid()) reserve.reset(::fcntl(epoll.get(), F_DUPFD_CLOEXEC, 0));
    return reserve.valid();
  }
  [[nodiscard]] bool giveUpReserve() {
    const bool had = reserve.valid();
    reserve.reset();
    return had;
  }

  UniqueFd epoll;
  UniqueFd reserve;
  std::uint64_t now_ms = 0;  // Of CLOCK_MONOTONIC, read once a turn.
  PipePool pipes;
  IntrusiveList<Connection, ByStage> connecting;
  IntrusiveList<Connection, ByTurn> unfinished;  // Spent their budget with work left.
  IntrusiveList<Connection, ByTurn> closed;      // Freed when no event can name them any more.
  IntrusiveList<Listener, ByPause> paused;
  std::size_t connections = 0;  // Open and connecting.
  // A place was returned to a listener of this thread that had stopped accepting for want of one.
  bool place_returned = false;
  std::array<std::byte, kScratchBytes> scratch;
};

inline Watched watchedKind(const epoll_event& event) {
  return static_cast<Watched>(event.data.u64 & 3U);
}
template <typename T>
T& watchedOwner(const epoll_event& event) {
  static_assert(alignof(T) >= 4);
  return *reinterpret_cast<T*>(static_cast<std::uintptr_t>(event.data.u64 & ~std::uint64_t{3}));
}

}  // namespace fairlead
