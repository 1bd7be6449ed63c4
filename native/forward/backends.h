#pragma once

#include <cstdint>
#include <memory>

#include "balance/ejection.h"
#include "forward/choice.h"
#include "forward/counters.h"
#include "forward/endpoint.h"

namespace fairlead {

// Where connections may be sent, with what became of those that were. It outlives a Routing: the
// next one that names its endpoint goes on with it.
struct Backend {
  explicit Backend(const Endpoint& of) : endpoint(of), address(of) {}

  void noteFailure(std::uint64_t now_ms) {
    failed.increment();
    ejection.noteFailure(now_ms);
  }

  const Endpoint endpoint;
  const SocketAddress address;
  SharedCounter connecting;
  SharedCounter open;
  SharedCounter total;
  SharedCounter failed;
  Ejection ejection;
};

// What a listener does with its connections. Never changed once threads can see it: a new one takes
// its place, and a connection keeps the one that it chose its backend from.
struct Routing {
  std::shared_ptr<const Choice> choice;
  bool proxy_protocol;  // Tell backends who the client is.
  std::uint32_t connect_timeout_ms;
  std::uint32_t idle_timeout_ms;  // 0: never.
  std::uint32_t max_connections;
  std::uint32_t drain_ms;
};

}  // namespace fairlead
