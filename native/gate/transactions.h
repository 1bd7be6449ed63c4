#pragma once

#include <memory>
#include <utility>

#include "gate/opener.h"
#include "nft/socket.h"

namespace fairlead::gate {

// The opener of the shape inet: each order is a transaction, and its answer comes after the commit.
// It waits for other processes' transactions (fencing.md C4), which is why it is the second choice.
class Transactions final : public Opener {
 public:
  static Result<std::unique_ptr<Opener>> open(const nft::Design& design);

  Result<Effect> order(nft::Order order, std::uint64_t patience_ns) override;
  std::size_t underWay() override { return 0; }
  [[nodiscard]] std::uint32_t netlinkPort() const override { return socket_.port(); }

 private:
  Transactions(nft::Socket socket, nft::Design design)
      : socket_(std::move(socket)), design_(std::move(design)) {}

  nft::Socket socket_;
  nft::Design design_;
};

}  // namespace fairlead::gate
