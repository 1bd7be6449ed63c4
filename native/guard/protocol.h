#pragma once

// How the daemon and its guard speak.
//
// Whichever starts the other gives it a connected stream socket as fd 3 and the deadline page
// (base/deadline_page.h) as fd 4; a guard that starts the daemon says so by FAIRLEAD_GUARD=parent
// in its environment. Over the socket go frames: a FrameHeader and the rest of its `length` bytes,
// all numbers in the byte order of the machine. Every command replaces the whole of what it sets
// and is answered with its number, so that the daemon can wait until the guard knows. The other
// meaning of the socket is the sign of life: when it ends, the daemon is dead.
//
//   daemon → guard
//     kSetAddresses    AddressRecord[]: what to delete. Empty: nothing.
//     kSetResignation  DatagramRecord, its bytes, the next one, …: what to send once all is deleted
//     kPing            nothing
//     kSetGate         GateRecord: how to close the gate first of all. Empty: there is none.
//   guard → daemon
//     kReady           ReadyRecord, once, unasked
//     kAnswer          AnswerRecord: 0; E2BIG or EINVAL (what was set before stays); EPERM when it
//                      may not close gates; ETIME when the deadline had passed already, so that
//                      what was set is withdrawn by now
//     kFired           FiredRecord: the deadline passed. Addresses and resignation are empty again.
//     kFailed          FailedRecord: it cannot guard, and exits
//
// Store the deadline before the addresses: an armed deadline that has passed withdraws them at
// once. A frame without kMagic or longer than kMaxSkippedBytes says that the stream has lost its
// framing, and counts as its end.

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

namespace fairlead::guard {

constexpr int kChannelFd = 3;
constexpr int kDeadlinePageFd = 4;

constexpr std::size_t kMaxAddresses = 16'384;
constexpr std::size_t kMaxDatagrams = 64;
constexpr std::size_t kMaxDatagramBytes = 1'024;
// A frame beyond the limits is refused with E2BIG and skipped, up to this length.
constexpr std::size_t kMaxSkippedBytes = 64U << 20U;

constexpr std::uint16_t kMagic = 0xfa1e;

enum class FrameKind : std::uint16_t {
  kSetAddresses = 1,
  kSetResignation = 2,
  kPing = 3,
  kSetGate = 4,
  kReady = 16,
  kAnswer = 17,
  kFired = 18,
  kFailed = 19,
};

struct FrameHeader {
  std::uint32_t length;  // Of the whole frame, this header included.
  std::uint16_t magic;
  FrameKind kind;
  std::uint32_t number;  // The daemon's count of its commands; 0 in what the guard says unasked.
};
static_assert(sizeof(FrameHeader) == 12);

struct AddressRecord {
  std::uint32_t link;   // The kernel's index.
  std::uint8_t family;  // AF_INET or AF_INET6.
  std::uint8_t prefix_length;
  std::uint16_t zero;
  std::uint8_t address[16];  // An IPv4 address is the first four bytes.
};
static_assert(sizeof(AddressRecord) == 24);

struct DatagramRecord {
  std::uint16_t length;  // Of the payload that follows.
  std::uint16_t port;
  std::uint8_t family;
  std::uint8_t zero[3];
  std::uint8_t address[16];
};
static_assert(sizeof(DatagramRecord) == 24);

struct GateRecord {
  std::uint32_t close_mark;  // SO_MARK of the frame (base/gate_frame.h) that closes it.
};

struct ReadyRecord {
  std::uint32_t max_addresses;
  std::uint32_t max_datagrams;
  std::uint32_t memory_locked;  // 0: RLIMIT_MEMLOCK forbids it, and reclaim may delay the guard.
};

struct AnswerRecord {
  std::uint32_t error;
};

struct FiredRecord {
  std::uint32_t deleted;  // Gone for sure, whoever deleted them.
  std::uint32_t failed;   // Not so: no resignation was sent.
  std::uint32_t error;    // The errno of the first of those.
  std::uint32_t datagrams_sent;
  std::uint64_t fired_at_ns;
  std::uint64_t confirmed_at_ns;  // When the kernel had confirmed the last deletion.
};
static_assert(sizeof(FiredRecord) == 32);

struct FailedRecord {
  std::uint32_t error;
  char call[28];
};
static_assert(sizeof(FailedRecord) == 32);

}  // namespace fairlead::guard
