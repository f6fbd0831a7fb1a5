#ifndef BATON_WORKER_SDK_SUBMIT_QUEUE_H_
#define BATON_WORKER_SDK_SUBMIT_QUEUE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "baton/client.h"
#include "baton/v1/broker.pb.h"
#include "worker_sdk/src/backoff.h"

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
// created twice. Pure bookkeeping, like Ledger. Thread-compatible.
class SubmitQueue {
 public:
  struct Item {
    std::unique_ptr<v1::NewTask> task;
    std::shared_ptr<Submission> submission;
    size_t index;
  };
  struct Call {
    v1::SubmitRequest request;
    // Without their tasks, which are in the request.
    std::vector<Item> items;
    // The latest of its submissions.
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
  // Gives up what waits beyond its deadline.
  Finished Expire(int64_t now);
  // Gives up everything but the call under way.
  Finished FailAll(const absl::Status& status);
  // When Next() or Expire() may have something to do that they have not now; nullopt if nothing waits.
  std::optional<int64_t> NextTimer() const;

 private:
  static void SetResult(const Item& item, absl::StatusOr<Submitted> result, Finished* finished);
  void FailCall(const Call& call, const absl::Status& status, Finished* finished);
  absl::Status Expired() const;

  const std::function<std::string()> make_request_id_;
  std::deque<Item> items_;
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
