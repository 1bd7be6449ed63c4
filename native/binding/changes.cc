#include "binding/changes.h"

namespace fairlead {
namespace {

Napi::Object toEvent(Napi::Env env, const Change& change) {
  const Napi::Object event = Napi::Object::New(env);
  event.Set("link", change.link);
  event.Set("removed", change.removed);
  if (change.address.length == 0) {
    event.Set("kind", "link");
    return event;
  }
  event.Set("kind", "address");
  event.Set("address", formatIpAddress(change.address));
  event.Set("prefixLength", static_cast<std::uint32_t>(change.prefix_length));
  event.Set("at", static_cast<double>(change.at_ns) / 1e6);
  return event;
}

}  // namespace

Napi::Value toEvents(Napi::Env env, const Changes& changes) {
  const Napi::Array events = Napi::Array::New(env);
  std::uint32_t length = 0;
  if (changes.overrun) {
    const Napi::Object event = Napi::Object::New(env);
    event.Set("kind", "overrun");
    events.Set(length++, event);
  }
  for (const Change& change : changes.changes) events.Set(length++, toEvent(env, change));
  return events;
}

}  // namespace fairlead
