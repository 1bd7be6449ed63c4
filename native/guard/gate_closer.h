#pragma once

#include <cstdint>
#include <span>

#include "base/unique_fd.h"

namespace fairlead::guard {

// Closes the gate by one frame on lo, which waits for nobody: deleting addresses takes the
// kernel's routing lock, which others may hold for long.
class GateCloser {
 public:
  // While the process still has CAP_NET_RAW. Where it never had, there is no gate to close either.
  void open();

  // `body` is a GateRecord, or empty for no gate. Returns an errno, and keeps on any but 0 what was
  // set before.
  int setGate(std::span<const std::uint8_t> body);

  void close() const;

 private:
  UniqueFd socket_;
  int refusal_ = 0;  // The errno of the socket that could not be had.
  bool armed_ = false;
};

}  // namespace fairlead::guard
