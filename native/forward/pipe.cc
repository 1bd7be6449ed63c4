#include "forward/pipe.h"

#include <fcntl.h>

#include <cassert>
#include <utility>

namespace fairlead {
namespace {

// Below this a pipe moves less at a time than the copying that it replaces.
constexpr int kLeastUsefulBytes = 64 * 1024;
// How long to copy before asking for a pipe again after the kernel refused one.
constexpr std::uint64_t kRefusalMs = 1000;
// Idle pipes cost their buffers' bookkeeping and two descriptors each.
constexpr std::size_t kMaximumIdle = 8;

// A pipe of kPipeBytes, or null. Beyond pipe-user-pages-soft the kernel still makes pipes, but of
// two slots, and refuses to enlarge them (fs/pipe.c, alloc_pipe_info): such a pipe is worse than
// none.
std::unique_ptr<Pipe> openPipe() {
  int fds[2];
  if (::pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  auto pipe =
      std::make_unique<Pipe>(Pipe{.read_end = UniqueFd(fds[0]), .write_end = UniqueFd(fds[1])});
  ::fcntl(fds[1], F_SETPIPE_SZ, static_cast<int>(PipePool::kPipeBytes));
  if (::fcntl(fds[1], F_GETPIPE_SZ) < kLeastUsefulBytes) return nullptr;
  return pipe;
}

}  // namespace

std::unique_ptr<Pipe> PipePool::borrow(std::uint64_t now_ms) {
  std::unique_ptr<Pipe> pipe;
  if (!idle_.empty()) {
    pipe = std::move(idle_.back());
    idle_.pop_back();
  } else if (borrowed_ < kMaximumPipes && now_ms >= refused_until_ms_) {
    pipe = openPipe();
    if (pipe == nullptr) refused_until_ms_ = now_ms + kRefusalMs;
  }
  if (pipe != nullptr) ++borrowed_;
  return pipe;
}

void PipePool::giveBack(std::unique_ptr<Pipe> pipe) {
  assert(borrowed_ > 0);
  --borrowed_;
  if (pipe->bytes == 0 && idle_.size() < kMaximumIdle) idle_.push_back(std::move(pipe));
}

}  // namespace fairlead
