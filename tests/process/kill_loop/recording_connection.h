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

// Passes everything on; every delivery, and what was said of an attempt and answered, goes into the ledger before the
// worker hears of it.
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
  void Audit(const v1::AuditRequest& request, internal::CallOptions options,
             internal::Answer<v1::AuditResponse> answer) override;
  void Progress(const v1::ProgressRequest& request, internal::CallOptions options,
                internal::Answer<v1::ProgressResponse> answer) override;
  void SpawnChildren(const v1::SpawnChildrenRequest& request, internal::CallOptions options,
                     internal::Answer<v1::SpawnChildrenResponse> answer) override;

#define PASS_ON(method)                                                          \
  void method(const v1::method##Request& request, internal::CallOptions options, \
              internal::Answer<v1::method##Response> answer) override {          \
    real_->method(request, options, std::move(answer));                          \
  }
  PASS_ON(Heartbeat)
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
  // The answer, with a look at it before if it is OK.
  template <typename Request, typename Response>
  internal::Answer<Response> Watched(const Request& request, internal::Answer<Response> answer,
                                     void (RecordingConnection::*look)(const Request&, const Response&));
  void OnComplete(const v1::CompleteRequest& request, const v1::CompleteResponse& response);
  void OnAudit(const v1::AuditRequest& request, const v1::AuditResponse& response);
  void OnProgress(const v1::ProgressRequest& request, const v1::ProgressResponse& response);
  void OnSpawnChildren(const v1::SpawnChildrenRequest& request, const v1::SpawnChildrenResponse& response);
  // "WORD TASK ATTEMPT FACT".
  std::string LineOf(const char* word, const std::string& attempt_token, const std::string& fact);
  // With the fact "KIND ANSWER".
  std::string LineOf(const char* word, const v1::Outcome& outcome, const v1::ItemResult& result);
  // The checkpoints and the progress that were stored with an outcome.
  void AddReports(const v1::Outcome& outcome, std::vector<std::string>* lines);
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
  // How many answers there are to come before the next confused call.
  int until_confused_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace baton::kill_loop

#endif  // BATON_TESTS_PROCESS_KILL_LOOP_RECORDING_CONNECTION_H_
