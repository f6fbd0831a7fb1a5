#ifndef BATON_WORKER_SDK_SUBMIT_QUEUE_H_
#define BATON_WORKER_SDK_SUBMIT_QUEUE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "baton/client.h"
#include "baton/v1/broker.pb.h"
#include "worker_sdk/src/backoff.h"
#include "worker_sdk/src/sdk_limits.h"

namespace baton::inline sdk {
namespace internal {

// What one call of Client::Submit handed over, and its results so far.
struct Submission {
  std::vector<absl::StatusOr<Submitted>> results;
  size_t remaining = 0;
  // Steady microseconds.
  int64_t deadline = 0;
  Client::SubmitCallback done;
};

// The tasks of all submissions on their way to the broker: one call under way, what comes meanwhile leaves together in
// the next one. A call that failed for a passing reason is repeated as it was, under its request id, so that nothing is
// created twice. A submission ends at its deadline; the call that carries it goes on, as it was, for the others. Pure
// bookkeeping, like Ledger. Thread-compatible.
class SubmitQueue {
 public:
  struct Call {
    v1::SubmitRequest request;
    // The latest of its submissions: until then somebody waits for the answer.
    int64_t deadline = 0;
  };
  // Submissions that are complete: their `done` is to be called, without a lock.
  using Finished = std::vector<std::shared_ptr<Submission>>;

  // `make_request_id`: an id that no other call of any client has.
  SubmitQueue(uint64_t seed, std::function<std::string()> make_request_id);

  // `submission` has room for the results; `tasks` are what became of its tasks: those that cannot be sent have their
  // error already.
  Finished Add(const std::shared_ptr<Submission>& submission,
               std::vector<absl::StatusOr<std::unique_ptr<v1::NewTask>>> tasks);

  // The call to make now, if there is one.
  std::optional<Call> Next(int64_t now);
  Finished OnAnswer(int64_t now, Call call, const absl::Status& status, v1::SubmitResponse& response);
  // Gives up what has no answer at its deadline.
  Finished Expire(int64_t now);
  // Gives up everything but the call under way.
  Finished FailAll(const absl::Status& status);
  // When Next() or Expire() may have something to do that they have not now; nullopt if nothing waits for that.
  std::optional<int64_t> NextTimer() const;

 private:
  struct Item {
    std::unique_ptr<v1::NewTask> task;
    // Null: it has its result.
    std::shared_ptr<Submission> submission;
    size_t index;
  };
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  static void SetResult(const Item& item, absl::StatusOr<Submitted> result, Finished* finished);
  void TakeResults(int64_t now, Call& call, const v1::SubmitResponse& response, Finished* finished);
  void CallFailed(int64_t now, Call& call, const absl::Status& failure, Finished* finished);
  // Has an item of the call leave again, before all that waits.
  void PutBack(int i, Call& call);
  void ExpireSent(int64_t now, Finished* finished);
  void FailSent(const absl::Status& status, Finished* finished);
  void ForgetCall();
  absl::Status Expired() const;

  const std::function<std::string()> make_request_id_;
  std::deque<Item> items_;
  CallSize size_{kMessageBytes};
  // Of the call that is under way or to be made again, without their tasks, which are in its request.
  std::vector<Item> sent_;
  // The earliest of those that have no result; kNever: all have.
  int64_t first_deadline_ = kNever;
  // The latest of all.
  int64_t last_deadline_ = 0;
  // To be made again.
  std::optional<Call> repeat_;
  bool in_flight_ = false;
  int64_t not_before_ = 0;
  Backoff backoff_;
  absl::Status last_failure_;
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_SUBMIT_QUEUE_H_
