#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/service/read/convert.h"
#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

class EventsTest : public ::testing::Test {
 protected:
  v1::ListEventsResponse Page(TaskId id, int page_size = 0, const std::string& token = "") {
    v1::ListEventsRequest request;
    request.set_task_id(id);
    request.set_page_size(page_size);
    request.set_page_token(token);
    auto [error, response] = scene_.Ask(&ReadService::ListEvents, request);
    EXPECT_TRUE(error.ok()) << error.reason << ": " << error.message;
    return response;
  }

  // "FAILED 1@w1 RUNNING>RUNNING": type, attempt and worker (if any), states.
  static std::string Text(const v1::Event& event) {
    const auto state = [](v1::TaskState value) {
      return value == v1::TASK_STATE_UNSPECIFIED ? std::string("-") : v1::TaskState_Name(value).substr(11);
    };
    std::string text = v1::EventType_Name(event.type()).substr(11);
    if (event.attempt() != 0) absl::StrAppend(&text, " ", event.attempt(), "@", event.worker_id());
    return absl::StrCat(text, " ", state(event.from_state()), ">", state(event.to_state()));
  }
  std::vector<std::string> Texts(TaskId id, int page_size = 0) {
    std::vector<std::string> texts;
    std::string token;
    uint64_t number = 0;
    do {
      const v1::ListEventsResponse page = Page(id, page_size, token);
      for (const v1::Event& event : page.events()) {
        EXPECT_EQ(event.number(), ++number);
        EXPECT_EQ(event.task_id(), id);
        texts.push_back(Text(event));
      }
      token = page.next_page_token();
    } while (!token.empty());
    return texts;
  }

  std::string TokenAfter(TaskId id, int events) { return Page(id, events).next_page_token(); }

  // A task that fails, is interrupted, spawns, suspends and completes: every way but cancelling.
  TaskId LongLife() {
    const TaskId id = scene_.Submit();
    scene_.Claim(id, "w1");
    scene_.Log(id, Step::REPORTED, LiveState::RUNNING, [](Step& step) { step.add_checkpoints()->set_code("loaded"); });
    scene_.Log(id, Step::FAILED, LiveState::PENDING, [this](Step& step) {
      step.set_error("boom");
      step.set_due_us(scene_.now() + kSecond);
      step.add_checkpoints()->set_code("wrote");
    });
    scene_.Claim(id, "w2");
    scene_.Log(id, Step::INTERRUPTED, LiveState::PENDING);
    scene_.Claim(id, "w1");
    scene_.Spawn(id, 2);
    scene_.ChildrenEnded(id);
    scene_.Claim(id, "w1");
    scene_.Suspend(id, "approval");
    scene_.Resume(id, "ann", "fine");
    scene_.Claim(id, "w1");
    scene_.Complete(id);
    return id;
  }

  Scene scene_;
};

TEST_F(EventsTest, ALifeWithoutTroubleIsCreatedClaimedStartedCompleted) {  // B20, B64, B104, B204, S36
  const TaskId id = scene_.Submit();
  scene_.Pass(kSecond);
  scene_.Claim(id, "w1");
  scene_.Pass(4 * kSecond);
  scene_.End(id, Step::SUCCEEDED, LiveState::COMPLETED, [](Step& step) { step.set_queued_us(kSecond); });
  EXPECT_THAT(Texts(id), ElementsAre("CREATED ->PENDING", "CLAIMED 1@w1 PENDING>RUNNING",
                                     "STARTED 1@w1 RUNNING>RUNNING", "COMPLETED 1@w1 RUNNING>COMPLETED"));
  const v1::ListEventsResponse page = Page(id);
  EXPECT_EQ(page.events(0).actor(), "local");
  EXPECT_EQ(page.events(1).time().seconds(), kStart / kSecond + 1);
  EXPECT_EQ(page.events(2).time().seconds(), kStart / kSecond + 2);
  EXPECT_EQ(page.events(3).time().seconds(), kStart / kSecond + 5);
  EXPECT_EQ(page.events(3).actor(), "w1");
}

