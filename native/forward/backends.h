#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "forward/counters.h"
#include "forward/endpoint.h"

namespace fairlead {

// Where connections may be sent, with what became of those that were.
struct Backend {
  explicit Backend(const Endpoint& of) : endpoint(of), address(of) {}

  const Endpoint endpoint;
  const SocketAddress address;
  SharedCounter open;
  SharedCounter total;
  SharedCounter failed;
};

// What a listener does with its connections. Never changed once threads can see it: a new one takes
// its place, and a connection keeps the one that it chose its backend from.
struct Routing {
  std::vector<std::shared_ptr<Backend>> backends;
  std::uint32_t connect_timeout_ms;
  std::uint32_t idle_timeout_ms;  // 0: never.
  std::uint32_t max_connections;
  std::uint32_t drain_ms;
};

}  // namespace fairlead
