#ifndef BATON_WORKER_SDK_ATTEMPT_H_
#define BATON_WORKER_SDK_ATTEMPT_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "baton/v1/worker.pb.h"
#include "worker_sdk/src/event.h"
#include "worker_sdk/src/registry.h"

namespace baton::inline sdk {
namespace internal {

// One attempt that this process holds, from its delivery until its handler has returned and its outcome was answered.
struct Attempt {
  Attempt(std::unique_ptr<v1::Delivery> from, std::shared_ptr<const RegisteredHandler> with, int64_t now)
      : delivery(std::move(from)), handler(std::move(with)), token(delivery->attempt_token()), received_at(now) {}

  // Constant, but for payload, context and decision, which the handler's thread takes out when it starts.
  const std::unique_ptr<v1::Delivery> delivery;
  // Null: no handler of the type was registered when the attempt arrived.
  const std::shared_ptr<const RegisteredHandler> handler;
  const std::string& token;
  // Steady microseconds.
  const int64_t received_at;

  // Set by the thread that runs the handler; 0: not started.
  std::atomic<int64_t> started_at = 0;
  // Notified when the attempt is over without its handler's doing; `over_reason` is set before and constant then.
  Event over;
  std::string over_reason;

  // Tells the scheduler that its handler has something to do. Belongs to whoever runs the attempt or gives it back.
  std::shared_ptr<void> work;

  // Steady microseconds; meaningful once started. Without a timeout: the end of time.
  int64_t deadline() const {
    const int64_t timeout = delivery->timeout_us();
    return timeout > 0 ? started_at + timeout : std::numeric_limits<int64_t>::max();
  }

  // Everything below belongs to the Ledger and is guarded by its owner's lock.

  // What became of it. The first one counts: a handler that returns after its attempt was given back changes nothing.
  enum class Stage {
    kOpen,      // waits or runs
    kStaging,   // children go to the broker before the outcome
    kParked,    // the outcome waits for the answers to reports
    kQueued,    // the outcome waits to be sent
    kInFlight,  // sent: its slot is free; the outcome is in the call
    kAnswered,  // forgotten unless its handler still runs
  };
  Stage stage = Stage::kOpen;
  bool is_over = false;
  // Its handler has returned, or will never run.
  bool returned = false;
  bool slot_lost = false;
  // The outcome was refused for its content and this is what replaced it.
  bool outcome_replaced = false;
  std::unique_ptr<v1::Outcome> outcome;

  std::vector<std::unique_ptr<v1::NewTask>> children;
  size_t children_staged = 0;
  uint32_t parts_staged = 0;
  // A part has left. Even if it came back unanswered, the broker may have it.
  bool part_sent = false;

  // Reports that were not taken in by the broker yet, oldest first.
  std::deque<v1::Checkpoint> checkpoints;
  size_t checkpoint_bytes = 0;
  std::optional<v1::Progress> progress;
  bool in_audit_queue = false;
  bool in_progress_queue = false;
  // Calls under way that carry a report of this attempt.
  int reports_in_flight = 0;
};

using AttemptPtr = std::shared_ptr<Attempt>;

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_ATTEMPT_H_
