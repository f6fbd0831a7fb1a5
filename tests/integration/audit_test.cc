// Histories of whole workflows over the wire: events, attempts and the summary of one that had it all.
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

int64_t Micros(const google::protobuf::Timestamp& time) { return time.seconds() * 1'000'000 + time.nanos() / 1000; }
int64_t Micros(const google::protobuf::Duration& time) { return time.seconds() * 1'000'000 + time.nanos() / 1000; }

class AuditTest : public BrokerTest {
 protected:
  // A parent spawns two children. One completes at once; the other fails, and completes when it is tried again. Then
  // the parent asks for a decision, gets it, and completes.
  void SetUp() override {
    BrokerTest::SetUp();
    root_ = Submit("parent");
    Submit("stranger");
    auto parents = Connect("p", "parent");
    auto children = Connect("c", "child");
    v1::Delivery delivery = Next(*parents);
    v1::Outcome outcome;
    outcome.set_attempt_token(delivery.attempt_token());
    for (int i = 0; i < 2; ++i) outcome.mutable_spawned()->add_children()->set_type("child");
    ASSERT_EQ(Complete(*parents, outcome).code(), 0);
    const v1::Delivery good = Next(*children);
    const v1::Delivery bad = Next(*children);
    first_ = good.task_id();
    second_ = bad.task_id();
    v1::Outcome succeeded;
    succeeded.set_attempt_token(good.attempt_token());
    succeeded.mutable_succeeded();
    succeeded.add_checkpoints()->set_code("loaded");
    ASSERT_EQ(Complete(*children, succeeded).code(), 0);
    v1::Outcome failed;
    failed.set_attempt_token(bad.attempt_token());
    failed.mutable_failed()->set_error("no paper");
    failed.mutable_failed()->set_retryable(true);
    ASSERT_EQ(Complete(*children, failed).code(), 0);
    ASSERT_EQ(Succeed(*children, Next(*children)).code(), 0);
    outcome.Clear();
    outcome.set_attempt_token(Next(*parents).attempt_token());
    outcome.mutable_suspended()->set_reason("approval");
    ASSERT_EQ(Complete(*parents, outcome).code(), 0);
    TestContext context;
    v1::ResumeRequest resume;
    v1::ResumeResponse resumed;
    resume.set_task_id(root_);
    ASSERT_THAT(tasks().Resume(&context, resume, &resumed), IsOk());
    ASSERT_EQ(Succeed(*parents, Next(*parents), "7").code(), 0);
    EXPECT_EQ(WaitForEnd(root_).state(), v1::TASK_STATE_COMPLETED);
  }

  v1::Delivery Next(WorkerStream& worker) {
    const auto delivery = worker.NextDelivery();
    EXPECT_TRUE(delivery.has_value());
    return delivery.value_or(v1::Delivery());
  }

  v1::GetWorkflowSummaryResponse Summary(uint64_t task) {
    TestContext context;
    v1::GetWorkflowSummaryRequest request;
    v1::GetWorkflowSummaryResponse response;
    request.set_task_id(task);
    EXPECT_THAT(admin().GetWorkflowSummary(&context, request, &response), IsOk());
    return response;
  }
  v1::ListEventsResponse Events(const v1::ListEventsRequest& request) {
    TestContext context;
    v1::ListEventsResponse response;
    EXPECT_THAT(admin().ListEvents(&context, request, &response), IsOk());
    return response;
  }

  uint64_t root_ = 0;
  uint64_t first_ = 0;
  uint64_t second_ = 0;
};

