#pragma once

#include <cstdint>

#include "base/result.h"
#include "nft/table.h"

namespace fairlead::gate {

// What became of an order.
enum class Effect {
  kTaken,    // The gate has done what it asks.
  kRefused,  // Nothing was alive that it could extend, or there is no gate.
  kUnknown,  // It has not come back in time. It may still be on its way.
};

// Gives orders to the gate, one at a time.
class Opener {
 public:
  Opener() = default;
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;
  virtual ~Opener() = default;

  // Returns after the order took effect, or at most `patience_ns` later.
  virtual Result<Effect> order(nft::Order order, std::uint64_t patience_ns) = 0;
  // How many orders may still take effect, of which nothing was heard.
  virtual std::size_t underWay() = 0;
  // Of the netlink socket that it uses, or 0.
  [[nodiscard]] virtual std::uint32_t netlinkPort() const { return 0; }
};

}  // namespace fairlead::gate
