#include "absl/strings/str_cat.h"
#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;

class ChildOutcomesTest : public ::testing::Test {
 protected:
  // A parent whose `count` children have ended, and which runs again as attempt 2.
  void StartSecondStage(int count) {
    parent_ = scene_.Submit();
    scene_.Claim(parent_, "w1");
    children_ = scene_.Spawn(parent_, count);
    for (const TaskId child : children_) {
      scene_.Claim(child, "w2");
      scene_.Complete(child, absl::StrCat(child));
    }
    scene_.ChildrenEnded(parent_);
    scene_.Claim(parent_, "w1");
  }

  std::pair<Error, v1::ListChildOutcomesResponse> Ask(engine::AttemptId attempt, int page_size = 0,
                                                      const std::string& token = "") {
    v1::ListChildOutcomesRequest request;
    request.set_page_size(page_size);
    request.set_page_token(token);
    std::pair<Error, v1::ListChildOutcomesResponse> answer;
    scene_.reads().ListChildOutcomes(attempt, request, [&](Error error, v1::ListChildOutcomesResponse response) {
      answer = {std::move(error), std::move(response)};
    });
    return answer;
  }
  std::vector<v1::ChildOutcome> AskAll(engine::AttemptId attempt, int page_size) {
    std::vector<v1::ChildOutcome> outcomes;
    std::string token;
    do {
      auto [error, page] = Ask(attempt, page_size, token);
      EXPECT_TRUE(error.ok()) << error.message;
      outcomes.insert(outcomes.end(), page.outcomes().begin(), page.outcomes().end());
      token = page.next_page_token();
    } while (!token.empty());
    return outcomes;
  }

  Scene scene_;
  TaskId parent_ = 0;
  std::vector<TaskId> children_;
};

TEST_F(ChildOutcomesTest, TellsResultsAndErrorsInCreationOrder) {  // B21, B40, B153, S86
  parent_ = scene_.Submit();
  scene_.Claim(parent_, "w1");
  children_ = scene_.Spawn(parent_, 3);
  scene_.Claim(children_[2], "w2");
  scene_.Complete(children_[2], "42");
  scene_.Claim(children_[0], "w2");
  scene_.FailForGood(children_[0], "boom");
  scene_.Cancel(children_[1], "ann", "obsolete");
  scene_.ChildrenEnded(parent_);
  scene_.Claim(parent_, "w1");

  const auto [error, page] = Ask({parent_, 2});
  ASSERT_TRUE(error.ok()) << error.message;
  ASSERT_EQ(page.outcomes_size(), 3);
  EXPECT_EQ(page.next_page_token(), "");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(page.outcomes(i).task_id(), children_[i]);
    EXPECT_EQ(page.outcomes(i).index(), static_cast<uint64_t>(i));
    EXPECT_EQ(page.outcomes(i).type(), "chunk");
  }
  EXPECT_EQ(page.outcomes(0).state(), v1::TASK_STATE_PERMANENTLY_FAILED);
  EXPECT_EQ(page.outcomes(0).error(), "boom");
  EXPECT_EQ(page.outcomes(1).state(), v1::TASK_STATE_CANCELLED);
  EXPECT_EQ(page.outcomes(1).error(), "cancelled by ann: obsolete");
  EXPECT_EQ(page.outcomes(2).state(), v1::TASK_STATE_COMPLETED);
  EXPECT_EQ(page.outcomes(2).result().json(), "42");
}

TEST_F(ChildOutcomesTest, AnyPageSizeGivesAllChildren) {
  StartSecondStage(7);
  for (int page_size = 1; page_size <= 8; ++page_size) {
    const std::vector<v1::ChildOutcome> outcomes = AskAll({parent_, 2}, page_size);
    ASSERT_EQ(outcomes.size(), 7u) << "page size " << page_size;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      EXPECT_EQ(outcomes[i].index(), i);
      EXPECT_EQ(outcomes[i].result().json(), absl::StrCat(children_[i]));
    }
  }
}

