// Every limit of this library, with its reason.
#ifndef BATON_WORKER_SDK_LIMITS_H_
#define BATON_WORKER_SDK_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace baton::inline sdk {
namespace internal {

// Of the contract.
inline constexpr int kProtocolVersion = 1;
inline constexpr size_t kNameBytes = 128;
inline constexpr size_t kInstanceIdBytes = 64;
inline constexpr size_t kDescriptionBytes = 1024;
inline constexpr size_t kTextBytes = 1024;
inline constexpr size_t kMetadataBytes = size_t{64} * 1024;
inline constexpr size_t kContentTypeBytes = 128;
inline constexpr size_t kHandlers = 1000;
inline constexpr size_t kWorkerCapabilities = 64;
inline constexpr size_t kTaskCapabilities = 16;
inline constexpr int kSlots = 10'000;
inline constexpr int kCallItems = 1000;
// Used until a welcome says otherwise.
inline constexpr int64_t kPayloadBytes = int64_t{1024} * 1024;
inline constexpr int64_t kMessageBytes = int64_t{4} * 1024 * 1024;
inline constexpr int64_t kInlineChildren = 1000;

// What a message costs besides its items.
inline constexpr int64_t kMessageOverhead = int64_t{64} * 1024;
// An outcome takes children along up to this size; more are staged before, in parts of this size, so that one parent
// does not hold up the outcomes of others.
inline constexpr size_t kInlineChildrenBytes = size_t{512} * 1024;
// Checkpoints and progress that ride in an outcome; the contract allows 256 KiB together.
inline constexpr size_t kRiderBytes = size_t{192} * 1024;
inline constexpr int kRiderCheckpoints = 1000;
// Checkpoints of one attempt that were not taken in by the broker yet.
inline constexpr size_t kUnsentCheckpoints = 10'000;
inline constexpr size_t kUnsentCheckpointBytes = size_t{4} * 1024 * 1024;

// A call that hangs longer than this is tried again: the beat window is 15 s, so a stalled connection is noticed by
// then.
inline constexpr absl::Duration kCallTimeout = absl::Seconds(15);
inline constexpr absl::Duration kBeatTimeout = absl::Seconds(5);
inline constexpr absl::Duration kRetryInitial = absl::Milliseconds(50);
inline constexpr absl::Duration kRetryCap = absl::Seconds(2);
inline constexpr absl::Duration kReconnectInitial = absl::Milliseconds(100);
inline constexpr absl::Duration kReconnectCap = absl::Seconds(1);
// Until the welcome says otherwise.
inline constexpr absl::Duration kBeatInterval = absl::Seconds(3);
// A predecessor that was killed holds its worker id until the broker has noticed: its beat window and a little more.
inline constexpr absl::Duration kWorkerIdPatience = absl::Seconds(20);
// How long a leaving worker waits for the answers to what it gave back, and for the end of its stream.
inline constexpr absl::Duration kFarewell = absl::Seconds(2);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_LIMITS_H_
