#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead {

using MacAddress = std::array<std::uint8_t, 6>;

// `xx:xx:xx:xx:xx:xx`, in either case.
std::optional<MacAddress> parseMacAddress(std::string_view text);
std::string formatMacAddress(const MacAddress& mac);

}  // namespace fairlead