TEST_F(EventsTest, ALongLifeIsToldStepByStep) {  // B49, B78, B79, B83, B104, B201, B203, B212, S76
  EXPECT_THAT(Texts(LongLife()),
              ElementsAre("CREATED ->PENDING",                                                    //
                          "CLAIMED 1@w1 PENDING>RUNNING", "STARTED 1@w1 RUNNING>RUNNING",         //
                          "CHECKPOINT 1@w1 RUNNING>RUNNING", "CHECKPOINT 1@w1 RUNNING>RUNNING",   //
                          "FAILED 1@w1 RUNNING>RUNNING", "RETRY_SCHEDULED 1@w1 RUNNING>PENDING",  //
                          "CLAIMED 2@w2 PENDING>RUNNING", "STARTED 2@w2 RUNNING>RUNNING",         //
                          "INTERRUPTED 2@w2 RUNNING>PENDING",                                     //
                          "CLAIMED 3@w1 PENDING>RUNNING", "STARTED 3@w1 RUNNING>RUNNING",         //
                          "SPAWNED 3@w1 RUNNING>SUSPENDED", "RESUMED SUSPENDED>PENDING",          //
                          "CLAIMED 4@w1 PENDING>RUNNING", "STARTED 4@w1 RUNNING>RUNNING",         //
                          "SUSPENDED 4@w1 RUNNING>SUSPENDED", "RESUMED SUSPENDED>PENDING",        //
                          "CLAIMED 5@w1 PENDING>RUNNING", "STARTED 5@w1 RUNNING>RUNNING",         //
                          "COMPLETED 5@w1 RUNNING>COMPLETED"));
}

TEST_F(EventsTest, EventsCarryWhatHappened) {  // B43, B122, B202, B203, B212, S94, S95
  const v1::ListEventsResponse page = Page(LongLife());
  const auto event = [&](uint64_t number) { return page.events(static_cast<int>(number) - 1); };
  EXPECT_EQ(event(4).checkpoint().code(), "loaded");
  EXPECT_EQ(event(5).checkpoint().code(), "wrote");
  EXPECT_EQ(event(6).reason(), "boom");
  EXPECT_EQ(event(6).actor(), "w1");
  EXPECT_EQ(event(7).actor(), "broker");
  EXPECT_EQ(event(7).next_due().seconds(), kStart / kSecond + 1);
  EXPECT_EQ(event(10).actor(), "broker");
  EXPECT_EQ(event(10).reason(), "attempt 2 was interrupted: its worker was lost");
  EXPECT_EQ(event(13).children(), 2u);
  EXPECT_EQ(event(13).stage(), 0);
  EXPECT_EQ(event(14).actor(), "broker");
  EXPECT_EQ(event(14).reason(), "children ended");
  EXPECT_EQ(event(14).stage(), 1);
  EXPECT_EQ(event(17).reason(), "approval");
  EXPECT_EQ(event(17).stage(), 1);
  EXPECT_EQ(event(18).actor(), "ann");
  EXPECT_EQ(event(18).reason(), "fine");
  EXPECT_EQ(event(18).stage(), 2);
  EXPECT_EQ(event(21).stage(), 2);
}

TEST_F(EventsTest, EveryEventOfAnAttemptHasItsNumberActorAndReason) {  // B203, B224
  const v1::ListEventsResponse page = Page(LongLife());
  for (const v1::Event& event : page.events()) {
    SCOPED_TRACE(event.ShortDebugString());
    const bool is_of_attempt =
        event.from_state() == v1::TASK_STATE_RUNNING || event.to_state() == v1::TASK_STATE_RUNNING;
    EXPECT_EQ(event.attempt() != 0, is_of_attempt);
    EXPECT_EQ(!event.worker_id().empty(), is_of_attempt);
    EXPECT_NE(event.actor(), "");
    switch (event.type()) {
      case v1::EVENT_TYPE_FAILED:
      case v1::EVENT_TYPE_RETRY_SCHEDULED:
      case v1::EVENT_TYPE_INTERRUPTED:
      case v1::EVENT_TYPE_SUSPENDED:
      case v1::EVENT_TYPE_RESUMED:
        EXPECT_NE(event.reason(), "");
        break;
      default:
        EXPECT_EQ(event.reason(), "");
    }
  }
  const TaskId released = scene_.Submit();
  scene_.Claim(released, "w1");
  scene_.Log(released, Step::RELEASED, LiveState::PENDING, [](Step& step) { step.set_actor("broker"); });
  EXPECT_EQ(Page(released).events(3).reason(), "it never reached its worker");
}

