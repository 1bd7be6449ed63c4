#include "gate/transactions.h"

namespace fairlead::gate {

Result<std::unique_ptr<Opener>> Transactions::open(const nft::Design& design) {
  auto socket = nft::Socket::open();
  if (!socket.ok()) return socket.error();
  return std::unique_ptr<Opener>(new Transactions(std::move(socket.value()), design));
}

Result<Effect> Transactions::order(nft::Order order, std::uint64_t /*patience_ns*/) {
  nft::Transaction asked;
  nft::appendOrder(asked, design_, order);
  auto done = socket_.perform(asked, "NFT_MSG_NEWSETELEM");
  if (!done.ok() && done.error().error_number == ENOENT && order == nft::Order::kTicket) {
    nft::Transaction first;
    nft::appendFirstTicket(first, design_);
    done = socket_.perform(first, "NFT_MSG_NEWSETELEM");
  }
  if (done.ok()) return Effect::kTaken;
  if (done.error().error_number != ENOENT) return done.error();
  // What is to be closed and is not there has expired.
  return order == nft::Order::kClose ? Effect::kTaken : Effect::kRefused;
}

}  // namespace fairlead::gate
