#include "binding/convert.h"

#include <cmath>

#include "base/permit.h"

namespace fairlead {

ObjectReader::ObjectReader(Napi::Value value) : value_(value) {
  if (!value.IsObject()) problem_ = "expected an object";
}

Napi::Value ObjectReader::value(const char* key) {
  if (!value_.IsObject()) return value_.Env().Undefined();
  return value_.As<Napi::Object>().Get(key);
}

void ObjectReader::complain(const char* key, const char* expected) {
  if (problem_.empty()) problem_ = std::string(key) + " is not " + expected;
}

std::string ObjectReader::text(const char* key) {
  auto found = optionalText(key);
  if (!found) complain(key, "a string");
  return found.value_or("");
}

std::optional<std::string> ObjectReader::optionalText(const char* key) {
  const Napi::Value found = value(key);
  if (found.IsUndefined()) return std::nullopt;
  if (!found.IsString()) {
    complain(key, "a string");
    return std::nullopt;
  }
  return found.As<Napi::String>().Utf8Value();
}

bool ObjectReader::boolean(const char* key) {
  const auto found = optionalBoolean(key);
  if (!found) complain(key, "a boolean");
  return found.value_or(false);
}

std::optional<bool> ObjectReader::optionalBoolean(const char* key) {
  const Napi::Value found = value(key);
  if (found.IsUndefined()) return std::nullopt;
  if (!found.IsBoolean()) {
    complain(key, "a boolean");
    return std::nullopt;
  }
  return found.As<Napi::Boolean>().Value();
}

double ObjectReader::number(const char* key) {
  const Napi::Value found = value(key);
  if (!found.IsNumber()) {
    complain(key, "a number");
    return 0;
  }
  return found.As<Napi::Number>().DoubleValue();
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
  const auto found = parseIpAddress(text(key).c_str());
  if (!found) complain(key, "an IP address");
  return found.value_or(IpAddress{.length = 4});
}

MacAddress ObjectReader::mac(const char* key) {
  const auto found = parseMacAddress(text(key));
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
