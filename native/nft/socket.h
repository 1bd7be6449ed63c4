#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "nft/transaction.h"

namespace fairlead::nft {

// A socket that performs transactions in the network namespace of the thread that opens it. A
// table with an owner is this socket's until it is closed (NFT_TABLE_F_OWNER).
class Socket {
 public:
  static Result<Socket> open();

  // Waits until it is committed: as long as another process' transaction takes, 39 s behind
  // kube-proxy's for 10,000 Services. `call` names it in the error.
  Result<Done> perform(Transaction& transaction, const char* call);
  Result<bool> hasTable(std::uint8_t family, std::string_view table);
  // Zero where there is no such table.
  Result<std::size_t> countRules(std::uint8_t family, std::string_view table);
  Result<bool> hasChain(std::uint8_t family, std::string_view table, std::string_view chain);
  // What the kernel's events name as their cause when it was us.
  [[nodiscard]] std::uint32_t port() const { return port_; }

 private:
  Socket(UniqueFd fd, std::uint32_t port) : fd_(std::move(fd)), port_(port), buffer_(kReceive) {}

  static constexpr std::size_t kReceive = std::size_t{64} * 1024;

  Result<Done> send(std::span<const std::uint8_t> bytes, const char* call);
  // One question; the messages of its answer are counted.
  Result<std::size_t> ask(RequestBatch& request, const char* call);

  UniqueFd fd_;
  std::uint32_t port_;
  std::uint32_t next_sequence_ = 1;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace fairlead::nft