TEST_F(ChildOutcomesTest, SeveralRangesAreOneList) {
  StartSecondStage(2);
  const TaskId between = scene_.Submit();
  const TaskId last = scene_.Submit({.type = "chunk", .parent = parent_, .root = parent_});
  scene_.Cancel(last, "ann", "");
  scene_.Log(parent_, Step::REPORTED, LiveState::RUNNING, [&](Step& step) {
    for (const auto& [first, count] : {std::pair{children_[0], 2u}, std::pair{last, 1u}}) {
      records::v1::Range* range = step.mutable_after()->add_children();
      range->set_first(first);
      range->set_count(count);
    }
  });
  ASSERT_LT(between, last);
  for (const int page_size : {1, 2, 3}) {
    const std::vector<v1::ChildOutcome> outcomes = AskAll({parent_, 2}, page_size);
    ASSERT_EQ(outcomes.size(), 3u) << "page size " << page_size;
    EXPECT_EQ(outcomes[2].task_id(), last);
    EXPECT_EQ(outcomes[2].index(), 2u);
  }
}

TEST_F(ChildOutcomesTest, AChildWhoseRecordIsGoneIsToldAsMissing) {
  StartSecondStage(4);
  scene_.Remove(children_[1]);
  scene_.Remove(children_[3]);
  for (const int page_size : {1, 10}) {
    const std::vector<v1::ChildOutcome> outcomes = AskAll({parent_, 2}, page_size);
    ASSERT_EQ(outcomes.size(), 4u);
    EXPECT_FALSE(outcomes[0].has_missing());
    EXPECT_EQ(outcomes[1].missing().reason(), "TASK_EXPIRED");
    EXPECT_EQ(outcomes[1].index(), 1u);
    EXPECT_EQ(outcomes[1].type(), "");
    EXPECT_EQ(outcomes[2].task_id(), children_[2]);
    EXPECT_EQ(outcomes[2].type(), "chunk");
    EXPECT_TRUE(outcomes[3].has_missing());
  }
}

TEST_F(ChildOutcomesTest, PagesAreCutByBytes) {
  scene_.settings().page_bytes = 5000;
  parent_ = scene_.Submit();
  scene_.Claim(parent_, "w1");
  children_ = scene_.Spawn(parent_, 6);
  for (const TaskId child : children_) {
    scene_.Claim(child, "w2");
    scene_.Complete(child, std::string(2000, '1'));
  }
  scene_.ChildrenEnded(parent_);
  scene_.Claim(parent_, "w1");
  const auto [error, page] = Ask({parent_, 2});
  EXPECT_EQ(page.outcomes_size(), 2);
  EXPECT_LE(page.ByteSizeLong(), 5000u);
  EXPECT_EQ(AskAll({parent_, 2}, 0).size(), 6u);
}

TEST_F(ChildOutcomesTest, OnlyTheRunningAttemptMayAsk) {
  StartSecondStage(1);
  const auto over = ErrorIs(StatusCode::kAborted, "ATTEMPT_OVER");
  EXPECT_THAT(Ask({parent_, 1}).first, over);
  EXPECT_THAT(Ask({parent_, 3}).first, over);
  EXPECT_THAT(Ask({parent_ + 100, 1}).first, ErrorIs(StatusCode::kNotFound, "TASK_NOT_FOUND"));
  EXPECT_TRUE(Ask({parent_, 2}).first.ok());
  scene_.Complete(parent_);
  EXPECT_THAT(Ask({parent_, 2}).first, over);
  scene_.Remove(parent_);
  EXPECT_THAT(Ask({parent_, 2}).first, ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED"));
}

TEST_F(ChildOutcomesTest, ATaskWithoutChildrenHasNone) {  // B41
  parent_ = scene_.Submit();
  scene_.Claim(parent_, "w1");
  const auto [error, page] = Ask({parent_, 1});
  EXPECT_TRUE(error.ok()) << error.message;
  EXPECT_EQ(page.outcomes_size(), 0);
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(ChildOutcomesTest, ATokenIsGoodForItsAttemptOnly) {  // S91
  StartSecondStage(3);
  const std::string token = Ask({parent_, 2}, 1).second.next_page_token();
  ASSERT_FALSE(token.empty());
  scene_.Fail(parent_, "boom");
  scene_.Claim(parent_, "w1");
  EXPECT_THAT(Ask({parent_, 3}, 1, token).first, ErrorIs(StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN"));
  EXPECT_EQ(AskAll({parent_, 3}, 1).size(), 3u) << "a retry sees the same children";
}

}  // namespace
}  // namespace baton::service::testing
