// Events and attempts of whole workflows, and of what matches.
#include <atomic>

#include "absl/strings/str_cat.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/member_cursor.h"
#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A root with two children, of which the first has a child itself; then strangers; then a second spawn of the root.
class HistoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = scene_.Submit();
    scene_.Claim(root_, "w1");
    first_ = scene_.Spawn(root_, 2);
    scene_.Submit();
    scene_.Claim(first_[0], "w2");
    deep_ = scene_.Spawn(first_[0], 1)[0];
    scene_.Pass(kSecond);
    scene_.Claim(deep_, "w3");
    scene_.Log(deep_, Step::REPORTED, LiveState::RUNNING, [](Step& step) { step.add_checkpoints()->set_code("half"); });
    scene_.Fail(deep_, "no paper", kSecond);
    scene_.Pass(kSecond);
    scene_.Claim(deep_, "w2");
    scene_.Complete(deep_);
    scene_.ChildrenEnded(first_[0]);
    scene_.Claim(first_[0], "w2");
    scene_.Complete(first_[0]);
    scene_.Claim(first_[1], "w1");
    scene_.FailForGood(first_[1], "no ink");
    scene_.Submit();
    scene_.ChildrenEnded(root_);
    scene_.Claim(root_, "w1");
    second_ = scene_.Spawn(root_, 1)[0];
    scene_.Claim(second_, "w3");
  }

  v1::ListEventsRequest Events(TaskId root) {
    v1::ListEventsRequest request;
    request.set_root_id(root);
    return request;
  }
  v1::ListAttemptsRequest Attempts(TaskId root) {
    v1::ListAttemptsRequest request;
    request.set_root_id(root);
    return request;
  }

  // All pages: "4:FAILED", task and type.
  std::vector<std::string> Texts(v1::ListEventsRequest request) {
    std::vector<std::string> texts;
    do {
      auto [error, page] = scene_.Ask(&ReadService::ListEvents, request);
      EXPECT_TRUE(error.ok()) << error.reason << ": " << error.message;
      for (const v1::Event& event : page.events()) {
        texts.push_back(absl::StrCat(event.task_id(), ":", v1::EventType_Name(event.type()).substr(11)));
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return texts;
  }
  // All pages: "4:1 FAILED", task, number and outcome.
  std::vector<std::string> Texts(v1::ListAttemptsRequest request) {
    std::vector<std::string> texts;
    do {
      auto [error, page] = scene_.Ask(&ReadService::ListAttempts, request);
      EXPECT_TRUE(error.ok()) << error.reason << ": " << error.message;
      for (const v1::Attempt& attempt : page.attempts()) {
        texts.push_back(absl::StrCat(attempt.task_id(), ":", attempt.number(), " ",
                                     v1::AttemptOutcome_Name(attempt.outcome()).substr(16)));
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return texts;
  }

  Scene scene_;
  TaskId root_ = 0;
  std::vector<TaskId> first_;
  TaskId deep_ = 0;
  TaskId second_ = 0;
};

TEST_F(HistoryTest, AWorkflowIsToldTaskByTask) {  // B224, B227
  EXPECT_THAT(Texts(Events(root_)),
              ElementsAre("1:CREATED", "1:CLAIMED", "1:STARTED", "1:SPAWNED", "1:RESUMED", "1:CLAIMED", "1:STARTED",
                          "1:SPAWNED",  //
                          "2:CREATED", "2:CLAIMED", "2:STARTED", "2:SPAWNED", "2:RESUMED", "2:CLAIMED", "2:STARTED",
                          "2:COMPLETED",  //
                          "5:CREATED", "5:CLAIMED", "5:STARTED", "5:CHECKPOINT", "5:FAILED", "5:RETRY_SCHEDULED",
                          "5:CLAIMED", "5:STARTED", "5:COMPLETED",                                    //
                          "3:CREATED", "3:CLAIMED", "3:STARTED", "3:FAILED", "3:PERMANENTLY_FAILED",  //
                          "7:CREATED", "7:CLAIMED", "7:STARTED"));
  EXPECT_THAT(Texts(Attempts(root_)), ElementsAre("1:1 SPAWNED", "1:2 SPAWNED", "2:1 SPAWNED", "2:2 SUCCEEDED",
                                                  "5:1 FAILED", "5:2 SUCCEEDED", "3:1 FAILED", "7:1 UNSPECIFIED"));
}

TEST_F(HistoryTest, AnyPageSizeGivesTheSameList) {  // B219, B224, B225
  const std::vector<std::string> events = Texts(Events(root_));
  const std::vector<std::string> attempts = Texts(Attempts(root_));
  for (int size = 1; size <= static_cast<int>(events.size()); ++size) {
    v1::ListEventsRequest events_request = Events(root_);
    events_request.set_page_size(size);
    EXPECT_THAT(Texts(events_request), ElementsAreArray(events)) << size;
    v1::ListAttemptsRequest attempts_request = Attempts(root_);
    attempts_request.set_page_size(size);
    EXPECT_THAT(Texts(attempts_request), ElementsAreArray(attempts)) << size;
  }
}

TEST_F(HistoryTest, APageEndsWhenItsTimeIsUp) {
  const std::vector<std::string> events = Texts(Events(root_));
  ReadSettings settings;
  settings.page_budget = 0;
  ReadService hurried(&scene_.partition(), &scene_.clock(), settings);
  std::vector<std::string> told;
  v1::ListEventsRequest request = Events(root_);
  int pages = 0;
  do {
    hurried.ListEvents(request, [&](const Error& error, const v1::ListEventsResponse& page) {
      ASSERT_TRUE(error.ok()) << error.message;
      for (const v1::Event& event : page.events()) {
        told.push_back(absl::StrCat(event.task_id(), ":", v1::EventType_Name(event.type()).substr(11)));
      }
      request.set_page_token(page.next_page_token());
      ++pages;
    });
  } while (!request.page_token().empty());
  EXPECT_THAT(told, ElementsAreArray(events));
  EXPECT_GT(pages, 1);
}

TEST_F(HistoryTest, EventsAreFiltered) {  // B224, S44
  v1::ListEventsRequest request = Events(root_);
  request.add_types(v1::EVENT_TYPE_FAILED);
  request.add_types(v1::EVENT_TYPE_CHECKPOINT);
  EXPECT_THAT(Texts(request), ElementsAre("5:CHECKPOINT", "5:FAILED", "3:FAILED"));
  request.set_worker_id("w3");
  EXPECT_THAT(Texts(request), ElementsAre("5:CHECKPOINT", "5:FAILED"));
  request.set_attempt(2);
  EXPECT_THAT(Texts(request), IsEmpty());
  request.clear_types();
  request.set_worker_id("w2");
  EXPECT_THAT(Texts(request),
              ElementsAre("2:CLAIMED", "2:STARTED", "2:COMPLETED", "5:CLAIMED", "5:STARTED", "5:COMPLETED"));
  request.set_stage(0);
  EXPECT_THAT(Texts(request), ElementsAre("5:CLAIMED", "5:STARTED", "5:COMPLETED")) << "stage 0 is a stage";
  request = Events(root_);
  request.set_attempt(0);
  request.set_stage(0);
  EXPECT_THAT(Texts(request), ElementsAre("1:CREATED", "2:CREATED", "5:CREATED", "3:CREATED", "7:CREATED"));
}

TEST_F(HistoryTest, FilteredEventsKeepTheirNumbers) {  // B224
  v1::ListEventsRequest request;
  request.set_task_id(deep_);
  request.add_types(v1::EVENT_TYPE_FAILED);
  const v1::ListEventsResponse page = scene_.Ask(&ReadService::ListEvents, request).second;
  ASSERT_EQ(page.events_size(), 1);
  EXPECT_EQ(page.events(0).number(), 5u);
}

TEST_F(HistoryTest, BothEndsOfATimeAreIncluded) {  // B224
  v1::ListEventsRequest request;
  request.set_task_id(deep_);
  *request.mutable_since() = WireTime(kStart + kSecond);
  *request.mutable_until() = WireTime(kStart + kSecond);
  EXPECT_THAT(Texts(request), ElementsAre("5:CLAIMED", "5:STARTED", "5:CHECKPOINT", "5:FAILED", "5:RETRY_SCHEDULED"));
  request.mutable_since()->set_nanos(1);
  request.clear_until();
  EXPECT_THAT(Texts(request), ElementsAre("5:CLAIMED", "5:STARTED", "5:COMPLETED"));
}

TEST_F(HistoryTest, AttemptsAreFiltered) {  // B225
  v1::ListAttemptsRequest request = Attempts(root_);
  request.set_worker_id("w3");
  EXPECT_THAT(Texts(request), ElementsAre("5:1 FAILED", "7:1 UNSPECIFIED"));
  request.set_open_only(true);
  EXPECT_THAT(Texts(request), ElementsAre("7:1 UNSPECIFIED"));
  request = Attempts(root_);
  request.add_outcomes(v1::ATTEMPT_OUTCOME_FAILED);
  EXPECT_THAT(Texts(request), ElementsAre("5:1 FAILED", "3:1 FAILED"));
  *request.mutable_claimed_until() = WireTime(kStart + kSecond);
  EXPECT_THAT(Texts(request), ElementsAre("5:1 FAILED"));
  request = Attempts(root_);
  *request.mutable_ended_since() = WireTime(kStart + 2 * kSecond);
  *request.mutable_claimed_since() = WireTime(kStart + 2 * kSecond);
  EXPECT_THAT(Texts(request), ElementsAre("1:2 SPAWNED", "2:2 SUCCEEDED", "5:2 SUCCEEDED", "3:1 FAILED"));
  *request.mutable_ended_until() = WireTime(kStart + 2 * kSecond - 1);
  request.clear_ended_since();
  EXPECT_THAT(Texts(request), IsEmpty());
}

TEST_F(HistoryTest, WhatIsRemovedIsPassedOver) {  // B228
  scene_.Remove(first_[1]);
  v1::ListEventsRequest request = Events(root_);
  request.add_types(v1::EVENT_TYPE_CREATED);
  EXPECT_THAT(Texts(request), ElementsAre("1:CREATED", "2:CREATED", "5:CREATED", "7:CREATED"));
}

// A store from which all pages have to be read; counts how often that is done.
class PagesOnDisk final : public storage::Snapshot {
 public:
  explicit PagesOnDisk(std::shared_ptr<const engine::View> view) : view_(std::move(view)) {}
  uint64_t number() const override { return view_->number(); }
  absl::Status Get(storage::Family family, absl::string_view key, std::string* value) const override {
    if (family != storage::Family::kPage) return view_->store().Get(family, key, value);
    ++reads_;
    *value = (*view_->GetPage(engine::ReadU64(key)))->Encode();
    return absl::OkStatus();
  }
  absl::Status Scan(storage::Family family, absl::string_view begin, absl::string_view end,
                    const storage::ScanVisitor& visitor) const override {
    return view_->store().Scan(family, begin, end, visitor);
  }
  absl::Status ScanReverse(storage::Family family, absl::string_view begin, absl::string_view end,
                           const storage::ScanVisitor& visitor) const override {
    return view_->store().ScanReverse(family, begin, end, visitor);
  }
  int reads() const { return reads_; }

 private:
  const std::shared_ptr<const engine::View> view_;
  mutable std::atomic<int> reads_ = 0;
};

// For each of them the page was read, and the time of the call was not looked at.
TEST(MemberCursorTest, OfManyThatAreRemovedThePageIsReadOnce) {
  Scene scene;
  const TaskId root = scene.Submit();
  scene.Claim(root, "w1");
  const std::vector<TaskId> children = scene.Spawn(root, 100);
  for (const TaskId child : children) {
    if (child == children.back()) continue;
    scene.Cancel(child, "ann", "");
    scene.Remove(child);
  }
  std::shared_ptr<const engine::View> view;
  scene.partition().Read([&](std::shared_ptr<const engine::View> read) { view = std::move(read); });
  const auto on_disk = std::make_shared<PagesOnDisk>(view);
  const engine::View cold(view->number(), view->next_id(), on_disk, std::make_shared<const engine::View::Pages>(),
                          nullptr, &view->catalog());
  std::vector<TaskId> visited;
  const Error error = VisitTasks(cold, {.root = root}, 0, [&](const TaskFacts& facts, bool*) {
    visited.push_back(facts.id);
    return Error();
  });
  EXPECT_TRUE(error.ok()) << error.message;
  EXPECT_THAT(visited, ElementsAre(root, children.back()));
  EXPECT_LE(on_disk->reads(), 2) << "for the root, and for all";
}

TEST_F(HistoryTest, TokensAreGoodForTheSameConditionsOnly) {
  v1::ListEventsRequest request = Events(root_);
  request.set_page_size(1);
  request.set_page_token(scene_.Ask(&ReadService::ListEvents, request).second.next_page_token());
  ASSERT_FALSE(request.page_token().empty());
  request.set_page_size(5);
  EXPECT_TRUE(scene_.Ask(&ReadService::ListEvents, request).first.ok());
  request.set_worker_id("w1");
  EXPECT_THAT(scene_.Ask(&ReadService::ListEvents, request).first,
              ErrorIs(StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN"));
}

TEST_F(HistoryTest, RefusesWhatCannotMeanAnything) {  // B220, B224, B225
  const auto refused = [this](const auto& change, const char* reason, const char* named) {
    v1::ListEventsRequest request = Events(root_);
    change(request);
    const Error error = scene_.Ask(&ReadService::ListEvents, request).first;
    EXPECT_THAT(error, ErrorIs(StatusCode::kInvalidArgument, reason));
    EXPECT_THAT(error.message, HasSubstr(named));
  };
  using Request = v1::ListEventsRequest;
  refused([](Request& request) { request.clear_root_id(); }, "FIELD_REQUIRED", "task_id or root_id is required");
  refused([](Request& request) { request.set_task_id(2); }, "BAD_FILTER", "task_id is 2 and root_id is 1");
  refused([this](Request& request) { request.set_root_id(deep_); }, "NOT_A_ROOT", "root_id is 5, a child: send 1");
  refused([](Request& request) { request.add_types(v1::EVENT_TYPE_UNSPECIFIED); }, "BAD_FILTER", "types has 0");
  refused([](Request& request) { request.set_attempt(-1); }, "BAD_FILTER", "attempt is -1");
  refused([](Request& request) { request.set_stage(-1); }, "BAD_FILTER", "stage is -1");
  refused([](Request& request) { request.mutable_since()->set_nanos(-1); }, "BAD_FILTER", "since.nanos is -1");
  refused(
      [](Request& request) {
        request.mutable_since()->set_seconds(2);
        request.mutable_until()->set_seconds(1);
      },
      "BAD_FILTER", "since is after until");
  v1::ListAttemptsRequest attempts = Attempts(root_);
  attempts.add_outcomes(v1::ATTEMPT_OUTCOME_UNSPECIFIED);
  EXPECT_THAT(scene_.Ask(&ReadService::ListAttempts, attempts).first,
              ErrorIs(StatusCode::kInvalidArgument, "BAD_FILTER"));
  attempts.set_outcomes(0, v1::ATTEMPT_OUTCOME_FAILED);
  attempts.set_open_only(true);
  EXPECT_THAT(scene_.Ask(&ReadService::ListAttempts, attempts).first,
              ErrorIs(StatusCode::kInvalidArgument, "BAD_FILTER"));
  attempts.clear_outcomes();
  attempts.set_root_id(99);
  EXPECT_THAT(scene_.Ask(&ReadService::ListAttempts, attempts).first, ErrorIs(StatusCode::kNotFound, "TASK_NOT_FOUND"));
}

}  // namespace
}  // namespace baton::service::testing
