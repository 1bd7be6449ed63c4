#pragma once

#include <cstdint>
#include <utility>

#include "base/deadline_page.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace fairlead {

// The daemon's end of a deadline page: the memory, and the memfd by which the guard gets at it.
class SharedDeadline {
 public:
  static Result<SharedDeadline> create();

  SharedDeadline(SharedDeadline&& other) noexcept
      : fd_(std::move(other.fd_)), page_(std::exchange(other.page_, nullptr)) {}
  SharedDeadline& operator=(SharedDeadline&&) = delete;
  SharedDeadline(const SharedDeadline&) = delete;
  SharedDeadline& operator=(const SharedDeadline&) = delete;
  ~SharedDeadline();

  // False when the guard has fired (storeDeadline).
  [[nodiscard]] bool store(std::uint64_t deadline_ns) { return storeDeadline(*page_, deadline_ns); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  SharedDeadline(UniqueFd fd, DeadlinePage* page) : fd_(std::move(fd)), page_(page) {}

  UniqueFd fd_;
  DeadlinePage* page_;
};

}  // namespace fairlead
