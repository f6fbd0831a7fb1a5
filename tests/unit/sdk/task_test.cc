// What a handler sees of its task, and what becomes of what it returns.
#include "baton/task.h"

#include <atomic>
#include <string>

#include "baton/json.h"
#include "baton/protobuf.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/worker_fixture.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::HasSubstr;

class TaskTest : public WorkerTest {
 protected:
  // Runs one attempt and returns its outcome.
  v1::Outcome RunOne(HandlerFunction handler, v1::Delivery delivery) {
    Use("t", std::move(handler));
    StartAndWelcome();
    Deliver({std::move(delivery)});
    return AcceptComplete().outcomes(0);
  }
  v1::Outcome RunOne(HandlerFunction handler) { return RunOne(std::move(handler), MakeDelivery(1)); }

  v1::ListChildOutcomesResponse Page(int first, int count, const std::string& next) {
    v1::ListChildOutcomesResponse page;
    for (int i = first; i < first + count; ++i) {
      v1::ChildOutcome* child = page.add_outcomes();
      child->set_index(i);
      child->set_state(v1::TASK_STATE_COMPLETED);
      child->mutable_result()->set_data(std::to_string(i));
    }
    page.set_next_page_token(next);
    return page;
  }
};

TEST_F(TaskTest, ShowsAllOfTheDelivery) {  // B39
  v1::Delivery delivery = MakeDelivery(1);
  delivery.set_attempt(3);
  delivery.set_stage(2);
  delivery.set_tag("tag");
  delivery.set_parent_id(7);
  delivery.set_root_id(6);
  delivery.set_priority(-5);
  delivery.set_failed_attempts(1);
  delivery.set_max_retries(4);
  delivery.set_schedule("nightly");
  delivery.set_scheduled_at_us(1'500'000);
  delivery.set_trace_parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  delivery.set_trace_state("rojo=1");
  delivery.set_children(9);
  delivery.set_children_failed(2);
  delivery.mutable_payload()->set_json(R"({"n": 1})");
  delivery.mutable_context()->set_data("where I was");
  delivery.mutable_decision()->set_data("yes");
  const v1::Outcome outcome = RunOne(
      [](Task& task) -> Outcome {
        EXPECT_EQ(task.id(), 101);
        EXPECT_EQ(task.type(), "t");
        EXPECT_EQ(task.attempt(), 3);
        EXPECT_EQ(task.stage(), 2);
        EXPECT_EQ(task.tag(), "tag");
        EXPECT_EQ(task.parent_id(), 7);
        EXPECT_EQ(task.root_id(), 6);
        EXPECT_EQ(task.priority(), -5);
        EXPECT_EQ(task.failed_attempts(), 1);
        EXPECT_EQ(task.max_retries(), 4);
        EXPECT_EQ(task.schedule(), "nightly");
        EXPECT_EQ(task.scheduled_at(), absl::FromUnixMillis(1'500));
        EXPECT_EQ(task.trace_parent(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        EXPECT_EQ(task.trace_state(), "rojo=1");
        EXPECT_EQ(task.children_count(), 9);
        EXPECT_EQ(task.children_failed(), 2);
        EXPECT_EQ(task.context().bytes(), "where I was");
        EXPECT_EQ(task.decision().bytes(), "yes");
        EXPECT_FALSE(task.cancelled());
        EXPECT_EQ(task.cancel_reason(), "");
        const absl::StatusOr<nlohmann::json> input = ParseJson(task.payload());
        return nlohmann::json{{"n", (*input)["n"].get<int>() + 1}};
      },
      delivery);
  EXPECT_EQ(outcome.succeeded().result().json(), R"({"n":2})");
}

TEST_F(TaskTest, TakesProtobufMessages) {
  v1::Delivery delivery = MakeDelivery(1);
  v1::Checkpoint input;
  input.set_code("in");
  delivery.mutable_payload()->set_data(input.SerializeAsString());
  const v1::Outcome outcome = RunOne(
      [](Task& task) -> Outcome {
        absl::StatusOr<v1::Checkpoint> message = ParseMessage<v1::Checkpoint>(task.payload());
        if (!message.ok()) return FinalError(message.status());
        message->set_code(message->code() + " and out");
        return *message;
      },
      delivery);
  v1::Checkpoint result;
  ASSERT_TRUE(result.ParseFromString(outcome.succeeded().result().data()));
  EXPECT_EQ(result.code(), "in and out");
  EXPECT_THAT(outcome.succeeded().result().content_type(), HasSubstr("messageType=baton.v1.Checkpoint"));
}

TEST_F(TaskTest, ReturnsWithoutResult) {  // B8, B42
  const v1::Outcome outcome = RunOne([](Task&) { return Outcome(); });
  EXPECT_TRUE(outcome.has_succeeded());
  EXPECT_FALSE(outcome.succeeded().has_result());
}

TEST_F(TaskTest, FailsForGood) {
  const v1::Outcome outcome = RunOne([](Task&) { return FinalError("no such user"); });
  EXPECT_EQ(outcome.failed().error(), "no such user");
  EXPECT_FALSE(outcome.failed().retryable());
}

TEST_F(TaskTest, AResultThatIsTooLargeFailsForGood) {  // B114
  const v1::Outcome outcome = RunOne([](Task&) { return std::string(1024 * 1024 + 1, 'x'); });
  EXPECT_FALSE(outcome.failed().retryable());
  EXPECT_THAT(outcome.failed().error(), HasSubstr("result has 1048577 bytes; at most 1048576"));
}

TEST_F(TaskTest, AResultThatCannotTravelFailsForGood) {  // B114
  const v1::Outcome outcome = RunOne([](Task&) { return Payload::Json("\"\xFF\""); });
  EXPECT_THAT(outcome.failed().error(), HasSubstr("not UTF-8"));
}

TEST_F(TaskTest, SpawnsChildrenWithContext) {  // B8, B142
  const v1::Outcome outcome = RunOne([](Task& task) {
    return task.Next({{.type = "child", .payload = "a"}, {.type = "child", .options = {.priority = 4}}}, "context");
  });
  ASSERT_EQ(outcome.spawned().children_size(), 2);
  EXPECT_EQ(outcome.spawned().children(0).payload().data(), "a");
  EXPECT_EQ(outcome.spawned().children(1).options().priority(), 4);
  EXPECT_EQ(outcome.spawned().context().data(), "context");
}

TEST_F(TaskTest, ABadChildFailsTheTaskAndNamesIt) {  // B143
  const v1::Outcome outcome = RunOne([](Task& task) { return task.Next({{.type = "ok"}, {.type = "\xFF"}}); });
  EXPECT_THAT(outcome.failed().error(), HasSubstr("child 1: type is not UTF-8"));
}

TEST_F(TaskTest, Suspends) {  // B8, B164
  const v1::Outcome outcome = RunOne([](Task& task) { return task.Suspend("approval"); });
  EXPECT_EQ(outcome.suspended().reason(), "approval");
  EXPECT_FALSE(outcome.suspended().has_context()) << "the context stays as it is";
}

TEST_F(TaskTest, ASuspensionWithoutAReasonFailsForGood) {  // B164, S100
  const v1::Outcome outcome = RunOne([](Task& task) { return task.Suspend(" \t"); });
  EXPECT_THAT(outcome.failed().error(), HasSubstr("reason is empty"));
  EXPECT_FALSE(outcome.failed().retryable());
}

TEST_F(TaskTest, SaysHowLongItWaitsForADecisionAndWhatThen) {
  const v1::Outcome outcome = RunOne([](Task& task) {
    return task.Suspend("approval", {.context = "so far",
                                     .timeout = absl::Hours(1),
                                     .when_undecided = WhenUndecided::kResume,
                                     .default_decision = Payload::Json("false")});
  });
  EXPECT_EQ(outcome.suspended().context().data(), "so far");
  EXPECT_EQ(outcome.suspended().timeout_us(), 3'600'000'000);
  EXPECT_EQ(outcome.suspended().when_undecided(), v1::WHEN_UNDECIDED_RESUME);
  EXPECT_EQ(outcome.suspended().default_decision().json(), "false");
}

TEST_F(TaskTest, SpawnsChildrenOfWhichNoneMayFail) {
  const v1::Outcome outcome = RunOne(
      [](Task& task) { return task.Next({NewTask{.type = "child"}}, {.context = "so far", .fail_fast = true}); });
  EXPECT_TRUE(outcome.spawned().fail_fast());
  EXPECT_EQ(outcome.spawned().context().data(), "so far");
  EXPECT_EQ(outcome.spawned().children_size(), 1);
}

TEST_F(TaskTest, ReportsCheckpointsAndProgress) {  // B210, B213, B259
  Use("t", [](Task& task) -> Outcome {
    EXPECT_TRUE(task.Audit("loaded", "12 rows", R"({"rows": 12})").ok());
    EXPECT_TRUE(task.Progress(40, "half way").ok());
    EXPECT_TRUE(absl::IsInvalidArgument(task.Audit("")));
    EXPECT_TRUE(absl::IsInvalidArgument(task.Progress(101)));
    return {};
  });
  StartAndWelcome();
  Deliver({MakeDelivery(1)});
  auto audit = broker_->audits.Take("an Audit call");
  EXPECT_EQ(audit.request.items(0).attempt_token(), Token(1));
  EXPECT_EQ(audit.request.items(0).checkpoint().code(), "loaded");
  EXPECT_GT(audit.request.items(0).checkpoint().at_us(), 0);
  auto progress = broker_->progresses.Take("a Progress call");
  EXPECT_EQ(progress.request.items(0).progress().text(), "half way");
  EXPECT_THAT(log_.Take("a word about the refused report"), HasSubstr("code is empty"));
  audit.Succeed(AllAccepted<v1::AuditResponse>(1));
  progress.Succeed(AllAccepted<v1::ProgressResponse>(1));
  EXPECT_TRUE(AcceptComplete().outcomes(0).has_succeeded());
}

TEST_F(TaskTest, MetadataIsBoundedByWhatTheBrokerTakes) {
  Inbox<absl::Status> said;
  Use("t", [&said](Task& task) {
    said.Push(task.Audit("mark", "", R"({"key": 1})"));
    said.Push(task.Progress(ProgressReport{.text = "half", .metadata_json = R"({"key": 1})"}));
    return Outcome();
  });
  Start();
  v1::ClaimResponse message;
  message.mutable_welcome()->set_session(1);
  message.mutable_welcome()->set_beat_interval_us(3'000'000);
  message.mutable_welcome()->mutable_limits()->set_metadata_bytes(9);
  Say(message);
  Deliver({MakeDelivery(1)});
  for (const char* report : {"Audit", "Progress"}) {
    const absl::Status status = said.Take(report);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(std::string(report) + ": metadata_json has 10 bytes; at most 9 are allowed"));
    EXPECT_THAT(log_.Take("a word about it"), HasSubstr("limits.metadata_bytes"));
  }
  const v1::Outcome outcome = AcceptComplete().outcomes(0);
  EXPECT_TRUE(outcome.has_succeeded());
  EXPECT_EQ(outcome.checkpoints_size(), 0);
  EXPECT_TRUE(broker_->audits.empty() && broker_->progresses.empty());
}

TEST_F(TaskTest, ReadsTheOutcomesOfItsChildrenPageByPage) {  // B40
  v1::Delivery delivery = MakeDelivery(1);
  delivery.set_children(5);
  Use("t", [](Task& task) -> Outcome {
    std::string all;
    for (const ChildOutcome& child : task.Children()) all += child.result.bytes();
    return all;
  });
  StartAndWelcome();
  Deliver({delivery});
  auto call = broker_->child_pages.Take("the first page");
  EXPECT_EQ(call.request.page_token(), "");
  call.Succeed(Page(0, 2, "p2"));
  call = broker_->child_pages.Take("the second page");
  EXPECT_EQ(call.request.page_token(), "p2");
  call.Succeed(Page(2, 0, "p3"));  // short pages may have a successor
  broker_->child_pages.Take("the third page").Succeed(Page(2, 3, ""));
  EXPECT_EQ(AcceptComplete().outcomes(0).succeeded().result().data(), "01234");
}

TEST_F(TaskTest, HasNoChildrenWithoutAsking) {  // B41
  const v1::Outcome outcome = RunOne([](Task& task) -> Outcome {
    int count = 0;
    for (const ChildOutcome& child : task.Children()) count += child.completed() ? 1 : 2;
    return std::to_string(count);
  });
  EXPECT_EQ(outcome.succeeded().result().data(), "0");
}

TEST_F(TaskTest, ChildrenThatCouldNotBeReadCannotBeOverlooked) {
  v1::Delivery delivery = MakeDelivery(1);
  delivery.set_children(3);
  Use("t", [](Task& task) -> Outcome {
    int count = 0;
    for (const ChildOutcome& child : task.Children()) count += child.completed() ? 1 : 0;
    return std::to_string(count);
  });
  StartAndWelcome();
  Deliver({delivery});
  broker_->child_pages.Take("the first page").Succeed(Page(0, 2, "p2"));
  broker_->child_pages.Take("the second page").Fail(absl::AbortedError("over"));
  const v1::Outcome outcome = AcceptComplete().outcomes(0);
  EXPECT_TRUE(outcome.failed().retryable());
  EXPECT_THAT(outcome.failed().error(), HasSubstr("outcomes of the children could not be read"));
}

TEST_F(TaskTest, AHandlerMayDealWithUnreadableChildrenItself) {
  v1::Delivery delivery = MakeDelivery(1);
  delivery.set_children(3);
  Use("t", [](Task& task) -> Outcome {
    ChildOutcomes children = task.Children();
    for (const ChildOutcome& child : children) ADD_FAILURE() << child.id;
    return children.status().ok() ? "complete" : "incomplete";
  });
  StartAndWelcome();
  Deliver({delivery});
  broker_->child_pages.Take("the first page").Fail(absl::AbortedError("over"));
  EXPECT_EQ(AcceptComplete().outcomes(0).succeeded().result().data(), "incomplete");
}

TEST_F(TaskTest, PagesAreAskedForAgainWhenTheBrokerIsAway) {
  v1::Delivery delivery = MakeDelivery(1);
  delivery.set_children(1);
  Use("t", [](Task& task) -> Outcome {
    std::string all;
    for (const ChildOutcome& child : task.Children()) all += child.result.bytes();
    return all;
  });
  StartAndWelcome();
  Deliver({delivery});
  broker_->child_pages.Take("the first page").Fail(absl::UnavailableError("gone"));
  broker_->child_pages.Take("the first page again").Succeed(Page(0, 1, ""));
  EXPECT_EQ(AcceptComplete().outcomes(0).succeeded().result().data(), "0");
}

TEST_F(TaskTest, WaitsUntilItIsCancelled) {
  Use("t", [this](Task& task) -> Outcome {
    running_.Push(task.id());
    EXPECT_TRUE(task.WaitCancelled(absl::Seconds(60)));
    EXPECT_THAT(task.cancel_reason(), HasSubstr("wrong file"));
    return {};
  });
  StartAndWelcome();
  Deliver({MakeDelivery(1)});
  running_.Take("the handler");
  v1::ClaimResponse message;
  message.mutable_order()->mutable_cancel()->set_reason("wrong file");
  message.mutable_order()->mutable_cancel()->add_attempt_tokens(Token(1));
  Say(message);
  EXPECT_TRUE(AcceptComplete().outcomes(0).has_cancelled());
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