TEST_F(EventsTest, AnyPageSizeGivesTheSameHistory) {  // B4, B200
  const TaskId id = LongLife();
  const std::vector<std::string> whole = Texts(id);
  for (int page_size = 1; page_size <= static_cast<int>(whole.size()); ++page_size) {
    EXPECT_THAT(Texts(id, page_size), ElementsAreArray(whole)) << "page size " << page_size;
  }
}

TEST_F(EventsTest, AFinalFailureEndsTheTask) {  // B84, B201
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.End(id, Step::TIMED_OUT, LiveState::FAILED);
  EXPECT_THAT(Texts(id),
              ElementsAre("CREATED ->PENDING", "CLAIMED 1@w1 PENDING>RUNNING", "STARTED 1@w1 RUNNING>RUNNING",
                          "TIMED_OUT 1@w1 RUNNING>RUNNING", "PERMANENTLY_FAILED 1@w1 RUNNING>PERMANENTLY_FAILED"));
  EXPECT_EQ(Page(id).events(3).actor(), "broker");
}

TEST_F(EventsTest, TooManyInterruptionsEndTheTaskToo) {
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.End(id, Step::INTERRUPTED, LiveState::FAILED);
  const std::vector<std::string> texts = Texts(id);
  ASSERT_EQ(texts.size(), 5u);
  EXPECT_EQ(texts[3], "INTERRUPTED 1@w1 RUNNING>RUNNING");
  EXPECT_EQ(texts[4], "PERMANENTLY_FAILED 1@w1 RUNNING>PERMANENTLY_FAILED");
}

TEST_F(EventsTest, ARetriedTaskTellsOfTheEndItHad) {  // B201
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  // In family log, because it was not the last step.
  scene_.Log(id, Step::EXPIRED, LiveState::PENDING, [](Step& step) {
    step.set_state(LiveState::FAILED);
    step.set_error("expired: it had to end by noon");
    step.set_actor("broker");
  });
  scene_.Log(id, Step::RETRIED, LiveState::PENDING, [](Step& step) {
    step.set_actor("ann");
    step.set_reason("once more");
  });
  EXPECT_THAT(Texts(id),
              ElementsAre("CREATED ->PENDING", "CLAIMED 1@w1 PENDING>RUNNING", "STARTED 1@w1 RUNNING>RUNNING",
                          "EXPIRED 1@w1 RUNNING>RUNNING", "PERMANENTLY_FAILED 1@w1 RUNNING>PERMANENTLY_FAILED",
                          "RETRIED PERMANENTLY_FAILED>PENDING"));
  EXPECT_EQ(Page(id).events(3).reason(), "expired: it had to end by noon");
  EXPECT_EQ(Page(id).events(5).actor(), "ann");
  EXPECT_EQ(Page(id).events(5).reason(), "once more");
}

TEST_F(EventsTest, AChildThatDidNotCompleteEndsItsParent) {  // B201
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.Spawn(id, 2);
  scene_.End(id, Step::CHILD_FAILED, LiveState::FAILED);
  EXPECT_THAT(Texts(id),
              ElementsAre("CREATED ->PENDING", "CLAIMED 1@w1 PENDING>RUNNING", "STARTED 1@w1 RUNNING>RUNNING",
                          "SPAWNED 1@w1 RUNNING>SUSPENDED", "CHILD_FAILED SUSPENDED>SUSPENDED",
                          "PERMANENTLY_FAILED SUSPENDED>PERMANENTLY_FAILED"));
  EXPECT_EQ(Page(id).events(4).actor(), "broker");
}

TEST_F(EventsTest, AReleasedAttemptGoesBack) {  // B201
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.Log(id, Step::RELEASED, LiveState::PENDING);
  EXPECT_EQ(Texts(id).back(), "RELEASED 1@w1 RUNNING>PENDING");
  EXPECT_EQ(Page(id).events(3).actor(), "w1");
}

TEST_F(EventsTest, ACancelNamesActorAndReason) {  // B201, S96
  const TaskId id = scene_.Submit();
  scene_.Cancel(id, "ann", "obsolete");
  EXPECT_THAT(Texts(id), ElementsAre("CREATED ->PENDING", "CANCELLED PENDING>CANCELLED"));
  EXPECT_EQ(Page(id).events(1).actor(), "ann");
  EXPECT_EQ(Page(id).events(1).reason(), "obsolete");
}

