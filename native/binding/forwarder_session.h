#pragma once

#include <napi.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "base/result.h"
#include "forward/forwarder.h"

namespace fairlead {

// What a ForwarderHandle stands for: a forwarder, and the way its answers come back to JavaScript.
//
// Life: open → close (by JavaScript, or when the handle is collected, or by the environment's
// clean-up hook). Promises that are not settled by then are rejected with ECANCELED, except when
// the environment itself ends.
class ForwarderSession {
 public:
  static Result<std::unique_ptr<ForwarderSession>> open(Napi::Env env,
                                                        const ForwarderOptions& options);
  ForwarderSession(const ForwarderSession&) = delete;
  ForwarderSession& operator=(const ForwarderSession&) = delete;
  ~ForwarderSession() { close(); }

  // Return promises, of NativeListenerOutcome[] and of nothing. Until they are settled they keep
  // the process alive.
  Napi::Value setListeners(Napi::Env env, std::vector<ListenerSpec> wanted, bool reset_removed);
  Napi::Value resetConnections(Napi::Env env, std::vector<IpAddress> addresses);
  [[nodiscard]] std::vector<OpenListener> listeners() const;
  // Idempotent. Waits for the forwarder's threads, which takes a turn of their loops.
  void close();

 private:
  struct Answers;
  struct Call;

  explicit ForwarderSession(napi_env env) : env_(env) {}

  // `begin`: (Forwarder&, Forwarder::Callback) → Result<Done>. `convert` makes the promise's value.
  template <typename Begin, typename Convert>
  Napi::Value submit(Napi::Env env, Begin begin, Convert convert);
  static void settle(napi_env env, napi_value function, void* answers, void* call);
  static void onEnvironmentEnd(void* session);

  napi_env env_;
  Answers* answers_ = nullptr;  // Of the thread-safe function, which frees it when it ends.
  std::unique_ptr<Forwarder> forwarder_;
};

}  // namespace fairlead
