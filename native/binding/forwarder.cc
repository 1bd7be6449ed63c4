#include <array>
#include <unordered_set>

#include "base/clock.h"
#include "binding/convert.h"
#include "binding/error.h"
#include "binding/exports.h"
#include "binding/forwarder_session.h"

namespace fairlead {
namespace {

constexpr napi_type_tag kForwarderTag{0x66616972'6c656164, 0x666f7277'61726400};
constexpr std::int64_t kMaximumThreads = 256;
constexpr std::int64_t kMaximumBusyPollUs = 1000;
constexpr std::int64_t kMaximumWeight = 256;

using ForwarderHandle = Napi::External<ForwarderSession>;

// Throws a JavaScript TypeError and returns null for anything but a handle of openForwarder.
ForwarderSession* forwarderOf(const Napi::Value& handle) {
  if (!handle.IsExternal() || !handle.As<ForwarderHandle>().CheckTypeTag(&kForwarderTag)) {
    throwTypeError(handle.Env(), "expected the handle of openForwarder");
    return nullptr;
  }
  return handle.As<ForwarderHandle>().Data();
}

Napi::Value openForwarder(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  ObjectReader options(call[0]);
  const ForwarderOptions wanted{
      .threads = static_cast<std::size_t>(options.integer("threads", 1, kMaximumThreads)),
      .busy_poll_us =
          static_cast<std::uint32_t>(options.integer("busyPollUs", 0, kMaximumBusyPollUs))};
  if (!options.problem().empty()) return throwTypeError(env, options.problem());
  auto session = ForwarderSession::open(env, wanted);
  if (!session.ok()) return throwSystemError(env, session.error());
  const auto handle = ForwarderHandle::New(
      env, session.value().release(),
      [](Napi::BasicEnv /*env*/, ForwarderSession* collected) { delete collected; });
  handle.TypeTag(&kForwarderTag);
  return handle;
}

Endpoint readEndpoint(ObjectReader& reader) {
  return {.address = reader.address("address"),
          .port = static_cast<std::uint16_t>(reader.integer("port", 1, UINT16_MAX))};
}

std::uint32_t readUnsigned(ObjectReader& reader, const char* key, std::int64_t least) {
  // As milliseconds, 24 days: what a signed 32-bit timer can count.
  return static_cast<std::uint32_t>(reader.integer(key, least, INT32_MAX));
}

BackendSpec readBackend(ObjectReader& reader) {
  return {.endpoint = readEndpoint(reader),
          .weight = static_cast<std::uint32_t>(reader.integer("weight", 0, kMaximumWeight))};
}

Algorithm readAlgorithm(ObjectReader& reader) {
  constexpr std::array kAlgorithms{Algorithm::kRoundRobin, Algorithm::kLeastConnections,
                                   Algorithm::kSourceHash};
  return kAlgorithms[reader.oneOf("algorithm",
                                  {"round-robin", "least-connections", "source-hash"})];
}

std::optional<std::vector<ListenerSpec>> readListeners(const Napi::Value& listeners) {
  return readArray<ListenerSpec>(listeners, [](ObjectReader& reader) {
    ListenerSpec spec{.id = reader.text("id"),
                      .endpoint = readEndpoint(reader),
                      .backends = {},
                      .algorithm = readAlgorithm(reader),
                      .proxy_protocol = reader.oneOf("proxyProtocol", {"none", "v2"}) == 1,
                      .connect_timeout_ms = readUnsigned(reader, "connectTimeoutMs", 1),
                      .idle_timeout_ms = readUnsigned(reader, "idleTimeoutMs", 0),
                      .max_connections = readUnsigned(reader, "maxConnections", 1),
                      .drain_ms = readUnsigned(reader, "drainMs", 0)};
    auto backends = readArray<BackendSpec>(reader.value("backends"), readBackend);
    if (backends) spec.backends = std::move(*backends);
    return spec;
  });
}

bool haveUniqueIds(const std::vector<ListenerSpec>& listeners) {
  std::unordered_set<std::string> ids;
  for (const ListenerSpec& listener : listeners) {
    if (!ids.insert(listener.id).second) return false;
  }
  return true;
}

Napi::Value setListeners(const Napi::CallbackInfo& call) {
  ForwarderSession* const session = forwarderOf(call[0]);
  if (session == nullptr) return {};
  auto listeners = readListeners(call[1]);
  if (!listeners) return {};
  if (!haveUniqueIds(*listeners)) return throwTypeError(call.Env(), "two listeners have one id");
  ObjectReader options(call[2]);
  const bool reset_removed = options.boolean("resetRemoved");
  if (!options.problem().empty()) return throwTypeError(call.Env(), options.problem());
  return session->setListeners(call.Env(), std::move(*listeners), reset_removed);
}

Napi::Value resetConnections(const Napi::CallbackInfo& call) {
  ForwarderSession* const session = forwarderOf(call[0]);
  if (session == nullptr) return {};
  auto addresses =
      readArray<IpAddress>(call[1], [](ObjectReader& reader) { return reader.address("address"); });
  if (!addresses) return {};
  return session->resetConnections(call.Env(), std::move(*addresses));
}

Napi::Number toNumber(Napi::Env env, std::uint64_t count) {
  return Napi::Number::New(env, static_cast<double>(count));
}

Napi::Value toBackends(Napi::Env env, const Routing& routing) {
  const auto& targets = routing.choice->targets();
  const std::uint64_t now_ms = monotonicMs();
  const Napi::Array backends = Napi::Array::New(env, targets.size());
  for (std::uint32_t i = 0; i < targets.size(); ++i) {
    const Backend& backend = *targets[i].backend;
    const Napi::Object counters = Napi::Object::New(env);
    counters.Set("address", formatIpAddress(backend.endpoint.address));
    counters.Set("port", static_cast<std::uint32_t>(backend.endpoint.port));
    counters.Set("weight", targets[i].weight);
    counters.Set("connecting", toNumber(env, backend.connecting.read()));
    counters.Set("open", toNumber(env, backend.open.read()));
    counters.Set("total", toNumber(env, backend.total.read()));
    counters.Set("failed", toNumber(env, backend.failed.read()));
    counters.Set("ejected", toNumber(env, backend.ejection.times()));
    counters.Set("ejectedForMs", toNumber(env, backend.ejection.remainingMs(now_ms)));
    backends.Set(i, counters);
  }
  return backends;
}

Napi::Value toCounters(Napi::Env env, const OpenListener& listener) {
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  std::uint64_t spliced = 0;
  for (const Traffic& traffic : listener.shared->traffic) {
    in += traffic.bytes_in.read();
    out += traffic.bytes_out.read();
    spliced += traffic.bytes_spliced.read();
  }
  const Napi::Object counters = Napi::Object::New(env);
  counters.Set("id", listener.shared->id);
  counters.Set("open", toNumber(env, listener.shared->open.read()));
  counters.Set("total", toNumber(env, listener.shared->total.read()));
  counters.Set("failed", toNumber(env, listener.shared->failed.read()));
  counters.Set("bytesIn", toNumber(env, in));
  counters.Set("bytesOut", toNumber(env, out));
  counters.Set("bytesSpliced", toNumber(env, spliced));
  counters.Set("backends", toBackends(env, *listener.routing));
  return counters;
}

Napi::Value readCounters(const Napi::CallbackInfo& call) {
  const ForwarderSession* const session = forwarderOf(call[0]);
  if (session == nullptr) return {};
  const auto listeners = session->listeners();
  const Napi::Array result = Napi::Array::New(call.Env(), listeners.size());
  for (std::uint32_t i = 0; i < listeners.size(); ++i) {
    const Napi::HandleScope scope(call.Env());
    result.Set(i, toCounters(call.Env(), listeners[i]));
  }
  return result;
}

Napi::Value closeForwarder(const Napi::CallbackInfo& call) {
  ForwarderSession* const session = forwarderOf(call[0]);
  if (session == nullptr) return {};
  session->close();
  return call.Env().Undefined();
}

}  // namespace

void exportForwarder(Napi::Env env, Napi::Object exports) {
  exportFunction<openForwarder>(env, exports, "openForwarder");
  exportFunction<setListeners>(env, exports, "setListeners");
  exportFunction<resetConnections>(env, exports, "resetConnections");
  exportFunction<readCounters>(env, exports, "readCounters");
  exportFunction<closeForwarder>(env, exports, "closeForwarder");
}

}  // namespace fairlead