TEST_F(EventsTest, APauseIsToldBetweenTheStepsOfAnAttempt) {  // B201
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  for (const Step::Kind kind : {Step::PAUSED, Step::UNPAUSED}) {
    scene_.Log(id, kind, LiveState::RUNNING, [](Step& step) {
      step.set_actor("ann");
      step.set_reason("mail is down");
    });
  }
  scene_.End(id, Step::SUCCEEDED, LiveState::COMPLETED);
  EXPECT_THAT(Texts(id), ElementsAre("CREATED ->PENDING", "CLAIMED 1@w1 PENDING>RUNNING",
                                     "STARTED 1@w1 RUNNING>RUNNING", "PAUSED 1@w1 RUNNING>RUNNING",
                                     "UNPAUSED 1@w1 RUNNING>RUNNING", "COMPLETED 1@w1 RUNNING>COMPLETED"));
  EXPECT_EQ(Page(id).events(3).actor(), "ann");
  EXPECT_EQ(Page(id).events(3).reason(), "mail is down");
}

TEST_F(EventsTest, ARunningAttemptIsToldByTheLiveTable) {  // B201, B218, S6
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  EXPECT_THAT(Texts(id),
              ElementsAre("CREATED ->PENDING", "CLAIMED 1@w1 PENDING>RUNNING", "STARTED 1@w1 RUNNING>RUNNING"));
  scene_.Log(id, Step::REPORTED, LiveState::RUNNING, [](Step& step) { step.mutable_progress()->set_percent(5); });
  EXPECT_THAT(Texts(id), ElementsAre("CREATED ->PENDING", "CLAIMED 1@w1 PENDING>RUNNING",
                                     "STARTED 1@w1 RUNNING>RUNNING", "PROGRESS 1@w1 RUNNING>RUNNING"));
  EXPECT_EQ(Page(id).events(3).progress().percent(), 5);
}

TEST_F(EventsTest, TheReturnFromChildrenIsToldBeforeAnyRowSaysSo) {  // B80
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.Spawn(id, 3);
  EXPECT_EQ(Texts(id).size(), 4u);
  scene_.ChildrenEnded(id);
  EXPECT_EQ(Texts(id).back(), "RESUMED SUSPENDED>PENDING");
  scene_.Claim(id, "w2");
  const v1::ListEventsResponse page = Page(id);
  ASSERT_EQ(page.events_size(), 7);
  EXPECT_EQ(Text(page.events(5)), "CLAIMED 2@w2 PENDING>RUNNING");
  EXPECT_EQ(page.events(5).stage(), 1);
}

TEST_F(EventsTest, TheReturnFromChildrenIsToldAsAfterTheSpawnAndThenAsOfTheClaim) {
  const TaskId id = scene_.Submit();
  scene_.Pass(kMinute);
  scene_.Claim(id, "w1");
  scene_.Spawn(id, 1);
  scene_.ChildrenEnded(id, kStart);
  scene_.Pass(kMinute);
  for (const bool claimed : {false, true}) {
    if (claimed) scene_.Claim(id, "w1");
    for (const int page_size : {1, 100}) {
      const v1::ListEventsResponse page = Page(id, page_size, page_size == 1 ? TokenAfter(id, 4) : "");
      const v1::Event& returned = page.events(page_size == 1 ? 0 : 4);
      EXPECT_EQ(returned.type(), v1::EVENT_TYPE_RESUMED);
      EXPECT_EQ(returned.time().seconds(), (kStart + (claimed ? 2 : 1) * kMinute) / kSecond);
    }
  }
}

TEST_F(EventsTest, ACancelAfterTheChildrenEndedTellsTheReturn) {
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.Spawn(id, 3);
  scene_.ChildrenEnded(id);
  scene_.Cancel(id, "ann", "");
  const std::vector<std::string> texts = Texts(id);
  ASSERT_EQ(texts.size(), 6u);
  EXPECT_EQ(texts[4], "RESUMED SUSPENDED>PENDING");
  EXPECT_EQ(texts[5], "CANCELLED PENDING>CANCELLED");
}

