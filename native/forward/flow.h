#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/unique_fd.h"
#include "forward/counters.h"
#include "forward/loop.h"

namespace fairlead {

// One of a connection's two sockets, with what epoll's edges have said about it. An edge comes
// once, so it is remembered until a call finds the socket empty or full.
struct End {
  // Takes note of an epoll event.
  void note(std::uint32_t events);

  UniqueFd fd;
  bool readable = false;
  bool writable = false;
  // A short read does not show that the socket is empty: a FIN may have come with the data, and it
  // gives no further edge. Read on until the call says so.
  bool read_to_end = false;
  bool failed = false;  // EPOLLERR.
  bool urgent = false;  // Has had urgent data, at which splice(2) would stand still.
};

// One direction of a connection: from a source to a sink, and nowhere else in between.
//
// Small messages are copied through the loop's scratch buffer, which costs two system calls and no
// state. Bulk is spliced through a pipe, which saves both copies but costs more calls; a direction
// changes over when three reads running were large, and back when three running were small. Nothing
// is read that the sink could not be offered, so at most one pipe or one scratch buffer waits here,
// and TCP's own window slows the source down.
class Flow {
 public:
  enum class Outcome {
    kWaiting,     // For an edge on either socket.
    kUnfinished,  // The budget is spent: call again in a turn of the loop.
    kFinished,    // The source has ended and the sink has been told so.
    kBroken,      // Either socket failed.
  };

  // Moves bytes until either side would block, the source ends, or the budget is spent.
  Outcome run(End& source, End& sink, Loop& loop, OwnCounter& delivered, OwnCounter& spliced);

  // Has `preface` sent before anything of the source. To be called before the first run; it has at
  // most 255 bytes, and they do not count as delivered.
  void beginWith(std::span<const std::uint8_t> preface);

  [[nodiscard]] bool finished() const { return finished_; }
  // Gives a pipe back to the pool; what it held is lost.
  void abandon(Loop& loop);

 private:
  enum class Step { kOn, kWait, kEnd, kFail };

  Outcome move(End& source, End& sink, Loop& loop, OwnCounter& delivered, OwnCounter& spliced);
  bool havePipe(Loop& loop);
  Step flush(End& sink, OwnCounter& delivered, OwnCounter& spliced);
  Step flushPipe(End& sink, OwnCounter& delivered, OwnCounter& spliced);
  Step flushRemainder(End& sink, OwnCounter& delivered);
  Step copy(End& source, End& sink, Loop& loop, OwnCounter& delivered);
  Step spliceIn(End& source);
  Step take(End& source, ssize_t received);
  void adapt(std::size_t bytes);
  void keep(std::span<const std::byte> bytes);

  std::unique_ptr<Pipe> pipe_;
  // What a full sink did not take of a copied read, or the preface; allocated only then.
  std::unique_ptr<std::byte[]> remainder_;
  std::uint32_t remainder_begin_ = 0;
  std::uint32_t remainder_end_ = 0;
  std::uint32_t taken_ = 0;        // Read from the source in this run.
  std::uint8_t streak_ = 0;        // Reads running that speak for the other way of moving.
  std::uint8_t preface_left_ = 0;  // Of the remainder: its first bytes.
  bool splicing_ : 1 = false;
  bool source_ended_ : 1 = false;
  bool finished_ : 1 = false;
};

}  // namespace fairlead
