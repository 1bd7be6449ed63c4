#include "forward/flow.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

namespace fairlead {
namespace {

// From here on a pipe is cheaper than two copies, and below the second it is not (perf prototype:
// splicing costs a proxy 1.1–2.1 times a copy for small messages, and a third of one for bulk).
constexpr std::size_t kLargeRead = 32 * 1024;
constexpr std::size_t kSmallRead = 16 * 1024;
constexpr std::uint8_t kStreak = 3;
// What one direction may move before the others get their turn.
constexpr std::uint32_t kBudgetBytes = 1024 * 1024;

bool wouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

void End::note(std::uint32_t events) {
  if ((events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable = true;
  if ((events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) read_to_end = true;
  if ((events & EPOLLOUT) != 0) writable = true;
  if ((events & EPOLLERR) != 0) failed = true;
  if ((events & EPOLLPRI) != 0) urgent = true;
}

Flow::Outcome Flow::run(End& source, End& sink, Loop& loop, OwnCounter& delivered,
                        OwnCounter& spliced) {
  const Outcome outcome = move(source, sink, loop, delivered, spliced);
  if (pipe_ != nullptr && pipe_->bytes == 0) abandon(loop);
  return outcome;
}

bool Flow::havePipe(Loop& loop) {
  if (pipe_ == nullptr) pipe_ = loop.pipes.borrow(loop.now_ms);
  return pipe_ != nullptr;
}

void Flow::abandon(Loop& loop) {
  if (pipe_ != nullptr) loop.pipes.giveBack(std::move(pipe_));
}

Flow::Outcome Flow::move(End& source, End& sink, Loop& loop, OwnCounter& delivered,
                         OwnCounter& spliced) {
  if (finished_) return Outcome::kFinished;
  taken_ = 0;
  while (true) {
    Step step = flush(sink, delivered, spliced);
    if (step == Step::kOn) {
      if (source_ended_) {
        // The sink may have been reset meanwhile; its own event will say so.
        ::shutdown(sink.fd.get(), SHUT_WR);
        finished_ = true;
        return Outcome::kFinished;
      }
      if (!source.readable || !sink.writable) return Outcome::kWaiting;
      if (taken_ >= kBudgetBytes) return Outcome::kUnfinished;
      const bool through_pipe = splicing_ && !source.urgent && havePipe(loop);
      step = through_pipe ? spliceIn(source) : copy(source, sink, loop, delivered);
    }
    if (step == Step::kWait) return Outcome::kWaiting;
    if (step == Step::kFail) return Outcome::kBroken;
    if (step == Step::kEnd) source_ended_ = true;
  }
}

Flow::Step Flow::flush(End& sink, OwnCounter& delivered, OwnCounter& spliced) {
  if (pipe_ != nullptr && pipe_->bytes > 0) return flushPipe(sink, delivered, spliced);
  if (remainder_ != nullptr) return flushRemainder(sink, delivered);
  return Step::kOn;
}

Flow::Step Flow::flushPipe(End& sink, OwnCounter& delivered, OwnCounter& spliced) {
  while (pipe_->bytes > 0) {
    if (!sink.writable) return Step::kWait;
    const ssize_t sent = ::splice(pipe_->read_end.get(), nullptr, sink.fd.get(), nullptr,
                                  pipe_->bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (!wouldBlock()) return Step::kFail;
      sink.writable = false;
      return Step::kWait;
    }
    const auto bytes = static_cast<std::size_t>(sent);
    pipe_->bytes -= bytes;
    delivered.add(bytes);
    spliced.add(bytes);
  }
  return Step::kOn;
}

Flow::Step Flow::flushRemainder(End& sink, OwnCounter& delivered) {
  while (remainder_begin_ < remainder_end_) {
    if (!sink.writable) return Step::kWait;
    const ssize_t sent = ::send(sink.fd.get(), remainder_.get() + remainder_begin_,
                                remainder_end_ - remainder_begin_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (!wouldBlock()) return Step::kFail;
      sink.writable = false;
      return Step::kWait;
    }
    const auto bytes = static_cast<std::uint32_t>(sent);
    const std::uint32_t of_preface = std::min<std::uint32_t>(preface_left_, bytes);
    remainder_begin_ += bytes;
    preface_left_ = static_cast<std::uint8_t>(preface_left_ - of_preface);
    delivered.add(bytes - of_preface);
  }
  remainder_.reset();
  return Step::kOn;
}

Flow::Step Flow::copy(End& source, End& sink, Loop& loop, OwnCounter& delivered) {
  const ssize_t received = ::recv(source.fd.get(), loop.scratch.data(), loop.scratch.size(), 0);
  if (const Step step = take(source, received); received <= 0) return step;
  const auto bytes = static_cast<std::size_t>(received);
  // An edge follows whatever arrives from now on, so the call that would say EAGAIN can be saved.
  if (bytes < loop.scratch.size() && !source.read_to_end) source.readable = false;

  const ssize_t sent = ::send(sink.fd.get(), loop.scratch.data(), bytes, MSG_NOSIGNAL);
  if (sent < 0 && errno != EINTR && !wouldBlock()) return Step::kFail;
  const std::size_t accepted = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  delivered.add(accepted);
  if (accepted < bytes) keep(std::span(loop.scratch).first(bytes).subspan(accepted));
  return Step::kOn;
}

void Flow::keep(std::span<const std::byte> bytes) {
  remainder_ = std::make_unique_for_overwrite<std::byte[]>(bytes.size());
  std::memcpy(remainder_.get(), bytes.data(), bytes.size());
  remainder_begin_ = 0;
  remainder_end_ = static_cast<std::uint32_t>(bytes.size());
}

void Flow::beginWith(std::span<const std::uint8_t> preface) {
  assert(remainder_ == nullptr && preface.size() <= UINT8_MAX);
  keep(std::as_bytes(preface));
  preface_left_ = static_cast<std::uint8_t>(preface.size());
}

// Fills the pipe, which is empty: so EAGAIN is the socket's word, never the pipe's.
Flow::Step Flow::spliceIn(End& source) {
  const ssize_t received = ::splice(source.fd.get(), nullptr, pipe_->write_end.get(), nullptr,
                                    PipePool::kPipeBytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (received > 0) pipe_->bytes = static_cast<std::size_t>(received);
  return take(source, received);
}

// What a read of the source means: bytes, its end, or (with errno) why there are none.
Flow::Step Flow::take(End& source, ssize_t received) {
  if (received > 0) {
    const auto bytes = static_cast<std::size_t>(received);
    taken_ += static_cast<std::uint32_t>(bytes);
    adapt(bytes);
    return Step::kOn;
  }
  if (received == 0) return Step::kEnd;
  if (errno == EINTR) return Step::kOn;
  if (!wouldBlock()) return Step::kFail;
  source.readable = false;
  return Step::kWait;
}

void Flow::adapt(std::size_t bytes) {
  const bool other_way_is_better = splicing_ ? bytes < kSmallRead : bytes >= kLargeRead;
  if (!other_way_is_better) {
    streak_ = 0;
  } else if (++streak_ == kStreak) {
    splicing_ = !splicing_;
    streak_ = 0;
  }
}

}  // namespace fairlead