TEST_F(AuditTest, TheSummaryTellsItAll) {  // B229, B230, B231, B232, B233, B234, B235, B237
  const v1::GetWorkflowSummaryResponse summary = Summary(second_);
  EXPECT_EQ(summary.root().id(), root_);
  EXPECT_EQ(summary.root().state(), v1::TASK_STATE_COMPLETED);
  EXPECT_FALSE(summary.root().has_result());
  EXPECT_FALSE(summary.truncated());
  EXPECT_EQ(summary.tasks(), 3u);
  EXPECT_EQ(summary.attempts(), 6u);
  EXPECT_EQ(summary.events(), 12u + 5u + 8u);
  EXPECT_EQ(summary.checkpoints(), 1u);
  EXPECT_EQ(summary.highest_attempt(), 3);
  ASSERT_EQ(summary.states_size(), 1);
  EXPECT_EQ(summary.states(0).state(), v1::TASK_STATE_COMPLETED);
  EXPECT_EQ(summary.states(0).tasks(), 3u);
  ASSERT_EQ(summary.types_size(), 2);
  EXPECT_EQ(summary.types(0).type(), "child");
  EXPECT_EQ(summary.types(0).tasks(), 2u);
  ASSERT_EQ(summary.stages_size(), 2);
  EXPECT_EQ(summary.stages(0).tasks(), 2u);
  EXPECT_EQ(summary.stages(1).stage(), 2);
  std::vector<std::string> outcomes;
  for (const v1::OutcomeCount& count : summary.outcomes()) {
    outcomes.push_back(absl::StrCat(count.attempts(), " ", v1::AttemptOutcome_Name(count.outcome()).substr(16)));
  }
  EXPECT_THAT(outcomes, ElementsAre("3 SUCCEEDED", "1 FAILED", "1 SPAWNED", "1 SUSPENDED"));
  EXPECT_THAT(summary.workers(), ElementsAre("c", "p"));
  EXPECT_EQ(summary.worker_count(), 2u);
  EXPECT_EQ(Micros(summary.created_at()), summary.root().created_at_us());
  EXPECT_EQ(Micros(summary.last_ended_at()), summary.root().ended_at_us());
  EXPECT_EQ(Micros(summary.last_event_at()), summary.root().ended_at_us());
  EXPECT_LE(Micros(summary.created_at()), Micros(summary.first_claimed_at()));
  EXPECT_EQ(Micros(summary.duration()), summary.root().ended_at_us() - summary.root().created_at_us());
  ASSERT_EQ(summary.stages_of_root_size(), 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(summary.stages_of_root(i).stage(), i);
    EXPECT_EQ(summary.stages_of_root(i).attempt(), i + 1);
    EXPECT_EQ(summary.stages_of_root(i).worker_id(), "p");
  }
  EXPECT_THAT(summary.failed_tasks(), IsEmpty());
  ASSERT_EQ(summary.slowest_attempts_size(), 5);
  for (int i = 1; i < 5; ++i) {
    EXPECT_LE(Micros(summary.slowest_attempts(i).duration()), Micros(summary.slowest_attempts(i - 1).duration()));
  }
}

TEST_F(AuditTest, TheCriticalPathHasNoGap) {  // B236
  const v1::GetWorkflowSummaryResponse summary = Summary(root_);
  ASSERT_GE(summary.critical_path_size(), 6);
  int64_t at = Micros(summary.created_at());
  std::set<std::string> kinds;
  for (const v1::PathSegment& segment : summary.critical_path()) {
    EXPECT_EQ(Micros(segment.begin()), at);
    EXPECT_EQ(Micros(segment.end()) - Micros(segment.begin()), Micros(segment.duration()));
    at = Micros(segment.end());
    EXPECT_NE(segment.task_id(), first_) << "the other one ended later";
    kinds.insert(
        absl::StrCat(segment.type(), " ", v1::SegmentKind_Name(segment.kind()).substr(13), " ", segment.attempt()));
  }
  EXPECT_EQ(at, summary.root().ended_at_us());
  for (const char* kind : {"parent RUNNING 1", "child RUNNING 1", "child RUNNING 2", "parent RUNNING 2",
                           "parent DECISION 0", "parent RUNNING 3"}) {
    EXPECT_EQ(kinds.count(kind), 1u) << kind;
  }
}

TEST_F(AuditTest, EventsAndAttemptsOfTheWorkflowAreListed) {  // B224, B225, B227
  v1::ListEventsRequest request;
  request.set_root_id(root_);
  const v1::ListEventsResponse all = Events(request);
  EXPECT_EQ(all.events_size(), 25);
  for (const v1::Event& event : all.events()) {
    // Everything between the claim and the end of an attempt carries its number and its worker.
    const bool is_of_attempt =
        event.from_state() == v1::TASK_STATE_RUNNING || event.to_state() == v1::TASK_STATE_RUNNING;
    EXPECT_EQ(event.attempt() != 0, is_of_attempt) << event.ShortDebugString();
    EXPECT_EQ(event.worker_id().empty(), !is_of_attempt) << event.ShortDebugString();
    EXPECT_FALSE(event.actor().empty()) << event.ShortDebugString();
  }
  request.add_types(v1::EVENT_TYPE_FAILED);
  request.add_types(v1::EVENT_TYPE_RETRY_SCHEDULED);
  const v1::ListEventsResponse failures = Events(request);
  ASSERT_EQ(failures.events_size(), 2);
  for (const v1::Event& event : failures.events()) {
    EXPECT_EQ(event.task_id(), second_);
    EXPECT_EQ(event.reason(), "no paper");
  }
  TestContext context;
  v1::ListAttemptsRequest attempts;
  v1::ListAttemptsResponse response;
  attempts.set_root_id(root_);
  attempts.set_worker_id("c");
  ASSERT_THAT(admin().ListAttempts(&context, attempts, &response), IsOk());
  EXPECT_EQ(response.attempts_size(), 3);
}

}  // namespace
}  // namespace baton
