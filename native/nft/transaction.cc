#include "nft/transaction.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

namespace fairlead::nft {
namespace {

constexpr std::uint16_t kSubsystem = NFNL_SUBSYS_NFTABLES << 8U;

nfgenmsg generic(std::uint8_t family, std::uint16_t resource) {
  return nfgenmsg{.nfgen_family = family, .version = NFNETLINK_V0, .res_id = be16(resource)};
}

}  // namespace

Transaction::Transaction() {
  batch_.begin(NFNL_MSG_BATCH_BEGIN, 0, generic(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

void Transaction::begin(nf_tables_msg_types type, std::uint16_t flags, std::uint8_t family) {
  batch_.begin(static_cast<std::uint16_t>(kSubsystem | type), flags, generic(family, 0));
}

std::span<const std::uint8_t> Transaction::seal(std::uint32_t first_sequence) {
  answered_ = static_cast<std::uint32_t>(batch_.count()) - 1;
  // The end of a batch is acknowledged since Linux 6.10 only, so what is before it has to be.
  batch_.stamp(first_sequence);
  const std::size_t sealed = batch_.count();
  batch_.begin(NFNL_MSG_BATCH_END, 0, generic(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  batch_.number(sealed, first_sequence + static_cast<std::uint32_t>(sealed));
  return batch_.bytes();
}

Rule::Rule(Transaction& to, std::uint8_t family, std::string_view table, std::string_view chain)
    : to_(to) {
  to_.begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family);
  to_.text(NFTA_RULE_TABLE, table);
  to_.text(NFTA_RULE_CHAIN, chain);
  expressions_ = to_.beginNest(NFTA_RULE_EXPRESSIONS);
}

Rule::~Rule() { to_.endNest(expressions_); }

std::size_t Rule::beginExpression(std::string_view name) {
  element_ = to_.beginNest(NFTA_LIST_ELEM);
  to_.text(NFTA_EXPR_NAME, name);
  return to_.beginNest(NFTA_EXPR_DATA);
}

void Rule::endExpression(std::size_t begun) {
  to_.endNest(begun);
  to_.endNest(element_);
}

void Rule::loadMeta(nft_meta_keys key, std::uint32_t dreg) {
  const auto body = beginExpression("meta");
  to_.number32(NFTA_META_DREG, dreg);
  to_.number32(NFTA_META_KEY, key);
  endExpression(body);
}

void Rule::loadPayload(nft_payload_bases base, std::uint32_t offset, std::uint32_t length,
                       std::uint32_t dreg) {
  const auto body = beginExpression("payload");
  to_.number32(NFTA_PAYLOAD_DREG, dreg);
  to_.number32(NFTA_PAYLOAD_BASE, base);
  to_.number32(NFTA_PAYLOAD_OFFSET, offset);
  to_.number32(NFTA_PAYLOAD_LEN, length);
  endExpression(body);
}

void Rule::loadAddressType(nft_fib_flags which) {
  const auto body = beginExpression("fib");
  to_.number32(NFTA_FIB_DREG, NFT_REG_1);
  to_.number32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
  to_.number32(NFTA_FIB_FLAGS, which);
  endExpression(body);
}

void Rule::loadValue(std::span<const std::uint8_t> value) {
  const auto body = beginExpression("immediate");
  to_.number32(NFTA_IMMEDIATE_DREG, NFT_REG_1);
  const auto nest = to_.beginNest(NFTA_IMMEDIATE_DATA);
  to_.bytes(NFTA_DATA_VALUE, value);
  to_.endNest(nest);
  endExpression(body);
}

void Rule::expect(std::span<const std::uint8_t> value) {
  const auto body = beginExpression("cmp");
  to_.number32(NFTA_CMP_SREG, NFT_REG_1);
  to_.number32(NFTA_CMP_OP, NFT_CMP_EQ);
  const auto nest = to_.beginNest(NFTA_CMP_DATA);
  to_.bytes(NFTA_DATA_VALUE, value);
  to_.endNest(nest);
  endExpression(body);
}

void Rule::expectIn(std::string_view set) {
  const auto body = beginExpression("lookup");
  to_.text(NFTA_LOOKUP_SET, set);
  to_.number32(NFTA_LOOKUP_SREG, NFT_REG_1);
  endExpression(body);
}

void Rule::renewIn(std::string_view set, std::uint64_t timeout_ms) {
  changeSet(set, NFT_DYNSET_OP_UPDATE, timeout_ms);
}

void Rule::removeFrom(std::string_view set) { changeSet(set, NFT_DYNSET_OP_DELETE, 0); }

void Rule::changeSet(std::string_view set, std::uint32_t operation, std::uint64_t timeout_ms) {
  const auto body = beginExpression("dynset");
  to_.text(NFTA_DYNSET_SET_NAME, set);
  to_.number32(NFTA_DYNSET_OP, operation);
  to_.number32(NFTA_DYNSET_SREG_KEY, NFT_REG_1);
  if (timeout_ms != 0) to_.number64(NFTA_DYNSET_TIMEOUT, timeout_ms);
  endExpression(body);
}

void Rule::setPacketType(std::uint8_t type) {
  loadValue({&type, 1});
  const auto body = beginExpression("meta");
  to_.number32(NFTA_META_KEY, NFT_META_PKTTYPE);
  to_.number32(NFTA_META_SREG, NFT_REG_1);
  endExpression(body);
}

void Rule::count() {
  const auto body = beginExpression("counter");
  endExpression(body);
}

void Rule::verdict(std::uint32_t code, std::string_view chain) {
  const auto body = beginExpression("immediate");
  to_.number32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
  const auto nest = to_.beginNest(NFTA_IMMEDIATE_DATA);
  const auto verdict = to_.beginNest(NFTA_DATA_VERDICT);
  to_.number32(NFTA_VERDICT_CODE, code);
  if (!chain.empty()) to_.text(NFTA_VERDICT_CHAIN, chain);
  to_.endNest(verdict);
  to_.endNest(nest);
  endExpression(body);
}

}  // namespace fairlead::nft
