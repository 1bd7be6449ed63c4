#include "binding/convert.h"

#include <algorithm>
#include <cmath>

#include "base/permit.h"

namespace fairlead {

// The plain Node-API calls are used here, since each also tells whether the value was of its type:
// the C++ wrappers ask for that first, and a batch has 10,000 elements.

ObjectReader::ObjectReader(Napi::Value value) : env_(value.Env()), value_(value) {
  if (!value.IsObject()) {
    problem_ = "expected an object";
    value_ = Napi::Object::New(value.Env());
  }
}

napi_value ObjectReader::get(const char* key) {
  napi_value found = nullptr;
  // It fails when a getter throws; what we are given has none.
  if (::napi_get_named_property(env_, value_, key, &found) != napi_ok) return nullptr;
  return found;
}

Napi::Value ObjectReader::value(const char* key) { return {env_, get(key)}; }

bool ObjectReader::has(const char* key) {
  napi_valuetype type = napi_undefined;
  return ::napi_typeof(env_, get(key), &type) == napi_ok && type != napi_undefined;
}

void ObjectReader::complain(const char* key, const char* expected) {
  if (problem_.empty()) problem_ = std::string(key) + " is not " + expected;
}

ObjectReader::ShortText ObjectReader::shortText(const char* key) {
  ShortText text{};
  std::size_t length = 0;
  // The longest address has 45 bytes; what is longer is cut off, and then no address.
  if (::napi_get_value_string_utf8(env_, get(key), text.data(), text.size(), &length) != napi_ok) {
    text[0] = '\0';
  }
  return text;
}

std::string ObjectReader::text(const char* key) {
  auto found = optionalText(key);
  if (!found) complain(key, "a string");
  return found.value_or("");
}

std::optional<std::string> ObjectReader::optionalText(const char* key) {
  if (!has(key)) return std::nullopt;
  const Napi::Value found = value(key);
  if (!found.IsString()) {
    complain(key, "a string");
    return std::nullopt;
  }
  return found.As<Napi::String>().Utf8Value();
}

bool ObjectReader::boolean(const char* key) {
  bool found = false;
  if (::napi_get_value_bool(env_, get(key), &found) != napi_ok) complain(key, "a boolean");
  return found;
}

std::optional<bool> ObjectReader::optionalBoolean(const char* key) {
  if (!has(key)) return std::nullopt;
  return boolean(key);
}

double ObjectReader::number(const char* key) {
  double found = 0;
  if (::napi_get_value_double(env_, get(key), &found) != napi_ok) complain(key, "a number");
  return found;
}

std::size_t ObjectReader::oneOf(const char* key, std::initializer_list<std::string_view> words) {
  const auto* const found = std::ranges::find(words, std::string_view(shortText(key).data()));
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  complain(key, "one of its words");
  return 0;
}

std::int64_t ObjectReader::integer(const char* key, std::int64_t least, std::int64_t most) {
  const double found = number(key);
  const bool sound = std::trunc(found) == found && found >= static_cast<double>(least) &&
                     found <= static_cast<double>(most);
  if (!sound) complain(key, "an integer in range");
  return sound ? static_cast<std::int64_t>(found) : least;
}

std::uint32_t ObjectReader::linkIndex(const char* key) {
  return static_cast<std::uint32_t>(integer(key, 1, INT32_MAX));
}

IpAddress ObjectReader::address(const char* key) {
  const auto found = parseIpAddress(shortText(key).data());
  if (!found) complain(key, "an IP address");
  return found.value_or(IpAddress{.length = 4});
}

MacAddress ObjectReader::mac(const char* key) {
  const auto found = parseMacAddress(shortText(key).data());
  if (!found) complain(key, "a hardware address");
  return found.value_or(MacAddress{});
}

std::uint64_t ObjectReader::instant(const char* key) {
  const auto found = toNanoseconds(number(key));
  if (!found) complain(key, "an instant");
  return found.value_or(0);
}

std::optional<std::uint64_t> toNanoseconds(double milliseconds) {
  if (std::isnan(milliseconds) || milliseconds < 0) return std::nullopt;
  const double nanoseconds = milliseconds * 1e6;
  if (nanoseconds >= 0x1p63) return Permit::kNever;
  return static_cast<std::uint64_t>(nanoseconds);
}

}  // namespace fairlead
