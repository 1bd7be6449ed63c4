#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "forward/backends.h"
#include "forward/choice.h"
#include "forward/endpoint.h"
#include "forward/shared_listener.h"
#include "forward/thread.h"
#include "forward/worker.h"

namespace fairlead {

struct BackendSpec {
  Endpoint endpoint;
  std::uint32_t weight = 1;  // 0: no new connections.
};

// One listener as the caller wants it.
struct ListenerSpec {
  std::string id;
  Endpoint endpoint;
  std::vector<BackendSpec> backends;
  Algorithm algorithm = Algorithm::kRoundRobin;
  bool proxy_protocol = false;
  std::uint32_t connect_timeout_ms = 0;
  std::uint32_t idle_timeout_ms = 0;  // 0: never.
  std::uint32_t max_connections = 0;
  std::uint32_t drain_ms = 0;
};

struct ForwarderOptions {
  std::size_t threads;             // At least 1.
  std::uint32_t busy_poll_us = 0;  // How long each asks for work before it sleeps.
};

// A listener that is open, with its counters.
struct OpenListener {
  std::shared_ptr<SharedListener> shared;
  std::shared_ptr<const Routing> routing;
};

// The TCP forwarder: threads that forward, and one that changes what they forward. The caller's
// thread never waits for either: it queues the whole list of listeners that it wants, and is called
// back.
class Forwarder {
 public:
  // What became of one listener: its id, and why it could not be opened if it could not.
  struct ListenerOutcome {
    std::string id;
    Outcome failure;
  };
  // Called on the forwarder's own thread when every thread has made the change; ECANCELED when the
  // forwarder is destroyed first.
  using Callback = std::function<void(Result<std::vector<ListenerOutcome>>)>;

  [[nodiscard]] static Result<std::unique_ptr<Forwarder>> open(const ForwarderOptions& options);
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;
  // Closes listeners, resets connections, joins the threads; callbacks have returned by then.
  ~Forwarder();

  // Calls are done in their order, and refused with ENOBUFS when the queue is full.
  //
  // Makes the listeners exactly `wanted`; ids are unique. When `callback` hears of it, the sockets
  // of removed listeners are closed.
  [[nodiscard]] Result<Done> setListeners(std::vector<ListenerSpec> wanted, bool reset_removed,
                                          Callback callback);

  // Resets every connection that was accepted on one of `addresses`, whatever its listener. The
  // callback hears of no listeners.
  [[nodiscard]] Result<Done> resetConnections(std::vector<IpAddress> addresses, Callback callback);

  // The listeners that were open after the latest change, for their counters.
  [[nodiscard]] std::vector<OpenListener> listeners() const;

 private:
  struct Request {
    std::function<std::vector<ListenerOutcome>()> perform;
    Callback callback;
  };

  Forwarder() = default;

  Result<Done> enqueue(Request request);
  void run();
  std::vector<ListenerOutcome> applyListeners(const std::vector<ListenerSpec>& wanted,
                                              bool reset_removed);
  // Opens what is not open yet; the failures by id.
  std::unordered_map<std::string, Outcome> openFresh(const std::vector<const ListenerSpec*>& fresh);
  // Has every thread make its change, at the same time, and waits for them.
  void changeAll(std::vector<ListenerChange> changes);
  void publish(const std::vector<ListenerSpec>& wanted);

  std::vector<std::unique_ptr<Worker>> workers_;
  std::unordered_map<std::string, OpenListener> open_;  // By id. Of the control thread.

  std::atomic<bool> closing_ = false;
  mutable std::mutex mutex_;  // Of what follows.
  std::condition_variable wake_;
  std::deque<Request> requests_;
  std::vector<OpenListener> published_;

  std::unique_ptr<Thread> control_;
};

}  // namespace fairlead
