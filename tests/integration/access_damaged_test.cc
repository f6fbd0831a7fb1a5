// Workers whose access token is limited to types, and tasks that cannot be read: what they say of others is taken.
#include "absl/strings/str_cat.h"
#include "broker/engine/format/keys.h"
#include "broker/storage/rocksdb_store.h"
#include "tests/integration/access_fixture.h"

namespace baton {
namespace {

using grpc::StatusCode;

class DamagedAccessTest : public AccessTest {
 protected:
  struct Attempt {
    uint64_t task = 0;
    std::string token;
  };

  DamagedAccessTest() {
    // Attempts stay with workers that are gone, over a restart too.
    settings_.engine.grace = kDay;
    settings_.engine.beat_window = kDay;
    settings_.engine.defaults.timeout = kDay;
  }
  void SetUp() override {
    Add("mail", "work", {"mail."});
    AccessTest::SetUp();
  }

  // A new task, which runs in the only slot of a new worker: the first one is "w1".
  Attempt Run(const std::string& type) {
    Attempt attempt;
    attempt.task = SubmitAs("operate", type);
    v1::ClaimRequest request;
    *request.mutable_hello() = HelloOf(absl::StrCat("w", ++workers_), type, 1);
    const RawAnswer answer = Claim("work", request, 2);
    v1::ClaimResponse message;
    EXPECT_EQ(answer.messages.size(), 2u) << answer.status.error_message();
    EXPECT_TRUE(message.ParseFromString(answer.messages.empty() ? "" : answer.messages.back()));
    EXPECT_EQ(message.deliveries().deliveries_size(), 1) << message.ShortDebugString();
    for (const v1::Delivery& delivery : message.deliveries().deliveries()) {
      EXPECT_EQ(delivery.task_id(), attempt.task);
      attempt.token = delivery.attempt_token();
    }
    return attempt;
  }
  RawAnswer Claim(const std::string& token, const v1::ClaimRequest& request, size_t answers) {
    return RawCall(channel(), "/baton.v1.TaskBroker/Claim", request.SerializeAsString(), answers,
                   "Bearer " + TextOf(token));
  }

  static v1::CompleteRequest Successes(const std::vector<Attempt>& attempts) {
    v1::CompleteRequest request;
    for (const Attempt& attempt : attempts) {
      v1::Outcome& outcome = *request.add_outcomes();
      outcome.set_attempt_token(attempt.token);
      outcome.mutable_succeeded();
    }
    return request;
  }

  // Spoils the records of tasks while the broker is stopped. Those that ran are set aside when it starts again.
  void Damage(const std::vector<Attempt>& attempts) {
    Stop();
    {
      const auto store = storage::OpenRocksDbStore(settings_.store);
      ASSERT_TRUE(store.ok()) << store.status();
      storage::WriteBatch batch;
      for (const Attempt& attempt : attempts) {
        batch.Put(storage::Family::kTask, engine::TaskKey(attempt.task), "\xff\xff\xff");
      }
      std::string error;
      ASSERT_EQ((*store)->Commit(batch, (*store)->number() + 1, &error), storage::CommitResult::kDone) << error;
    }
    Start();
  }

  v1::TaskState StateOf(uint64_t task) {
    v1::GetRequest request;
    v1::GetResponse response;
    request.set_task_id(task);
    EXPECT_THAT(Call("operate", "TaskBroker/Get", request, &response), IsOk());
    return response.task().state();
  }

