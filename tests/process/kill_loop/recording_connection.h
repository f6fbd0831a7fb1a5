// A worker's connection that writes down what it carries.
#ifndef BATON_TESTS_PROCESS_KILL_LOOP_RECORDING_CONNECTION_H_
#define BATON_TESTS_PROCESS_KILL_LOOP_RECORDING_CONNECTION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "tests/process/kill_loop/ledger.h"
#include "worker_sdk/src/broker_connection.h"

namespace baton::kill_loop {

// Passes everything on; every delivery and every answered outcome goes into the ledger before the worker hears of it.
//
// On top it does what a confused worker might: now and then it repeats outcomes that were answered long ago, and claims
// success for attempts that are over. Both must change nothing.
class RecordingConnection final : public internal::BrokerConnection,
                                  public internal::ClaimObserver,
                                  public std::enable_shared_from_this<RecordingConnection> {
 public:
  RecordingConnection(std::shared_ptr<internal::BrokerConnection> real, const std::string& worker, uint64_t seed,
                      LedgerWriter* ledger);

  void OpenClaim(uint64_t stream, const v1::Hello& hello, std::weak_ptr<internal::ClaimObserver> observer) override;
  void UpdateClaim(uint64_t stream, const v1::WorkerUpdate& update) override { real_->UpdateClaim(stream, update); }
  void HalfCloseClaim(uint64_t stream) override { real_->HalfCloseClaim(stream); }
  void CancelClaim(uint64_t stream) override { real_->CancelClaim(stream); }

  void Complete(const v1::CompleteRequest& request, internal::CallOptions options,
                internal::Answer<v1::CompleteResponse> answer) override;

#define PASS_ON(method)                                                          \
  void method(const v1::method##Request& request, internal::CallOptions options, \
              internal::Answer<v1::method##Response> answer) override {          \
    real_->method(request, options, std::move(answer));                          \
  }
  PASS_ON(Heartbeat)
  PASS_ON(Audit)
  PASS_ON(Progress)
  PASS_ON(SpawnChildren)
  PASS_ON(ListChildOutcomes)
  PASS_ON(Submit)
  PASS_ON(Get)
  PASS_ON(Wait)
  PASS_ON(Cancel)
  PASS_ON(Resume)
  PASS_ON(CreateSchedule)
  PASS_ON(PauseSchedule)
  PASS_ON(UnpauseSchedule)
  PASS_ON(TriggerSchedule)
  PASS_ON(DeleteSchedule)
#undef PASS_ON

  void SetAddress(const std::string& address, bool stay_encrypted) override {
    real_->SetAddress(address, stay_encrypted);
  }
  void Close() override { real_->Close(); }

  // ClaimObserver
  void OnClaimMessage(uint64_t stream, v1::ClaimResponse& message) override;
  void OnClaimClosed(uint64_t stream, const absl::Status& status) override;

 private:
  struct Attempt {
    uint64_t task = 0;
    int number = 0;
  };
  void OnAnswer(const v1::CompleteRequest& request, const v1::CompleteResponse& response);
  // "WORD TASK ATTEMPT KIND ANSWER".
  std::string LineOf(const char* word, const v1::Outcome& outcome, const v1::ItemResult& result);
  void Keep(const v1::Outcome& outcome);
  void SendConfused();
  void OnConfusedAnswer(const std::vector<const char*>& words, const v1::CompleteRequest& request,
                        const v1::CompleteResponse& response);

  const std::shared_ptr<internal::BrokerConnection> real_;
  const std::string worker_;
  LedgerWriter* const ledger_;

  absl::Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  std::string instance_ ABSL_GUARDED_BY(mutex_);
  std::weak_ptr<internal::ClaimObserver> observer_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Attempt> attempts_ ABSL_GUARDED_BY(mutex_);
  // Some outcomes that were answered, by OK or by a refusal: the attempts are over.
  std::vector<v1::Outcome> answered_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace baton::kill_loop

#endif  // BATON_TESTS_PROCESS_KILL_LOOP_RECORDING_CONNECTION_H_
