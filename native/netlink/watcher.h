#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "netlink/message.h"

namespace fairlead {

// The last thing that the kernel said about a link, or about an address.
struct Change {
  std::uint32_t link = 0;
  IpAddress address{};  // Length 0: the link itself changed.
  std::uint8_t prefix_length = 0;
  bool removed = false;
  std::uint64_t at_ns = 0;
};

struct Changes {
  std::vector<Change> changes;
  // Some were lost: list again.
  bool overrun = false;
};

// Reads link and address events on a thread of its own, so that a long request on the other socket
// delays none, and folds them: of several about one address the last stays. What waits to be taken
// is bounded; beyond it there is an overrun.
class ChangeWatcher {
 public:
  // Opens the socket in the calling thread's network namespace. It hears nothing yet. 0 for
  // `buffer_bytes` asks for as much as is allowed, up to 4 MiB.
  static Result<ChangeWatcher> open(int buffer_bytes);

  ChangeWatcher(ChangeWatcher&&) = default;
  ChangeWatcher& operator=(ChangeWatcher&&) = delete;
  ChangeWatcher(const ChangeWatcher&) = delete;
  ChangeWatcher& operator=(const ChangeWatcher&) = delete;
  ~ChangeWatcher();

  // From now on `wake` is called on the watcher's thread whenever take() has something to give. The
  // watcher must not move any more.
  Result<Done> start(std::function<void()> wake);
  // Joins the thread. Idempotent.
  void stop();
  Changes take();

 private:
  using Key = std::tuple<std::uint32_t, IpAddress, std::uint8_t>;
  struct Pending {
    std::mutex mutex;
    std::map<Key, Change> changes;
    bool overrun = false;
  };

  ChangeWatcher(UniqueFd events, UniqueFd stop_signal);
  void run();
  // Reads one datagram. False when there is none left.
  bool readOnce();
  void note(const Message& message, std::uint64_t now_ns);
  void noteOverrun();

  UniqueFd events_;
  UniqueFd stop_signal_;
  std::vector<std::uint8_t> buffer_;
  std::unique_ptr<Pending> pending_;
  std::function<void()> wake_;
  std::thread thread_;
};

}  // namespace fairlead
