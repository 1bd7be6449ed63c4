#include "gate/arming.h"

#include <linux/netfilter.h>
#include <net/if.h>
#include <sys/random.h>
#include <time.h>

#include <algorithm>

namespace fairlead::gate {
namespace {

using Disturbance = nft::Watch::Disturbance;

constexpr const char* kCall = "NFT_MSG_NEWTABLE";
// Of one transaction: 10,000 at once would pass the send buffer of who is not the first root.
constexpr std::size_t kMostElements = 2000;
// nf_tables counts its timeouts in ticks, and rounds down.
constexpr std::uint64_t kLeastTicks = 3;

std::uint64_t tickMs() {
  timespec tick{};
  ::clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
  return static_cast<std::uint64_t>(tick.tv_nsec + 999'999) / 1'000'000;
}

nft::Armed without(const nft::Armed& all, const nft::Armed& some) {
  nft::Armed rest;
  std::ranges::set_difference(all.vips, some.vips, std::inserter(rest.vips, rest.vips.end()));
  std::ranges::set_difference(all.homes, some.homes, std::inserter(rest.homes, rest.homes.end()));
  std::ranges::set_difference(all.links, some.links, std::inserter(rest.links, rest.links.end()));
  return rest;
}

}  // namespace

Result<std::unique_ptr<Arming>> Arming::open(const ArmingOptions& options) {
  auto socket = nft::Socket::open();
  if (!socket.ok()) return socket.error();
  auto watch = nft::Watch::open(options.table);
  if (!watch.ok()) return watch.error();
  nft::Design design{.table = options.table,
                     .timeout_ms = std::max(options.timeout_ms, kLeastTicks * tickMs())};
  if (::getrandom(&design.mark, sizeof design.mark, 0) != sizeof design.mark) {
    return lastError("getrandom");
  }
  std::unique_ptr<Arming> arming(
      new Arming(std::move(socket.value()), std::move(watch.value()), std::move(design)));
  if (auto created = arming->create(options); !created.ok()) return created.error();
  return arming;
}

Result<Done> Arming::create(const ArmingOptions& options) {
  // A kernel says what it lacks in different words: EOPNOTSUPP, EINVAL, ENOENT.
  Result<Done> done = Done{};
  for (const nft::Shape shape : {nft::Shape::kNetdev, nft::Shape::kInet}) {
    if (shape == nft::Shape::kNetdev && options.inet_only) continue;
    for (const bool owned : {true, false}) {
      // Another socket than ours renews the shape inet.
      if (owned && (options.ownerless || shape == nft::Shape::kInet)) continue;
      design_.shape = shape;
      design_.owned = owned;
      done = replace();
      if (done.ok() || done.error().error_number == EPERM) return done;
    }
  }
  return done;
}

Result<Done> Arming::replace() {
  nft::Transaction transaction;
  // What a process of ours left behind, of whichever shape.
  for (const std::uint8_t family : {NFPROTO_NETDEV, NFPROTO_INET, NFPROTO_ARP}) {
    const auto found = socket_.hasTable(family, design_.table);
    if (!found.ok()) return found.error();
    if (found.value()) nft::deleteTable(transaction, family, design_);
  }
  nft::createTables(transaction, design_);
  armed_ = {};
  indices_.clear();
  if (design_.shape == nft::Shape::kNetdev) {
    // Whether there is an egress hook shows only where one is made.
    nft::addLink(transaction, design_, "lo");
    nft::removeLink(transaction, design_, "lo");
  }
  return socket_.perform(transaction, kCall);
}

Result<bool> Arming::intact() {
  std::size_t rules = 0;
  for (const std::uint8_t family : {nft::familyOf(design_.shape), std::uint8_t{NFPROTO_ARP}}) {
    const auto found = socket_.countRules(family, design_.table);
    if (!found.ok()) return found.error();
    rules += found.value();
  }
  return rules == nft::rulesOf(design_, armed_);
}

Result<bool> Arming::mend(Disturbance disturbance) {
  if (disturbance == Disturbance::kNone) return false;
  if (disturbance == Disturbance::kPossible) {
    const auto sound = intact();
    if (!sound.ok()) return sound.error();
    if (sound.value()) return false;
  }
  if (auto replaced = replace(); !replaced.ok()) return replaced.error();
  return true;
}

Result<ArmingOutcome> Arming::arm(const std::vector<LinkAddress>& addresses) {
  ArmingOutcome outcome;
  const auto mended = mend(disturbance_.exchange(Disturbance::kNone));
  if (!mended.ok()) {
    disturbance_ = Disturbance::kCertain;
    return mended.error();
  }
  outcome.rebuilt = mended.value();
  nft::Armed wanted;
  std::map<std::string, std::uint32_t> indices;
  for (const LinkAddress& one : addresses) {
    const bool there = ::if_nametoindex(one.link.c_str()) == one.index;
    outcome.armed.push_back(there);
    if (!there) continue;
    indices[one.link] = one.index;
    wanted.vips.insert(one.address);
    wanted.links.insert(one.link);
    if (one.address.isV4()) wanted.homes.emplace(one.link, one.address);
  }
  if (design_.shape == nft::Shape::kInet) wanted.links.clear();
  std::vector<std::string> renewed;
  for (const std::string& link : wanted.links) {
    const auto known = indices_.find(link);
    if (known != indices_.end() && known->second != indices[link]) renewed.push_back(link);
  }
  if (auto changed = change(wanted, renewed); !changed.ok()) {
    disturbance_ = Disturbance::kCertain;  // Part of it may be done.
    return changed.error();
  }
  armed_ = std::move(wanted);
  indices_ = std::move(indices);
  return outcome;
}

Result<Done> Arming::change(const nft::Armed& wanted, const std::vector<std::string>& renewed) {
  nft::Armed gone = without(armed_, wanted);
  nft::Armed fresh = without(wanted, armed_);
  for (const std::string& link : renewed) {
    gone.links.insert(link);
    fresh.links.insert(link);
  }
  nft::Transaction links;
  for (const std::string& link : gone.links) {
    // The kernel takes a chain away with its link, or keeps it for the next one of that name.
    for (const std::string& chain : {nft::arrivalChain(link), nft::departureChain(link)}) {
      const auto found = socket_.hasChain(NFPROTO_NETDEV, design_.table, chain);
      if (!found.ok()) return found.error();
      if (found.value()) nft::removeChain(links, design_, chain);
    }
  }
  for (const std::string& link : fresh.links) nft::addLink(links, design_, link);
  if (!links.empty()) {
    if (auto done = socket_.perform(links, "NFT_MSG_NEWCHAIN"); !done.ok()) return done;
  }
  if (auto done = changeInParts(fresh, true); !done.ok()) return done;
  return changeInParts(gone, false);
}

Result<Done> Arming::changeInParts(const nft::Armed& list, bool add) {
  auto vip = list.vips.begin();
  auto home = list.homes.begin();
  while (vip != list.vips.end() || home != list.homes.end()) {
    nft::Armed part;
    for (; vip != list.vips.end() && part.vips.size() < kMostElements; ++vip) {
      part.vips.insert(part.vips.end(), *vip);
    }
    for (; home != list.homes.end() && part.homes.size() < kMostElements; ++home) {
      part.homes.insert(part.homes.end(), *home);
    }
    nft::Transaction transaction;
    if (add) {
      nft::addElements(transaction, design_, part);
    } else {
      nft::removeElements(transaction, design_, part);
    }
    const char* const call = add ? "NFT_MSG_NEWSETELEM" : "NFT_MSG_DELSETELEM";
    if (auto done = socket_.perform(transaction, call); !done.ok()) return done;
  }
  return Done{};
}

Result<Done> Arming::remove() {
  nft::Transaction transaction;
  for (const std::uint8_t family : {nft::familyOf(design_.shape), std::uint8_t{NFPROTO_ARP}}) {
    const auto found = socket_.hasTable(family, design_.table);
    if (!found.ok()) return found.error();
    if (found.value()) nft::deleteTable(transaction, family, design_);
  }
  return transaction.empty() ? Done{} : socket_.perform(transaction, "NFT_MSG_DELTABLE");
}

void Arming::watch(const Opener& opener, std::function<void()> disturbed) {
  watch_.start({socket_.port(), opener.netlinkPort()}, [this, tell = std::move(disturbed)](
                                                           Disturbance disturbance) {
    auto known = disturbance_.load();
    while (known < disturbance && !disturbance_.compare_exchange_weak(known, disturbance)) {
    }
    tell();
  });
}

}  // namespace fairlead::gate
