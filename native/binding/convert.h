#pragma once

#include <napi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.h"
#include "base/mac_address.h"

namespace fairlead {

// Reads the properties of one JavaScript value. TypeScript has validated already; this refuses
// nonsense, and remembers the first: read everything, then look at problem().
class ObjectReader {
 public:
  explicit ObjectReader(Napi::Value value);

  [[nodiscard]] std::string text(const char* key);
  [[nodiscard]] std::optional<std::string> optionalText(const char* key);
  [[nodiscard]] bool boolean(const char* key);
  [[nodiscard]] std::optional<bool> optionalBoolean(const char* key);
  [[nodiscard]] double number(const char* key);
  // The index of the text among `words`.
  [[nodiscard]] std::size_t oneOf(const char* key, std::initializer_list<std::string_view> words);
  // An integer in [least, most].
  [[nodiscard]] std::int64_t integer(const char* key, std::int64_t least, std::int64_t most);
  [[nodiscard]] std::uint32_t linkIndex(const char* key);
  [[nodiscard]] IpAddress address(const char* key);
  [[nodiscard]] MacAddress mac(const char* key);
  // Milliseconds of CLOCK_BOOTTIME to nanoseconds; Infinity is Permit::kNever.
  [[nodiscard]] std::uint64_t instant(const char* key);

  // Undefined when there is none.
  [[nodiscard]] Napi::Value value(const char* key);

  // Empty when all that was read was sound.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  // Room for an address of either kind.
  using ShortText = std::array<char, 64>;

  napi_value get(const char* key);
  bool has(const char* key);
  ShortText shortText(const char* key);
  void complain(const char* key, const char* expected);

  napi_env env_;
  napi_value value_;
  std::string problem_;
};

// Milliseconds to nanoseconds, or nothing for NaN and what is negative. Infinity and all that is
// beyond the clock's range is Permit::kNever.
std::optional<std::uint64_t> toNanoseconds(double milliseconds);

// Reads an array with `read(ObjectReader&) -> Element`. Throws a JavaScript TypeError and returns
// nothing for what is not such an array.
template <typename Element, typename Read>
std::optional<std::vector<Element>> readArray(Napi::Value value, Read read) {
  if (!value.IsArray()) {
    Napi::TypeError::New(value.Env(), "expected an array").ThrowAsJavaScriptException();
    return std::nullopt;
  }
  const auto array = value.As<Napi::Array>();
  std::vector<Element> elements;
  elements.reserve(array.Length());
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    ObjectReader reader(array.Get(i));
    elements.push_back(read(reader));
    if (value.Env().IsExceptionPending()) return std::nullopt;  // Of an array inside the element.
    if (!reader.problem().empty()) {
      Napi::TypeError::New(value.Env(), "element " + std::to_string(i) + ": " + reader.problem())
          .ThrowAsJavaScriptException();
      return std::nullopt;
    }
  }
  return elements;
}

}  // namespace fairlead