 private:
  int workers_ = 0;
};

TEST_F(DamagedAccessTest, OutcomesBesideThoseOfUnreadableTasksAreStored) {
  const Attempt ended = Run("mail.send"), live = Run("mail.send"), sound = Run("mail.send");
  v1::CompleteResponse completed;
  ASSERT_THAT(Call("mail", "TaskBroker/Complete", Successes({ended}), &completed), IsOk());
  ASSERT_FALSE(completed.results(0).has_error()) << completed.results(0).error().message();
  Damage({ended, live});

  ASSERT_THAT(Call("mail", "TaskBroker/Complete", Successes({ended, live, sound}), &completed), IsOk());
  ASSERT_EQ(completed.results_size(), 3);
  EXPECT_FALSE(completed.results(0).has_error()) << "a repeat of what was accepted";
  EXPECT_THAT(completed.results(1).error(), IsError(StatusCode::ABORTED, "ATTEMPT_OVER", ""));
  EXPECT_FALSE(completed.results(2).has_error()) << completed.results(2).error().message();
  EXPECT_EQ(StateOf(sound.task), v1::TASK_STATE_COMPLETED);
}

TEST_F(DamagedAccessTest, ReportsBesideThoseOfUnreadableTasksAreStored) {
  const Attempt live = Run("mail.send"), sound = Run("mail.send");
  Damage({live});
  v1::ProgressRequest progress;
  v1::AuditRequest audit;
  for (const Attempt& attempt : {live, sound}) {
    v1::ProgressRequest::Item& report = *progress.add_items();
    report.set_attempt_token(attempt.token);
    report.mutable_progress()->set_text("half");
    v1::AuditRequest::Item& mark = *audit.add_items();
    mark.set_attempt_token(attempt.token);
    mark.mutable_checkpoint()->set_code("half");
  }
  v1::ProgressResponse reported;
  v1::AuditResponse marked;
  ASSERT_THAT(Call("mail", "TaskBroker/Progress", progress, &reported), IsOk());
  ASSERT_THAT(Call("mail", "TaskBroker/Audit", audit, &marked), IsOk());
  ASSERT_EQ(reported.results_size(), 2);
  ASSERT_EQ(marked.results_size(), 2);
  EXPECT_THAT(reported.results(0).error(), IsError(StatusCode::ABORTED, "ATTEMPT_OVER", ""));
  EXPECT_THAT(marked.results(0).error(), IsError(StatusCode::ABORTED, "ATTEMPT_OVER", ""));
  EXPECT_FALSE(reported.results(1).has_error()) << reported.results(1).error().message();
  EXPECT_FALSE(marked.results(1).has_error()) << marked.results(1).error().message();
}

TEST_F(DamagedAccessTest, AWorkerComesBackWithUnreadableTasks) {
  const Attempt ended = Run("mail.send"), live = Run("mail.send"), sound = Run("mail.send");
  v1::CompleteResponse completed;
  ASSERT_THAT(Call("mail", "TaskBroker/Complete", Successes({ended}), &completed), IsOk());
  Damage({ended, live});
  v1::ClaimRequest request;
  *request.mutable_hello() = HelloOf("w3", "mail.send", 1);
  for (const Attempt& attempt : {ended, live, sound}) {
    request.mutable_hello()->add_held_attempt_tokens(attempt.token);
  }
  const RawAnswer answer = Claim("mail", request, 1);
  v1::ClaimResponse message;
  ASSERT_EQ(answer.messages.size(), 1u) << answer.status.error_message();
  ASSERT_TRUE(message.ParseFromString(answer.messages[0]));
  ASSERT_EQ(message.welcome().verdicts_size(), 3);
  EXPECT_EQ(message.welcome().verdicts(0), v1::ATTEMPT_VERDICT_OVER);
  EXPECT_EQ(message.welcome().verdicts(1), v1::ATTEMPT_VERDICT_OVER);
  EXPECT_EQ(message.welcome().verdicts(2), v1::ATTEMPT_VERDICT_VALID);
}

TEST_F(DamagedAccessTest, UnreadableTasksOfOtherTypesStayOutOfReach) {
  const Attempt ended = Run("bank.pay"), live = Run("bank.pay");
  v1::CompleteRequest failure;
  v1::CompleteResponse completed;
  failure.add_outcomes()->set_attempt_token(ended.token);
  failure.mutable_outcomes(0)->mutable_failed()->set_error("no money");
  ASSERT_THAT(Call("work", "TaskBroker/Complete", failure, &completed), IsOk());
  ASSERT_FALSE(completed.results(0).has_error()) << completed.results(0).error().message();
  Damage({ended, live});

  EXPECT_THAT(Call("mail", "TaskBroker/Complete", Successes({live}), &completed),
              FailsWith(kDenied, "TYPE_NOT_ALLOWED", "is of type 'bank.pay'"));
  // Nobody can tell the type of the other one any more. It is over, and will not run again.
  ASSERT_THAT(Call("mail", "TaskBroker/Complete", Successes({ended}), &completed), IsOk());
  EXPECT_THAT(completed.results(0).error(), IsError(StatusCode::ABORTED, "ATTEMPT_OVER", ""));
  v1::RetryTaskRequest retry;
  v1::RetryTaskResponse retried;
  retry.set_task_id(ended.task);
  EXPECT_THAT(Call("operate", "TaskAdmin/RetryTask", retry, &retried),
              FailsWith(StatusCode::DATA_LOSS, "STORE_DAMAGED", ""));
}

}  // namespace
}  // namespace baton
