#ifndef BATON_TESTS_UNIT_SDK_LEDGER_FIXTURE_H_
#define BATON_TESTS_UNIT_SDK_LEDGER_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "tests/unit/sdk/fake_connection.h"
#include "worker_sdk/src/ledger.h"

namespace baton::inline sdk {
namespace internal {

// A ledger whose time is a number and whose broker is the test.
class LedgerTest : public ::testing::Test {
 protected:
  AttemptPtr Hold(const std::string& token) {
    auto delivery = std::make_unique<v1::Delivery>();
    delivery->set_attempt_token(token);
    delivery->set_task_id(42);
    delivery->set_attempt(1);
    auto attempt = std::make_shared<Attempt>(std::move(delivery), nullptr, now_);
    EXPECT_TRUE(ledger_.Add(attempt));
    return attempt;
  }
  static std::unique_ptr<v1::Outcome> Result(const std::string& data) {
    auto outcome = std::make_unique<v1::Outcome>();
    outcome->mutable_succeeded()->mutable_result()->set_data(data);
    return outcome;
  }
  // The handler returned with this result.
  void Return(const AttemptPtr& attempt, const std::string& data = "r") {
    ledger_.Settle(attempt, Result(data));
    ledger_.SetReturned(attempt);
  }
  static v1::Checkpoint Mark(const std::string& code, size_t bytes = 0) {
    v1::Checkpoint checkpoint;
    checkpoint.set_code(code);
    checkpoint.set_metadata_json(std::string(bytes, ' '));
    return checkpoint;
  }

  // A broker of the smallest messages that its payloads allow.
  static constexpr size_t kSmallPayload = size_t{256} * 1024;
  static constexpr size_t kSmallMessage = kSmallPayload + size_t{64} * 1024;
  void Welcome(size_t payload_bytes, size_t message_bytes) {
    v1::Limits limits;
    limits.set_payload_bytes(static_cast<int64_t>(payload_bytes));
    limits.set_message_bytes(static_cast<int64_t>(message_bytes));
    ledger_.SetLimits(limits);
  }

  std::optional<Call<v1::CompleteRequest>> NextComplete() { return ledger_.NextComplete(now_, 5); }
  void AcceptAll(Call<v1::CompleteRequest>& call) {
    ledger_.OnCompleteAnswer(now_, call, absl::OkStatus(), AllAccepted<v1::CompleteResponse>(call.attempts.size()));
  }
  void RefuseOnly(Call<v1::CompleteRequest>& call, absl::StatusCode code) {
    auto response = AllAccepted<v1::CompleteResponse>(call.attempts.size());
    Refuse(&response, 0, code, "REASON");
    ledger_.OnCompleteAnswer(now_, call, absl::OkStatus(), response);
  }
  void FailCall(Call<v1::CompleteRequest>& call, const absl::Status& status) {
    ledger_.OnCompleteAnswer(now_, call, status, {});
  }
  void PassBackoff() { now_ += 5'000'000; }

  int64_t now_ = 1'000'000;
  Ledger ledger_{1};
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_TESTS_UNIT_SDK_LEDGER_FIXTURE_H_
