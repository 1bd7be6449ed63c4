// gate_stops netdev|inet acquire|renew SAMPLES: stops a process on its way through the keeper's
// acquire() or renew(), at every system call and at so many instructions spread over the way, for
// longer than its deadline and every timeout. Then it goes on, and the gate's lease is looked at
// until it has ended. Prints how many instructions the way has, how often it was stopped, how often
// the lease lived without a stop (of one try), and how often it lived after one (fencing.md C6).

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/deadline_page.h"
#include "gate/arming.h"
#include "gate/keeper.h"
#include "gate/port.h"
#include "gate/transactions.h"
#include "netlink/message.h"
#include "netlink/request.h"

using namespace fairlead;

namespace {

constexpr std::uint64_t kTimeoutMs = 20;
constexpr std::uint64_t kFarNs = 60'000'000'000;
// Past the deadline, the ticket and the lease.
constexpr long kStopNs = 40'000'000;

[[noreturn]] void fail(const char* what) {
  perror(what);
  exit(1);
}

enum class Way { kAcquire, kRenew };

// A step costs two switches between us and our child: on one processor neither is a wake-up.
void stayOnOneProcessor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  if (sched_setaffinity(0, sizeof one, &one) != 0) fail("sched_setaffinity");
}

void sleepNs(long ns) {
  const timespec wait{0, ns};
  nanosleep(&wait, nullptr);
}

// How many elements of the lease live, by the kernel's own list.
std::size_t living(int fd, const nft::Design& design) {
  RequestBatch request;
  request.begin((NFNL_SUBSYS_NFTABLES << 8U) | NFT_MSG_GETSETELEM, NLM_F_DUMP,
                nfgenmsg{nft::familyOf(design.shape), NFNETLINK_V0, 0});
  request.textAttribute(NFTA_SET_ELEM_LIST_TABLE, design.table);
  request.textAttribute(NFTA_SET_ELEM_LIST_SET, "lease");
  request.stamp(1);
  if (send(fd, request.bytes().data(), request.bytes().size(), 0) < 0) fail("send");
  std::size_t found = 0;
  for (bool done = false; !done;) {
    std::uint8_t buffer[32768];
    const ssize_t received = recv(fd, buffer, sizeof buffer, 0);
    if (received < 0) fail("recv");
    forEachMessage({buffer, static_cast<std::size_t>(received)}, [&](const Message& message) {
      done = message.header.nlmsg_type == NLMSG_DONE || message.header.nlmsg_type == NLMSG_ERROR;
      forEachAttribute(after(message.payload, sizeof(nfgenmsg)), [&](int type, auto list) {
        if (type == NFTA_SET_ELEM_LIST_ELEMENTS)
          forEachAttribute(list, [&](int, auto) { ++found; });
      });
    });
  }
  return found;
}

class Trial {
 public:
  Trial(Way way, const nft::Design& design, DeadlinePage& page) : page_(page) {
    page_.deadline_ns = bootTimeNs() + kFarNs;
    child_ = fork();
    if (child_ < 0) fail("fork");
    if (child_ == 0) walk(way, design);
    expectStop();
  }
  ~Trial() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

  // One instruction. False at the end of the way.
  bool step() { return go(PTRACE_SINGLESTEP); }
  // To the next entry of a system call, or exit.
  bool toSystemCall() { return go(PTRACE_SYSCALL); }
  void stopForLong() {
    page_.deadline_ns = bootTimeNs() + 1'000'000;
    sleepNs(kStopNs);
  }
  void run() { ptrace(PTRACE_CONT, child_, nullptr, nullptr); }
  bool atEnd() {
    int status = 0;
    return waitpid(child_, &status, WNOHANG) == child_;
  }

 private:
  [[noreturn]] void walk(Way way, const nft::Design& design) {
    auto opener = design.shape == nft::Shape::kInet ? gate::Transactions::open(design)
                                                    : gate::Port::open(design.mark);
    if (!opener.ok()) fail("open");
    gate::Keeper keeper(std::move(opener.value()), page_, kTimeoutMs * 1'000'000, [] {});
    if (way == Way::kRenew && !keeper.acquire().ok()) fail("acquire");
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    if (way == Way::kRenew) {
      keeper.renew();
    } else {
      (void)keeper.acquire().ok();
    }
    raise(SIGSTOP);
    _exit(0);
  }
  void expectStop() {
    int status = 0;
    if (waitpid(child_, &status, 0) != child_ || !WIFSTOPPED(status)) fail("waitpid");
  }
  bool go(__ptrace_request how) {
    ptrace(how, child_, nullptr, nullptr);
    int status = 0;
    if (waitpid(child_, &status, 0) != child_ || !WIFSTOPPED(status)) return false;
    return WSTOPSIG(status) == SIGTRAP;
  }

  DeadlinePage& page_;
  pid_t child_ = 0;
};

struct Count {
  std::size_t instructions = 0;
  std::size_t stops = 0;
  std::size_t control = 0;
  std::size_t opened = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const bool inet = strcmp(argv[1], "inet") == 0;
  const Way way = strcmp(argv[2], "renew") == 0 ? Way::kRenew : Way::kAcquire;
  const std::size_t samples = strtoul(argv[3], nullptr, 10);
  // Of its own, so that a run that was cut short cannot be in the next one's way.
  const std::string table = std::string("fairlead-stops-") + argv[1] + "-" + argv[2];
  stayOnOneProcessor();
  auto arming = gate::Arming::open({.table = table, .timeout_ms = kTimeoutMs, .inet_only = inet});
  if (!arming.ok()) fail("Arming::open");
  const nft::Design& design = arming.value()->design();
  void* const memory =
      mmap(nullptr, kDeadlinePageBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  DeadlinePage& page = *new (memory) DeadlinePage{};
  const int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);

  Count count;
  {
    Trial free(way, design, page);
    free.run();
    while (!free.atEnd()) count.control = std::max(count.control, living(fd, design));
    count.control = std::max(count.control, living(fd, design));
  }
  sleepNs(kStopNs);
  {
    Trial counted(way, design, page);
    while (counted.step()) ++count.instructions;
  }
  const auto stopAfter = [&](const std::function<bool(Trial&)>& lead) {
    sleepNs(kStopNs);
    Trial trial(way, design, page);
    if (!lead(trial)) return false;
    trial.stopForLong();
    ++count.stops;
    trial.run();
    bool lives = false;
    bool ended = false;
    while (!ended) {
      ended = trial.atEnd();
      lives = living(fd, design) != 0 || lives;
    }
    if (lives) ++count.opened;
    return true;
  };
  for (std::size_t call = 1;; ++call) {
    const bool stopped = stopAfter([call](Trial& trial) {
      for (std::size_t i = 0; i < call; ++i) {
        if (!trial.toSystemCall()) return false;
      }
      return true;
    });
    if (!stopped) break;
  }
  for (std::size_t sample = 0; sample < samples; ++sample) {
    const std::size_t at = count.instructions * sample / samples;
    stopAfter([at](Trial& trial) {
      for (std::size_t i = 0; i < at; ++i) {
        if (!trial.step()) return false;
      }
      return true;
    });
  }
  printf("{\"instructions\":%zu,\"stops\":%zu,\"control\":%zu,\"opened\":%zu}\n",
         count.instructions, count.stops, count.control, count.opened);
  return arming.value()->remove().ok() ? 0 : 1;
}
