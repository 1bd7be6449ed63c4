// gate_renewals LINK VIPS TIMEOUT_MS: arms so many VIPs on the link, opens the gate, says `open`,
// and renews it thrice a timeout until stdin closes, at the keeper's priority. Then prints how
// often it did, how often the gate had lapsed, and how long a renewal took, from the sending to its
// return; once more without the renewals before or in which the host took processor time.

#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "base/deadline_page.h"
#include "gate/arming.h"
#include "gate/keeper.h"
#include "gate/port.h"

using namespace fairlead;

namespace {

// Ticks of 10 ms that the host of a virtual machine gave to others, of all processors (proc(5)).
unsigned long stolenTicks() {
  unsigned long stolen = 0;
  FILE* const stat = fopen("/proc/stat", "r");
  if (stat == nullptr) return 0;
  if (fscanf(stat, "cpu %*u %*u %*u %*u %*u %*u %*u %lu", &stolen) != 1) stolen = 0;
  fclose(stat);
  return stolen;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto vips = static_cast<std::uint32_t>(strtoul(argv[2], nullptr, 10));
  const std::uint64_t timeout_ms = strtoul(argv[3], nullptr, 10);
  auto arming = gate::Arming::open({.table = "fairlead-renewals", .timeout_ms = timeout_ms});
  if (!arming.ok()) return 1;
  std::vector<gate::LinkAddress> list;
  for (std::uint32_t i = 0; i < vips; ++i) {
    const std::uint8_t bytes[] = {10, 9, static_cast<std::uint8_t>(i >> 8U),
                                  static_cast<std::uint8_t>(i)};
    list.push_back({if_nametoindex(argv[1]), argv[1], ipAddressFromBytes(bytes)});
  }
  if (!arming.value()->arm(list).ok()) return 1;
  DeadlinePage page{kNeverPasses};
  auto port = gate::Port::open(arming.value()->design().mark);
  if (!port.ok()) return 1;
  gate::Keeper keeper(std::move(port.value()), page, timeout_ms * 1'000'000, [] {});
  if (!keeper.acquire().ok()) return 1;
  puts("open");
  fflush(stdout);

  (void)setpriority(PRIO_PROCESS, 0, -20);
  std::vector<double> took_us;
  double max_undisturbed_us = 0;
  std::size_t lapses = 0;
  std::size_t lapses_undisturbed = 0;
  unsigned long stolen = stolenTicks();
  pollfd stdin_closed{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  while (poll(&stdin_closed, 1, static_cast<int>(timeout_ms / 3)) == 0) {
    const std::uint64_t before = bootTimeNs();
    keeper.renew();
    took_us.push_back(static_cast<double>(bootTimeNs() - before) / 1e3);
    const bool lapsed = !keeper.open();
    const bool undisturbed = stolen == stolenTicks();
    stolen = stolenTicks();
    if (undisturbed) max_undisturbed_us = std::max(max_undisturbed_us, took_us.back());
    if (lapsed) {
      ++lapses;
      if (undisturbed) ++lapses_undisturbed;
      (void)keeper.acquire().ok();
    }
  }
  std::ranges::sort(took_us);
  const auto at = [&](double share) {
    return took_us[static_cast<std::size_t>(share * static_cast<double>(took_us.size() - 1))];
  };
  if (!took_us.empty()) {
    printf("{\"renewals\":%zu,\"lapses\":%zu,\"lapsesUndisturbed\":%zu,", took_us.size(), lapses,
           lapses_undisturbed);
    printf("\"p50Us\":%.1f,\"p99Us\":%.1f,\"maxUs\":%.1f,\"maxUndisturbedUs\":%.1f}\n", at(0.5),
           at(0.99), at(1), max_undisturbed_us);
  }
  return arming.value()->remove().ok() ? 0 : 1;
}
