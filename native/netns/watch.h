#pragma once

namespace fairlead::netns {

// Prints `ready`, and from then on a line for every change of an address in every network that has
// a veth's other end here, in the order in which the kernel made the changes:
//
//   <ns of CLOCK_BOOTTIME> <netnsid, or - for this network> <add|delete> <address>/<prefix>
//
// Returns when stdin closes (0), or when changes were lost or cannot be read (1): the one who
// judges by this must know all.
int watchAddresses();

}  // namespace fairlead::netns
