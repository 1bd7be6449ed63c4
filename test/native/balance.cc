// Prints what native/balance says: hashes, turns, tables and ejections, for balance.test.ts.

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "balance/ejection.h"
#include "balance/maglev.h"
#include "balance/sip_hash.h"
#include "balance/turns.h"

namespace {

using namespace fairlead;

// The vectors of the paper's authors (vectors_sip64 of the reference implementation).
void printHashes() {
  constexpr SipKey kKey{.low = 0x0706050403020100, .high = 0x0f0e0d0c0b0a0908};
  std::vector<uint8_t> bytes;
  for (const size_t length : {0, 1, 7, 8, 15, 63}) {
    while (bytes.size() < length) bytes.push_back(static_cast<uint8_t>(bytes.size()));
    std::printf("hash of %zu: %016llx\n", length,
                static_cast<unsigned long long>(sipHash(kKey, bytes)));
  }
}

void printTurns(const std::vector<uint32_t>& weights) {
  std::printf("turns:");
  for (const uint32_t index : smoothTurns(weights)) std::printf(" %u", index);
  std::printf("\n");
}

// Weights that ask for more turns than there are: how many each gets of how many.
void printManyTurns() {
  std::vector<uint32_t> weights(200, 251);
  weights[0] = 256;
  weights[1] = 1;
  const auto turns = smoothTurns(weights);
  std::map<uint32_t, int> counts;
  for (const uint32_t index : turns) ++counts[index];
  std::printf("many turns: %d and %d and %d of %zu\n", counts[0], counts[1], counts[2],
              turns.size());
}

std::vector<MaglevEntry> entriesOf(const std::vector<uint32_t>& weights) {
  std::vector<MaglevEntry> entries;
  for (const uint32_t weight : weights) {
    const auto last = static_cast<uint8_t>(entries.size());
    entries.push_back({.name = {10, 0, 0, last, 0x1f, 0x90}, .weight = weight});
  }
  return entries;
}

void printShares(const std::vector<uint32_t>& weights) {
  const auto table = maglevTable(entriesOf(weights));
  std::vector<int> counts(weights.size());
  for (const uint32_t index : table) ++counts[index];
  std::printf("places of %zu:", table.size());
  for (const int count : counts) std::printf(" %d", count);
  std::printf("\n");
}

void printOrder() {
  auto entries = entriesOf({1, 2, 3, 4});
  const auto one = maglevTable(entries);
  const std::vector<MaglevEntry> reversed(entries.rbegin(), entries.rend());
  const auto other = maglevTable(reversed);
  bool same = one.size() == other.size();
  for (size_t place = 0; same && place < one.size(); ++place) {
    same = entries[one[place]].name == reversed[other[place]].name;
  }
  std::printf("in another order: %s\n", same ? "the same" : "another table");
}

// How many places of the others change hands when the first entry loses its weight, in per mille.
void printMoves(const std::vector<uint32_t>& weights) {
  const auto before = maglevTable(entriesOf(weights));
  auto fewer = weights;
  fewer[0] = 0;
  const auto after = maglevTable(entriesOf(fewer));
  size_t others = 0;
  size_t moved = 0;
  for (size_t place = 0; place < before.size(); ++place) {
    if (before[place] == 0) continue;
    ++others;
    if (before[place] != after[place]) ++moved;
  }
  std::printf("%zu of 1000 places of the others moved\n", 1000 * moved / others);
}

// Every ejection from the third failure on, with a try at its end, and what a success changes.
void printEjections() {
  Ejection ejection;
  uint64_t now = 1'000'000;
  for (int failure = 0; failure < 3; ++failure) {
    std::printf("admits %d\n", ejection.admits(now, 500));
    ejection.noteFailure(now);
  }
  for (int round = 0; round < 5; ++round) {
    const uint64_t remaining = ejection.remainingMs(now);
    const bool early = ejection.admits(now + remaining - 1, 500);
    ejection.noteFailure(now + 1);  // Of a connection from before.
    now += remaining;
    const bool first = ejection.admits(now, 500);
    const bool second = ejection.admits(now + 499, 500);
    const bool third = ejection.admits(now + 500, 500);  // Nothing was heard of the first.
    std::printf("%llu ms: %d, then %d %d %d\n", static_cast<unsigned long long>(remaining), early,
                first, second, third);
    ejection.noteFailure(now + 600);
    now += 600;
  }
  ejection.noteSuccess();
  std::printf("after a success: %d %llu of %llu\n", ejection.admits(now, 500),
              static_cast<unsigned long long>(ejection.remainingMs(now)),
              static_cast<unsigned long long>(ejection.times()));
  for (int failure = 0; failure < 3; ++failure) ejection.noteFailure(now);
  std::printf("again: %llu ms\n", static_cast<unsigned long long>(ejection.remainingMs(now)));
}

void printRace() {
  Ejection ejection;
  for (int failure = 0; failure < 3; ++failure) ejection.noteFailure(0);
  std::atomic<int> admitted = 0;
  std::array<std::thread, 8> threads;
  for (auto& thread : threads) {
    thread = std::thread([&] { admitted += ejection.admits(Ejection::kFirstMs, 500) ? 1 : 0; });
  }
  for (auto& thread : threads) thread.join();
  std::printf("tries of 8 threads: %d\n", admitted.load());
}

}  // namespace

int main() {
  printHashes();
  printTurns({1, 1, 1});
  printTurns({5, 1, 1});
  printTurns({256, 0, 128});
  printTurns({0, 0});
  printManyTurns();
  printShares({1, 1, 1, 1});
  printShares({4, 2, 0, 1});
  printShares({0});
  printOrder();
  printMoves(std::vector<uint32_t>(10, 1));
  printMoves(std::vector<uint32_t>(100, 1));
  printMoves({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  printEjections();
  printRace();
}
