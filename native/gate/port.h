#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "gate/opener.h"

namespace fairlead::gate {

// Speaks to the gate's rules: a frame on lo, whose mark says what is meant, and which comes back
// here once it has passed them. So when order() has answered, no frame is under way any more, and
// what the clock says after that is later than its effect.
//
// A frame needs no nf_tables transaction, so it never waits for another process' (fencing.md C4).
class Port final : public Opener {
 public:
  static Result<std::unique_ptr<Opener>> open(std::uint32_t mark);

  Result<Effect> order(nft::Order order, std::uint64_t patience_ns) override;
  std::size_t underWay() override;

 private:
  struct Sent {
    std::uint64_t number;
    std::uint64_t at_ns;
  };

  Port(UniqueFd fd, std::uint32_t mark) : fd_(std::move(fd)), mark_(mark) {}
  Result<Done> send(nft::Order order, std::uint64_t number);
  // Waits for the frame of that number.
  Result<Effect> await(std::uint64_t number, std::uint64_t until_ns);

  UniqueFd fd_;
  std::uint32_t mark_;
  std::uint64_t numbers_ = 0;
  std::vector<Sent> sent_;
};

}  // namespace fairlead::gate
