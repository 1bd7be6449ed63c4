#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "netlink/message.h"

namespace fairlead::nft {

// Tells, on a thread of its own, when somebody else may have changed the tables of one name:
// `nft flush ruleset` begins many a reload of a firewall (fencing.md C8).
class Watch {
 public:
  enum class Disturbance {
    kNone,
    kPossible,  // Events were lost, or the kernel itself took something away.
    kCertain,   // Somebody changed a table of this name.
  };

  static Result<Watch> open(std::string table);

  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&&) = delete;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch();

  // From now on `disturbed` is called on the watch's thread, except for what the sockets with
  // these ports do. The watch must not move any more.
  void start(std::vector<std::uint32_t> own_ports, std::function<void(Disturbance)> disturbed);
  // Joins the thread. Idempotent.
  void stop();

 private:
  Watch(UniqueFd events, UniqueFd stop_signal, std::string table);
  void run();
  // Reads all that waits, and says the worst of it.
  Disturbance read();
  [[nodiscard]] Disturbance judge(const Message& message) const;

  UniqueFd events_;
  UniqueFd stop_signal_;
  std::string table_;
  std::vector<std::uint32_t> own_ports_;
  std::function<void(Disturbance)> disturbed_;
  std::thread thread_;
};

}  // namespace fairlead::nft
