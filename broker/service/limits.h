// Every number that bounds what a caller may send, in one place. What an operator may change is a field of WireLimits
// (the configuration file names them); the rest are constants that the wire contract states.
#ifndef BATON_BROKER_SERVICE_LIMITS_H_
#define BATON_BROKER_SERVICE_LIMITS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "broker/base/clock.h"

namespace baton::service {

struct WireLimits {
  // Payload, result, context and decision of a task, each.
  size_t payload_bytes = 1 << 20;
  // A whole request; also what no message of the broker exceeds unless a single item does.
  size_t message_bytes = 4 << 20;
  // Text of a failure; longer text is cut.
  size_t error_bytes = 16 << 10;
  // Metadata of one checkpoint or one progress report.
  size_t metadata_bytes = 64 << 10;
  // Tasks of a Submit, outcomes of a Complete, items of Audit and Progress.
  size_t items = 1000;
  // Children that travel inside an outcome, and children of one staged part.
  size_t inline_children = 1000;
  // Largest page of a list.
  size_t page_size = 1000;
};

// Children of all outcomes of a Complete. Each may be five bytes of the call, and a hundred of what is stored.
inline constexpr size_t kChildrenPerCall = 32'768;
// Size of a page when the request names none.
inline constexpr int32_t kDefaultPageSize = 100;
// A page of a list is cut at about this many bytes. A quarter of a message is left for what a page has beside its
// items, and for the item that it ends with.
inline size_t PageBytes(const WireLimits& limits) { return std::min(size_t{3} << 20, limits.message_bytes / 4 * 3); }
// Deliveries in one message.
inline constexpr size_t kDeliveriesPerMessage = 1000;

// Names: types, tags, worker ids, pod ids, capabilities.
inline constexpr size_t kNameBytes = 128;
inline constexpr size_t kInstanceIdBytes = 64;
inline constexpr size_t kRequestIdBytes = 128;
inline constexpr size_t kUniqueKeyBytes = 256;
inline constexpr size_t kContentTypeBytes = 128;
// As long as W3C Trace Context wants everybody to pass it on.
inline constexpr size_t kTraceStateBytes = 512;
// Reasons, messages of checkpoints, progress texts, descriptions, names of client libraries.
inline constexpr size_t kTextBytes = 1024;
// Checkpoints and progress of one outcome, together.
inline constexpr size_t kOutcomeReportBytes = 256 << 10;

inline constexpr size_t kWorkerCapabilities = 64;
inline constexpr size_t kRequiredCapabilities = 16;
inline constexpr size_t kHandlers = 1000;
inline constexpr int32_t kSlots = 10'000;
// Attempts of a type that may run at the same time, if that is limited.
inline constexpr int32_t kMaxTypeLimit = 1'000'000;
// Attempts that one hello or heartbeat can name: all slots, and as many void ones whose handlers still run.
inline constexpr size_t kHeldAttempts = 2 * size_t{kSlots};

inline constexpr int32_t kMinPriority = -20;
inline constexpr int32_t kMaxPriority = 20;
inline constexpr Micros kMinTimeout = kMillisecond;
inline constexpr Micros kMaxTimeout = 30 * kDay;
inline constexpr Micros kMaxRetryInterval = 30 * kDay;
inline constexpr int32_t kMaxRetries = 1000;
inline constexpr Micros kMaxDelay = 3650 * kDay;
inline constexpr Micros kMaxReportedDuration = 3650 * kDay;

inline constexpr int32_t kProtocolVersion = 1;

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_LIMITS_H_
