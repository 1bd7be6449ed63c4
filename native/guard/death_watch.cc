#include "guard/death_watch.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fairlead::guard {
namespace {

// include/linux/sched.h, in the ninth field of /proc/PID/stat (proc(5)): the thread is in
// do_exit(), from which nothing returns.
constexpr unsigned long kExiting = 0x4;
constexpr int kFlagsAfterName = 7;

// In a namespace of processes with another's /proc, its numbers are other processes'.
bool procIsOurs() {
  char name[16] = {};
  const ssize_t length = readlink("/proc/self", name, sizeof(name) - 1);
  return length > 0 && strtol(name, nullptr, 10) == getpid();
}

bool exits(int tasks, const char* thread) {
  char path[64];
  snprintf(path, sizeof(path), "%s/stat", thread);
  const UniqueFd file(openat(tasks, path, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return errno == ENOENT;
  char text[1024];
  const ssize_t length = read(file.get(), text, sizeof(text) - 1);
  if (length <= 0) return length < 0 && errno == ESRCH;
  text[length] = '\0';
  // The name may hold anything, parentheses and blanks included.
  const char* field = strrchr(text, ')');
  for (int i = 0; i < kFlagsAfterName && field != nullptr; ++i) field = strchr(field + 1, ' ');
  return field != nullptr && (strtoul(field, nullptr, 10) & kExiting) != 0;
}

}  // namespace

void DeathWatch::start(DeadlinePage& page, pid_t daemon) {
  page_ = &page;
  daemon_ = daemon;
  if (!procIsOurs()) return;
  bell_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bell_.valid()) return;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // Signals are for the thread that knows what to do.
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack_, sizeof(stack_));
  pthread_t thread;
  if (pthread_create(&thread, &attributes, watch, this) != 0) bell_.reset();
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void* DeathWatch::watch(void* self) {
  static_cast<DeathWatch*>(self)->waitForDeath();
  return nullptr;
}

void DeathWatch::waitForDeath() {
  for (;;) {
    const std::uint32_t word = page_->life.load(std::memory_order_acquire);
    if ((word & FUTEX_OWNER_DIED) != 0) break;
    const long waited = syscall(SYS_futex, &page_->life, FUTEX_WAIT, word, nullptr, nullptr, 0);
    if (waited != 0 && errno != EAGAIN && errno != EINTR) return;
  }
  const std::uint64_t one = 1;
  static_cast<void>(write(bell_.get(), &one, sizeof(one)));
}

bool DeathWatch::daemonDied() {
  constexpr int kLooks = 200;
  constexpr timespec kBetween{.tv_sec = 0, .tv_nsec = 250'000};
  std::uint64_t rung = 0;
  if (read(bell_.get(), &rung, sizeof(rung)) <= 0) return false;
  for (int look = 0; look < kLooks; ++look) {
    if (everyThreadExits()) return true;
    nanosleep(&kBetween, nullptr);
  }
  return false;
}

bool DeathWatch::everyThreadExits() const {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/task", daemon_);
  const UniqueFd tasks(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!tasks.valid()) return errno == ENOENT;
  // As getdents64(2) lays them out; opendir(3) would ask for memory.
  struct Entry {
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t length;
    std::uint8_t type;
    char name[];
  };
  alignas(Entry) char entries[4096];
  for (;;) {
    const long read = syscall(SYS_getdents64, tasks.get(), entries, sizeof(entries));
    if (read < 0) return errno == ENOENT;
    if (read == 0) return true;
    for (long at = 0; at < read;) {
      const auto* entry = reinterpret_cast<const Entry*>(entries + at);
      if (entry->name[0] != '.' && !exits(tasks.get(), entry->name)) return false;
      at += entry->length;
    }
  }
}

}  // namespace fairlead::guard
