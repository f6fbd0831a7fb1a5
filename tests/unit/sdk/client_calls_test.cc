// What single calls of a client ask for, what it does not even send, and what it says when no broker answers.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/fake_connection.h"
#include "tests/unit/sdk/manual_scheduler.h"
#include "worker_sdk/src/client_core.h"
#include "worker_sdk/src/outage.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ClientCallsTest : public ::testing::Test {
 protected:
  using Results = std::vector<absl::StatusOr<Submitted>>;

  ClientCallsTest() { MakeClient("b:1"); }
  // Calls under way hold the client.
  ~ClientCallsTest() override { client_->Close(); }

  void MakeClient(const std::string& address) {
    ClientOptions options;
    options.broker = address;
    options.log = [this](LogLevel level, const std::string& text) {
      if (level == LogLevel::kWarning) log_.Push(text);
    };
    client_ = std::make_shared<ClientCore>(std::move(options), broker_, scheduler_, 1);
  }
  void Submit(const std::string& type) {
    client_->Submit(std::vector<NewTask>(1, NewTask{.type = type}), [this](const Results&) { ++answered_; });
  }
  // The next call fails so, after that time.
  void FailAfter(absl::Duration time, const absl::Status& status) {
    auto call = broker_->submits.Take("a Submit call");
    scheduler_->Advance(time);
    call.Fail(status);
  }

  const std::shared_ptr<FakeConnection> broker_ = std::make_shared<FakeConnection>();
  const std::shared_ptr<ManualScheduler> scheduler_ = std::make_shared<ManualScheduler>();
  Inbox<std::string> log_;
  int answered_ = 0;
  std::shared_ptr<ClientCore> client_;
};

TEST_F(ClientCallsTest, WithoutAnAddressThatCanBeUsedEveryCallFailsAtOnce) {
  MakeClient("http://b");
  const absl::Status refused = client_->Get(1, {}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), AllOf(HasSubstr("\"http://b\""), HasSubstr("the option broker"),
                                                    HasSubstr("BATON_BROKER"), HasSubstr("HOST:PORT")));
  EXPECT_EQ(client_->Wait(1, 0, absl::Hours(1), {}).status(), refused);
  EXPECT_EQ(client_->Cancel(1, ""), refused);
  EXPECT_EQ(client_->Resume(1, {}, "", {}), refused);
  EXPECT_EQ(client_->DeleteSchedule("s"), refused);
  EXPECT_EQ(client_->SubmitUnder("r", std::vector<NewTask>(1, NewTask{.type = "a"}))[0].status(), refused);
  absl::Status submitted;
  const auto keep = [&submitted](const Results& results) { submitted = results[0].status(); };
  client_->Submit(std::vector<NewTask>(1, NewTask{.type = "a"}), keep);
  EXPECT_EQ(submitted, refused);
  client_->SubmitAsync(std::vector<NewTask>(1, NewTask{.type = "a"}), keep);
  EXPECT_EQ(submitted, refused);
  EXPECT_TRUE(broker_->gets.empty() && broker_->submits.empty() && broker_->cancels.empty());
}

TEST_F(ClientCallsTest, ADecisionNamesTheStageThatItIsAbout) {
  absl::Status status;
  std::thread caller([&] { status = client_->Resume(6, Payload("yes"), "approved", 2); });
  auto call = broker_->resumes.Take("a Resume call");
  EXPECT_TRUE(call.request.has_stage());
  EXPECT_EQ(call.request.stage(), 2);
  EXPECT_EQ(call.request.reason(), "approved");
  call.Succeed();
  caller.join();
  EXPECT_TRUE(status.ok()) << status;
  caller = std::thread([&] { status = client_->Resume(6, Payload("yes"), "approved", {}); });
  call = broker_->resumes.Take("a Resume call");
  EXPECT_FALSE(call.request.has_stage());
  call.Succeed();
  caller.join();
}

TEST_F(ClientCallsTest, ARequestIdOfTheCallersIsRepeatedInACallOfItsOwn) {
  Submit("under way");
  broker_->submits.Take("a call under an id of the library");
  Submit("waits for it");
  Results results;
  std::thread caller([&] {
    std::vector<NewTask> tasks(2);
    tasks[0].type = "a";
    tasks[1].type = "b";
    results = client_->SubmitUnder("orders-7", std::move(tasks));
  });
  auto call = broker_->submits.Take("the call under the id");
  EXPECT_EQ(call.request.request_id(), "orders-7");
  call.Fail(absl::UnavailableError("gone"));
  const std::string first = call.request.SerializeAsString();
  call = broker_->submits.Take("the repetition");
  EXPECT_EQ(call.request.SerializeAsString(), first);
  ASSERT_EQ(call.request.tasks_size(), 2);
  EXPECT_EQ(call.request.tasks(1).type(), "b");
  v1::SubmitResponse response;
  response.add_results()->set_task_id(41);
  response.add_results();
  Refuse(&response, 1, absl::StatusCode::kAlreadyExists, "UNIQUE_KEY_IN_USE");
  call.Succeed(response);
  caller.join();
  ASSERT_EQ(results.size(), 2u);
  ASSERT_TRUE(results[0].ok()) << results[0].status();
  EXPECT_EQ(results[0]->id, 41u);
  EXPECT_TRUE(absl::IsAlreadyExists(results[1].status()));
  EXPECT_EQ(answered_, 0);
}

