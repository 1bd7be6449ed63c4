#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "netlink/message.h"
#include "netlink/request.h"

namespace fairlead {

// A NETLINK_ROUTE socket for requests. It belongs to the network namespace of the thread that
// opened it, whoever uses it later.
class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open();

  // Sends the batch in one sendmsg and waits for its last answer. `outcomes[i]` becomes what the
  // kernel refused message i with. An error of the exchange itself leaves the batch in doubt; all
  // requests of ours may be sent again.
  Result<Done> exchange(RequestBatch& batch, const char* syscall, std::span<Outcome> outcomes);
  // As above for one message.
  Result<Done> transact(RequestBatch& request, const char* syscall);
  // Calls `visit` for each message that a dump answers with. `restart` is called first whenever the
  // dump begins, so also when the kernel says that what it had listed has changed meanwhile.
  Result<Done> dump(RequestBatch& request, const char* syscall,
                    const std::function<void()>& restart,
                    const std::function<void(const Message&)>& visit);

  // So many refusals fit into the receive buffer at once.
  [[nodiscard]] std::size_t maxBatch() const { return max_batch_; }

 private:
  NetlinkSocket(UniqueFd fd, std::size_t max_batch);

  enum class DumpEnd { kComplete, kInterrupted };
  Result<DumpEnd> dumpOnce(RequestBatch& request, const char* syscall,
                           const std::function<void(const Message&)>& visit);
  Result<Done> send(const RequestBatch& batch);
  Result<std::span<const std::uint8_t>> receive();

  UniqueFd fd_;
  std::size_t max_batch_;
  std::uint32_t next_sequence_ = 1;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace fairlead
