#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "gate/opener.h"
#include "nft/socket.h"
#include "nft/table.h"
#include "nft/watch.h"

namespace fairlead::gate {

struct LinkAddress {
  std::uint32_t index = 0;
  std::string link;
  IpAddress address{};
};

struct ArmingOptions {
  std::string table;
  std::uint64_t timeout_ms = 0;
  // For tests: what an older kernel would make of it.
  bool inet_only = false;
  bool ownerless = false;
};

// What arm() came to.
struct ArmingOutcome {
  // Whether the tables were made: they are closed.
  bool rebuilt = false;
  // For each address asked, in order: false where its link is not there.
  std::vector<bool> armed;
};

// Makes the gate's tables and says in them which addresses it stops. Each call may wait for another
// process' nf_tables transaction, so these calls have a thread of their own.
class Arming {
 public:
  // Makes the tables, closed and with nothing in them, in the best shape that the kernel takes.
  static Result<std::unique_ptr<Arming>> open(const ArmingOptions& options);

  // Makes the list exactly this. An open gate stays open, unless the tables were gone.
  Result<ArmingOutcome> arm(const std::vector<LinkAddress>& addresses);
  // Takes the tables away.
  Result<Done> remove();

  // Calls `disturbed` on a thread of its own when somebody else may have changed the tables: arm()
  // mends them. What the opener does is our own.
  void watch(const Opener& opener, std::function<void()> disturbed);
  void stopWatching() { watch_.stop(); }
  [[nodiscard]] const nft::Design& design() const { return design_; }

 private:
  Arming(nft::Socket socket, nft::Watch watch, nft::Design design)
      : socket_(std::move(socket)), watch_(std::move(watch)), design_(std::move(design)) {}

  // Chooses shape and ownership by trying.
  Result<Done> create(const ArmingOptions& options);
  // Replaces the tables, if there are some.
  Result<Done> replace();
  Result<bool> intact();
  // True when the tables had to be made again.
  Result<bool> mend(nft::Watch::Disturbance disturbance);
  Result<Done> change(const nft::Armed& wanted, const std::vector<std::string>& renewed);
  Result<Done> changeInParts(const nft::Armed& list, bool add);

  nft::Socket socket_;
  nft::Watch watch_;
  nft::Design design_;
  nft::Armed armed_;
  // By name: a link that was made again has another index, and no chain of ours.
  std::map<std::string, std::uint32_t> indices_;
  std::atomic<nft::Watch::Disturbance> disturbance_ = nft::Watch::Disturbance::kNone;
};

}  // namespace fairlead::gate
