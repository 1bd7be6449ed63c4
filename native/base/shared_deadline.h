#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/deadline_page.h"
#include "base/life_line.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace fairlead {

// The daemon's end of a deadline page: the memory, the memfd by which the guard gets at it, and the
// thread that holds the page's futex as long as this lives.
class SharedDeadline {
 public:
  static Result<SharedDeadline> create();
  // The page of another process, by its memfd.
  static Result<SharedDeadline> adopt(UniqueFd fd);

  SharedDeadline(SharedDeadline&& other) noexcept
      : fd_(std::move(other.fd_)),
        page_(std::exchange(other.page_, nullptr)),
        life_line_(std::move(other.life_line_)) {}
  SharedDeadline& operator=(SharedDeadline&&) = delete;
  SharedDeadline(const SharedDeadline&) = delete;
  SharedDeadline& operator=(const SharedDeadline&) = delete;
  ~SharedDeadline();

  // False when the one before has passed (storeDeadline).
  [[nodiscard]] bool store(std::uint64_t deadline_ns) {
    return storeDeadline(*page_, deadline_ns, bootTimeNs());
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const DeadlinePage& page() const { return *page_; }

 private:
  SharedDeadline(UniqueFd fd, DeadlinePage* page)
      : fd_(std::move(fd)), page_(page), life_line_(std::make_unique<LifeLine>(*page)) {}

  UniqueFd fd_;
  DeadlinePage* page_;
  std::unique_ptr<LifeLine> life_line_;
};

}  // namespace fairlead