TEST_F(EventsTest, CheckpointsAndProgressOfOneStepAreInTheOrderOfTheirTimes) {  // B217
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.Pass(kSecond);
  scene_.End(id, Step::SUCCEEDED, LiveState::COMPLETED, [](Step& step) {
    step.add_checkpoints()->set_at_us(kStart + 1);
    step.add_checkpoints()->set_at_us(kStart + 9);
    step.mutable_progress()->set_at_us(kStart + 5);
  });
  EXPECT_THAT(Texts(id),
              ElementsAre("CREATED ->PENDING", "CLAIMED 1@w1 PENDING>RUNNING", "STARTED 1@w1 RUNNING>RUNNING",
                          "CHECKPOINT 1@w1 RUNNING>RUNNING", "PROGRESS 1@w1 RUNNING>RUNNING",
                          "CHECKPOINT 1@w1 RUNNING>RUNNING", "COMPLETED 1@w1 RUNNING>COMPLETED"));
}

TEST_F(EventsTest, WhatAWorkerReportsLiesWithinItsAttemptWhateverItsClockSays) {
  const TaskId id = scene_.Submit();
  scene_.Pass(kSecond);
  scene_.Claim(id, "w1");
  scene_.Pass(kSecond);
  scene_.End(id, Step::SUCCEEDED, LiveState::COMPLETED, [](Step& step) {
    step.add_checkpoints()->set_at_us(kStart - kHour);
    step.mutable_progress()->set_at_us(kStart + kHour);
  });
  const v1::ListEventsResponse page = Page(id);
  ASSERT_EQ(page.events_size(), 6);
  EXPECT_EQ(page.events(3).type(), v1::EVENT_TYPE_CHECKPOINT);
  EXPECT_EQ(FromWireTime(page.events(3).time()), kStart + kSecond);
  EXPECT_EQ(page.events(4).type(), v1::EVENT_TYPE_PROGRESS);
  EXPECT_EQ(FromWireTime(page.events(4).time()), kStart + 2 * kSecond);
}

TEST_F(EventsTest, APageTokenStaysGoodWhileTheHistoryGrows) {
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  const std::string token = Page(id, 2).next_page_token();
  ASSERT_FALSE(token.empty()) << "the start of the running attempt is still to come";
  scene_.Fail(id, "boom");
  scene_.Claim(id, "w2");
  const v1::ListEventsResponse page = Page(id, 2, token);
  ASSERT_EQ(page.events_size(), 2);
  EXPECT_EQ(page.events(0).number(), 3u);
  EXPECT_EQ(Text(page.events(0)), "STARTED 1@w1 RUNNING>RUNNING");
  EXPECT_EQ(Text(page.events(1)), "FAILED 1@w1 RUNNING>RUNNING");
}

TEST_F(EventsTest, PagesAreCutByBytes) {
  scene_.settings().page_bytes = 10'000;
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.End(id, Step::SUCCEEDED, LiveState::COMPLETED, [](Step& step) {
    for (int i = 0; i < 10; ++i) step.add_checkpoints()->set_metadata_json(std::string(4000, 'x'));
  });
  EXPECT_LE(Page(id).ByteSizeLong(), 10'000u);
  EXPECT_EQ(Texts(id).size(), 14u);
}

TEST_F(EventsTest, RefusesForeignTokensAndSizes) {
  const TaskId id = scene_.Submit();
  const TaskId other = scene_.Submit();
  v1::ListEventsRequest request;
  request.set_task_id(other);
  scene_.Claim(id, "w1");
  request.set_page_token(Page(id, 1).next_page_token());
  ASSERT_FALSE(request.page_token().empty());
  EXPECT_THAT(scene_.Ask(&ReadService::ListEvents, request).first,
              ErrorIs(StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN"));
  request.clear_page_token();
  request.set_page_size(1001);
  const Error error = scene_.Ask(&ReadService::ListEvents, request).first;
  EXPECT_THAT(error, ErrorIs(StatusCode::kInvalidArgument, "PAGE_SIZE"));
  EXPECT_EQ(error.message, "page_size is 1001: use 1 to 1000, or 0 for 100");
  request.clear_page_size();
  request.set_task_id(99);
  EXPECT_THAT(scene_.Ask(&ReadService::ListEvents, request).first, ErrorIs(StatusCode::kNotFound, "TASK_NOT_FOUND"));
}

}  // namespace
}  // namespace baton::service::testing
