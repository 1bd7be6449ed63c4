#pragma once

#include <endian.h>
#include <linux/netfilter/nf_tables.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "netlink/request.h"

namespace fairlead::nft {

// Network byte order, as nf_tables wants every number.
inline std::uint16_t be16(std::uint16_t value) { return htobe16(value); }
inline std::uint32_t be32(std::uint32_t value) { return htobe32(value); }
inline std::uint64_t be64(std::uint64_t value) { return htobe64(value); }

// One nf_tables transaction: what is in it happens at one instant, or not at all
// (nfnetlink_rcv_batch). The messages follow linux/netfilter/nf_tables.h.
class Transaction {
 public:
  Transaction();

  // Begins a message; its attributes follow.
  void begin(nf_tables_msg_types type, std::uint16_t flags, std::uint8_t family);
  void text(std::uint16_t type, std::string_view value) { batch_.textAttribute(type, value); }
  void number32(std::uint16_t type, std::uint32_t value) {
    batch_.valueAttribute(type, be32(value));
  }
  void number64(std::uint16_t type, std::uint64_t value) {
    batch_.valueAttribute(type, be64(value));
  }
  void bytes(std::uint16_t type, std::span<const std::uint8_t> value) {
    batch_.bytesAttribute(type, value);
  }
  [[nodiscard]] std::size_t beginNest(std::uint16_t type) {
    return batch_.beginNest(static_cast<std::uint16_t>(type | NLA_F_NESTED));
  }
  void endNest(std::size_t begun) { batch_.endNest(begun); }
  // Sets are numbered in their transaction (NFTA_SET_ID).
  std::uint32_t nextSetId() { return ++set_ids_; }

  [[nodiscard]] bool empty() const { return batch_.count() == 1; }
  // Ends it, once. The last message but the batch's own end asks for an answer, which comes after
  // the commit.
  std::span<const std::uint8_t> seal(std::uint32_t first_sequence);
  // The number of the message that is answered, counted from the first.
  [[nodiscard]] std::uint32_t answered() const { return answered_; }

 private:
  RequestBatch batch_;
  std::uint32_t answered_ = 0;
  std::uint32_t set_ids_ = 0;
};

// Writes the expressions of one rule in their order. Register 1 holds every key and value, register
// 2 what follows 16 bytes in it; register 0 is the verdict.
class Rule {
 public:
  Rule(Transaction& to, std::uint8_t family, std::string_view table, std::string_view chain);
  Rule(const Rule&) = delete;
  Rule& operator=(const Rule&) = delete;
  ~Rule();

  void loadMeta(nft_meta_keys key, std::uint32_t dreg = NFT_REG_1);
  void loadPayload(nft_payload_bases base, std::uint32_t offset, std::uint32_t length,
                   std::uint32_t dreg = NFT_REG_1);
  // Whether the address belongs to this machine (RTN_LOCAL and the like), into the register.
  void loadAddressType(nft_fib_flags which);
  void loadValue(std::span<const std::uint8_t> value);
  // Goes on only when the register holds `value`.
  void expect(std::span<const std::uint8_t> value);
  // Goes on only when the register is in the set.
  void expectIn(std::string_view set);
  // Puts the register into the set until `timeout_ms` from now, or takes it out.
  void renewIn(std::string_view set, std::uint64_t timeout_ms);
  void removeFrom(std::string_view set);
  void setPacketType(std::uint8_t type);
  void count();
  // `chain` is where a jump goes.
  void verdict(std::uint32_t code, std::string_view chain = {});

 private:
  std::size_t beginExpression(std::string_view name);
  void endExpression(std::size_t begun);
  void changeSet(std::string_view set, std::uint32_t operation, std::uint64_t timeout_ms);

  Transaction& to_;
  std::size_t expressions_ = 0;
  std::size_t element_ = 0;
};

}  // namespace fairlead::nft
