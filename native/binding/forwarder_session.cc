#include "binding/forwarder_session.h"

#include <cerrno>
#include <utility>

#include "binding/error.h"

namespace fairlead {
namespace {

using Outcomes = std::vector<Forwarder::ListenerOutcome>;

// NativeListenerOutcome[]
Napi::Value toOutcomes(Napi::Env env, const Outcomes& outcomes) {
  const Napi::Array result = Napi::Array::New(env, outcomes.size());
  for (std::uint32_t i = 0; i < outcomes.size(); ++i) {
    const Napi::HandleScope scope(env);
    const Napi::Object object = Napi::Object::New(env);
    object.Set("id", outcomes[i].id);
    object.Set("failure", outcomes[i].failure ? Napi::Value(toFailure(env, *outcomes[i].failure))
                                              : env.Null());
    result.Set(i, object);
  }
  return result;
}

}  // namespace

// The way back to the JavaScript thread.
struct ForwarderSession::Answers {
  napi_threadsafe_function function = nullptr;
  std::size_t unsettled = 0;
};

// One call: answered on the forwarder's thread, settled on the JavaScript thread.
struct ForwarderSession::Call {
  Napi::Promise::Deferred deferred;
  Napi::Value (*convert)(Napi::Env, const Outcomes&);
  Result<Outcomes> answer;
};

Result<std::unique_ptr<ForwarderSession>> ForwarderSession::open(Napi::Env env,
                                                                 const ForwarderOptions& options) {
  auto forwarder = Forwarder::open(options);
  if (!forwarder.ok()) return forwarder.error();
  std::unique_ptr<ForwarderSession> session(new ForwarderSession(env));
  auto answers = std::make_unique<Answers>();
  const auto free_answers = [](napi_env, void* ended, void*) {
    delete static_cast<Answers*>(ended);
  };
  if (::napi_create_threadsafe_function(
          env, nullptr, nullptr, Napi::String::New(env, "fairlead forwarder"), 0, 1, answers.get(),
          free_answers, answers.get(), settle, &answers->function) != napi_ok) {
    return SystemError{.error_number = ENOMEM, .syscall = "napi_create_threadsafe_function"};
  }
  session->answers_ = answers.release();
  ::napi_unref_threadsafe_function(env, session->answers_->function);
  // Registered after the function's own hook, so run before it (hooks run in reverse).
  ::napi_add_env_cleanup_hook(env, onEnvironmentEnd, session.get());
  session->forwarder_ = std::move(forwarder.value());
  return session;
}

Napi::Value ForwarderSession::setListeners(Napi::Env env, std::vector<ListenerSpec> wanted,
                                           bool reset_removed) {
  const auto begin = [&](Forwarder& forwarder, Forwarder::Callback callback) {
    return forwarder.setListeners(std::move(wanted), reset_removed, std::move(callback));
  };
  return submit(env, begin, toOutcomes);
}

Napi::Value ForwarderSession::resetConnections(Napi::Env env, std::vector<IpAddress> addresses) {
  const auto begin = [&](Forwarder& forwarder, Forwarder::Callback callback) {
    return forwarder.resetConnections(std::move(addresses), std::move(callback));
  };
  const auto nothing = [](Napi::Env of, const Outcomes&) { return of.Undefined(); };
  return submit(env, begin, nothing);
}

template <typename Begin, typename Convert>
Napi::Value ForwarderSession::submit(Napi::Env env, Begin begin, Convert convert) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  if (forwarder_ == nullptr) {
    const SystemError closed{.error_number = ECANCELED, .syscall = "closeForwarder"};
    deferred.Reject(toError(env, closed).Value());
    return deferred.Promise();
  }
  // Owned by whoever has it to do something with: the forwarder, then settle().
  auto* const call = new Call{.deferred = deferred, .convert = convert, .answer = Outcomes{}};
  const auto callback = [call, function = answers_->function](Result<Outcomes> answer) {
    call->answer = std::move(answer);
    // Refused only when the environment has ended, and with it whoever waits.
    if (::napi_call_threadsafe_function(function, call, napi_tsfn_nonblocking) != napi_ok) {
      delete call;
    }
  };
  const auto queued = begin(*forwarder_, callback);
  if (!queued.ok()) {
    delete call;
    deferred.Reject(toError(env, queued.error()).Value());
  } else if (answers_->unsettled++ == 0) {
    ::napi_ref_threadsafe_function(env, answers_->function);
  }
  return deferred.Promise();
}

void ForwarderSession::settle(napi_env env, napi_value /*function*/, void* answers, void* call) {
  const std::unique_ptr<Call> owned(static_cast<Call*>(call));
  if (env == nullptr) return;
  const Napi::HandleScope scope(env);
  if (owned->answer.ok()) {
    owned->deferred.Resolve(owned->convert(env, owned->answer.value()));
  } else {
    owned->deferred.Reject(toError(env, owned->answer.error()).Value());
  }
  auto* const own = static_cast<Answers*>(answers);
  if (--own->unsettled == 0) ::napi_unref_threadsafe_function(env, own->function);
}

std::vector<OpenListener> ForwarderSession::listeners() const {
  if (forwarder_ == nullptr) return {};
  return forwarder_->listeners();
}

void ForwarderSession::close() {
  if (forwarder_ == nullptr) return;
  forwarder_.reset();
  ::napi_remove_env_cleanup_hook(env_, onEnvironmentEnd, this);
  // Answers under way are still delivered.
  ::napi_release_threadsafe_function(answers_->function, napi_tsfn_release);
}

void ForwarderSession::onEnvironmentEnd(void* session) {
  static_cast<ForwarderSession*>(session)->close();
}

}  // namespace fairlead
