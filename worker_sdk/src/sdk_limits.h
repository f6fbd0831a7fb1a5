// Every limit of this library, with its reason.
#ifndef BATON_WORKER_SDK_LIMITS_H_
#define BATON_WORKER_SDK_LIMITS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "baton/error.h"
#include "worker_sdk/src/backoff.h"

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
inline constexpr int kCallChildren = 32'768;  // Of all outcomes of a call.
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
// A client whose calls go without an answer for so long says so: longer than a broker takes to restart.
inline constexpr absl::Duration kOutagePatience = absl::Seconds(5);
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

// How much one call may carry: what the contract allows, until a broker that is configured to take less refuses a call
// as a whole. Nothing of such a call was done, so that what it carried can leave again in smaller ones.
// Thread-compatible.
class CallSize {
 public:
  explicit CallSize(int64_t message_bytes) : bytes_(std::max<int64_t>(0, message_bytes - kMessageOverhead)) {}

  size_t items() const { return items_; }
  // Of all items together. One that has more by itself leaves alone.
  int64_t bytes() const { return bytes_; }

  // Whether a call was refused for its size and can be cut. If so, calls are smaller from now on, and stay so: half of
  // what was too much is more than half of what the broker takes, and to grow again would be to be refused again.
  bool Cut(const absl::Status& refusal, size_t refused_items, size_t refused_bytes) {
    if (refused_items < 2) return false;
    if (IsOversized(refusal)) {
      bytes_ = static_cast<int64_t>(refused_bytes / 2);
    } else if (ErrorReason(refusal) == "TOO_MANY_ITEMS") {
      items_ = refused_items / 2;
    } else {
      return false;
    }
    return true;
  }

 private:
  size_t items_ = kCallItems;
  int64_t bytes_;
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_LIMITS_H_