TEST_F(ClientCallsTest, WhatCannotBeSentUnderARequestIdIsNotSentInPart) {
  std::vector<NewTask> tasks(2);
  tasks[0].type = "good";
  tasks[1].type = "\xFF";
  Results results = client_->SubmitUnder("r", tasks);
  ASSERT_EQ(results.size(), 2u);
  for (const absl::StatusOr<Submitted>& result : results) {
    EXPECT_TRUE(absl::IsInvalidArgument(result.status()));
    EXPECT_THAT(std::string(result.status().message()), HasSubstr("nothing was submitted: task 1: type is not UTF-8"));
  }
  tasks[1].type = "good";
  results = client_->SubmitUnder(std::string(129, 'r'), tasks);
  EXPECT_THAT(std::string(results[0].status().message()), HasSubstr("request_id has 129 bytes; at most 128"));
  results = client_->SubmitUnder("r", std::vector<NewTask>(1001, tasks[0]));
  ASSERT_EQ(results.size(), 1001u);
  EXPECT_THAT(std::string(results[1000].status().message()), HasSubstr("there are 1001 tasks; at most 1000"));
  EXPECT_TRUE(client_->SubmitUnder("r", {}).empty());
  EXPECT_TRUE(broker_->submits.empty());
}

TEST_F(ClientCallsTest, ItSaysOnceInEachOutageThatNoBrokerAnswers) {
  Submit("a");
  FailAfter(absl::Seconds(15), absl::DeadlineExceededError("there is no connection to b:1"));
  ASSERT_FALSE(log_.empty());
  EXPECT_THAT(log_.Take("a warning"), AllOf(HasSubstr("no broker at b:1 has answered for 15s"),
                                            HasSubstr("there is no connection to b:1")));
  scheduler_->Advance(absl::Seconds(2));
  FailAfter(absl::Seconds(5), absl::UnavailableError("gone"));
  EXPECT_TRUE(log_.empty()) << "it has said so";
  scheduler_->Advance(absl::Seconds(2));
  v1::SubmitResponse response;
  response.add_results()->set_task_id(1);
  broker_->submits.Take("a call that is answered").Succeed(response);
  EXPECT_EQ(answered_, 1);
  Submit("b");
  FailAfter(absl::Seconds(1), absl::UnavailableError("gone"));
  scheduler_->Advance(absl::Seconds(2));
  FailAfter(absl::ZeroDuration(), absl::UnavailableError("gone"));
  EXPECT_TRUE(log_.empty()) << "a broker that restarts takes as long";
  scheduler_->Advance(absl::Seconds(3));
  FailAfter(absl::ZeroDuration(), absl::UnavailableError("gone again"));
  ASSERT_FALSE(log_.empty());
  EXPECT_THAT(log_.Take("another warning"), HasSubstr("gone again"));
}

TEST_F(ClientCallsTest, ABrokerThatRefusesIsThere) {
  Submit("a");
  for (int i = 0; i < 5; ++i) {
    FailAfter(absl::Seconds(2), absl::ResourceExhaustedError("overloaded"));
    scheduler_->Advance(absl::Seconds(2));
  }
  EXPECT_TRUE(log_.empty());
}

TEST(OutageTest, ALongCallThatItsBrokerEndsOrThatBreaksIsNone) {
  Outage outage;
  EXPECT_FALSE(outage.CallEnded(0, 25'000'000, MakeStatus(14, "it stops", "STOPPING", {})).has_value());
  EXPECT_FALSE(outage.CallEnded(0, 50'000'000, MakeStatus(14, "a new token", kAccessTokenReplaced, {})).has_value());
  const absl::Status broken = absl::UnavailableError("connection reset");
  EXPECT_FALSE(outage.CallEnded(50'000'000, 75'000'000, broken).has_value());
  EXPECT_FALSE(outage.CallEnded(75'000'000, 79'000'000, broken).has_value());
  EXPECT_EQ(outage.CallEnded(79'000'000, 80'000'000, broken).value_or(absl::ZeroDuration()), absl::Seconds(5));
}

TEST(OutageTest, ACallThatHungWhileOthersWereAnsweredIsNone) {
  const absl::Status hung = absl::DeadlineExceededError("hung");
  Outage outage;
  EXPECT_FALSE(outage.CallEnded(0, 14'000'000, absl::OkStatus()).has_value());
  EXPECT_FALSE(outage.CallEnded(1, 15'000'000, hung).has_value());
  EXPECT_EQ(outage.CallEnded(15'000'000, 19'000'000, hung).value_or(absl::ZeroDuration()), absl::Seconds(5));
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
