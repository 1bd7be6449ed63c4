#pragma once

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace fairlead {

// One refused request: a positive errno, the call that failed, and the kernel's own words for it
// when it gave any (netlink's extended acknowledgement).
struct SystemError {
  int error_number;
  const char* syscall;
  std::string detail = {};
};

// What became of one element of a batch: nothing to say, or why it was refused.
using Outcome = std::optional<SystemError>;

struct Done {};

// A value, or why there is none. std::expected needs C++23.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose.
  Result(SystemError error)                                  // NOLINT: implicit on purpose.
      : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  T& value() { return *std::get_if<0>(&state_); }
  const T& value() const { return *std::get_if<0>(&state_); }
  const SystemError& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, SystemError> state_;
};

// The failure that errno describes now.
inline SystemError lastError(const char* syscall) {
  return SystemError{.error_number = errno, .syscall = syscall};
}

}  // namespace fairlead
