#include "binding/gate_session.h"

#include "gate/port.h"
#include "gate/transactions.h"

namespace fairlead {
namespace {

Napi::Value toCreated(Napi::Env env, const nft::Design& design) {
  const Napi::Object created = Napi::Object::New(env);
  const bool netdev = design.shape == nft::Shape::kNetdev;
  created.Set("shape", netdev ? "netdev" : "inet");
  created.Set("owned", design.owned);
  created.Set("timeoutMs", static_cast<double>(design.timeout_ms));
  if (netdev) created.Set("closeMark", nft::markOf(design.mark, nft::Order::kClose));
  return created;
}

Napi::Value toOutcome(Napi::Env env, const gate::ArmingOutcome& outcome) {
  const Napi::Object result = Napi::Object::New(env);
  const Napi::Array armed = Napi::Array::New(env, outcome.armed.size());
  for (std::uint32_t i = 0; i < outcome.armed.size(); ++i) armed.Set(i, bool{outcome.armed[i]});
  result.Set("rebuilt", outcome.rebuilt);
  result.Set("armed", armed);
  return result;
}

}  // namespace

Result<std::shared_ptr<GateSession>> GateSession::open(Napi::Env env, const Napi::Value& page,
                                                       const DeadlinePage& deadline,
                                                       gate::ArmingOptions options) {
  std::shared_ptr<GateSession> session(new GateSession(deadline, std::move(options)));
  session->page_ = Napi::Reference<Napi::Value>::New(page, 1);
  auto orders = JobThread::start(
      env, {.name = "fairlead-order", .close_verb = "releaseGate", .ended = [session] {
              session->keeper_.reset();
              session->page_.Reset();
            }});
  if (!orders.ok()) return orders.error();
  session->orders_ = std::move(orders.value());
  // The thread's hooks hold the session until the thread is joined.
  auto transactions =
      JobThread::start(env, {.name = "fairlead-arm",
                             .close_verb = "releaseGate",
                             .delivered = [session](Napi::Env in) { session->deliver(in); },
                             .closing = [session] { session->stopThreads(); },
                             .ended =
                                 [session] {
                                   session->callback_.Reset();
                                   // The tables' owner goes with its socket.
                                   session->arming_.reset();
                                 }});
  if (!transactions.ok()) {
    session->orders_->close();
    return transactions.error();
  }
  session->transactions_ = std::move(transactions.value());
  return session;
}

Napi::Value GateSession::create(Napi::Env env) {
  return transactions_->submit<Done>(
      env, [self = shared_from_this()] { return self->createTables(); },
      [self = shared_from_this()](Napi::Env in, const Done& /*done*/) {
        return toCreated(in, self->arming_->design());
      });
}

Result<Done> GateSession::createTables() {
  auto arming = gate::Arming::open(options_);
  if (!arming.ok()) return arming.error();
  const nft::Design& design = arming.value()->design();
  auto opener = design.shape == nft::Shape::kNetdev ? gate::Port::open(design.mark)
                                                    : gate::Transactions::open(design);
  if (!opener.ok()) return opener.error();
  const auto tell = [this] {
    news_ = true;
    transactions_->notify();
  };
  const std::lock_guard lock(mutex_);
  if (closed_) return SystemError{ECANCELED, "createGate"};
  arming_ = std::move(arming.value());
  arming_->watch(*opener.value(), tell);
  keeper_ = std::make_unique<gate::Keeper>(std::move(opener.value()), deadline_,
                                           design.timeout_ms * 1'000'000, tell);
  keeper_->start();
  return Done{};
}

Napi::Value GateSession::arm(Napi::Env env, std::vector<gate::LinkAddress> addresses) {
  return transactions_->submit<gate::ArmingOutcome>(
      env,
      [self = shared_from_this(),
       addresses = std::move(addresses)]() -> Result<gate::ArmingOutcome> {
        if (!self->arming_) return SystemError{EBADF, "armGate"};
        return self->arming_->arm(addresses);
      },
      toOutcome);
}

Napi::Value GateSession::acquire(Napi::Env env) {
  return orders_->submit<Done>(
      env,
      [self = shared_from_this()]() -> Result<Done> {
        if (!self->keeper_) return SystemError{EBADF, "acquireGate"};
        return self->keeper_->acquire();
      },
      toUndefined);
}

Napi::Value GateSession::shut(Napi::Env env) {
  return orders_->submit<Done>(
      env,
      [self = shared_from_this()]() -> Result<Done> {
        if (!self->keeper_) return SystemError{EBADF, "shutGate"};
        return self->keeper_->close();
      },
      toUndefined);
}

Napi::Value GateSession::remove(Napi::Env env) {
  return transactions_->submit<Done>(
      env,
      [self = shared_from_this()]() -> Result<Done> {
        if (!self->arming_) return SystemError{EBADF, "removeGate"};
        return self->arming_->remove();
      },
      toUndefined);
}

Result<Done> GateSession::watch(Napi::Function callback) {
  if (!callback_.IsEmpty()) return SystemError{EALREADY, "watchGate"};
  callback_ = Napi::Persistent(callback);
  return Done{};
}

void GateSession::close() {
  transactions_->close();
  orders_->close();
}

void GateSession::stopThreads() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  if (arming_) arming_->stopWatching();
  if (keeper_) keeper_->stop();
}

void GateSession::deliver(Napi::Env env) {
  if (callback_.IsEmpty() || !news_.exchange(false)) return;
  const Napi::HandleScope scope(env);
  callback_.Call({});
  if (env.IsExceptionPending()) {
    // There is no caller to throw it to: it becomes an uncaughtException, as from any listener.
    ::napi_fatal_exception(env, env.GetAndClearPendingException().Value());
  }
}

}  // namespace fairlead
