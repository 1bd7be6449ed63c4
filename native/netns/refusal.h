#pragma once

#include "netns/failure.h"

namespace fairlead::netns {

// Why this machine refuses namespaces, and what its operator does about it.
struct Refusal {
  const char* cause;
  const char* cure;
};

// Judges by the settings that are known to forbid them; for the common machines that do.
Refusal explain(const Failure& failure);

// Writes the one line: what failed, why, and the cure.
void printRefusal(const Failure& failure);

}  // namespace fairlead::netns
