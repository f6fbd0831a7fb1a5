// baton explain
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::HasSubstr;

class ExplainTest : public CommandTest {
 protected:
  ExplainTest() {
    *response.mutable_task() = MakeTask(42, v1::TASK_STATE_PENDING);
    broker.explain = [this](const v1::ExplainRequest& request, absl::Duration) -> absl::StatusOr<v1::ExplainResponse> {
      if (request.task_id() != 42) {
        return MakeStatus(absl::StatusCode::kNotFound, "no task " + std::to_string(request.task_id()),
                          "TASK_NOT_FOUND");
      }
      return response;
    };
  }

  v1::Obstacle& AddObstacle(v1::ObstacleKind kind, const std::string& text) {
    v1::Obstacle* obstacle = response.add_obstacles();
    obstacle->set_kind(kind);
    obstacle->set_text(text);
    return *obstacle;
  }
  std::string Explained() {
    EXPECT_EQ(Run({"explain", "42"}), ExitCode::kOk);
    return out.str();
  }

  v1::ExplainResponse response;
};

TEST_F(ExplainTest, PlaceInTheQueueAndWhenItMayBegin) {
  AddObstacle(v1::OBSTACLE_KIND_NO_FREE_SLOT, "waits for a free slot of 3 workers");
  v1::QueuePlace* queue = response.mutable_queue();
  queue->set_ahead(412);
  queue->set_workers(3);
  queue->set_slots(12);
  queue->set_slots_taken(12);
  queue->set_tasks_per_second(25.31);
  queue->mutable_expected_start()->set_seconds(absl::ToUnixSeconds(now) + 16);
  EXPECT_EQ(Explained(),
            "task        42\n"
            "type        resize\n"
            "state       PENDING\n"
            "obstacle    waits for a free slot of 3 workers\n"
            "what helps  start more workers, or let them do more at once\n"
            "queue       412 tasks go first; 12 of 12 slots of 3 workers taken\n"
            "pace        25.3 tasks/s were handed out lately\n"
            "may begin   2027-01-15 08:00:16 (in 16s)\n");
}

TEST_F(ExplainTest, EachObstacleComesWithWhatHelps) {
  AddObstacle(v1::OBSTACLE_KIND_TASK_PAUSED, "is paused by an operator").set_actor("ann");
  AddObstacle(v1::OBSTACLE_KIND_TYPE_PAUSED, "waits for its type, which is paused by ann");
  AddObstacle(v1::OBSTACLE_KIND_NO_WORKER, "no live worker can run it: none declares the capability GPU");
  AddObstacle(v1::OBSTACLE_KIND_TYPE_LIMIT, "waits for the limit of type 'resize': 2 of 2 are running");
  const std::string text = Explained();
  EXPECT_THAT(text, HasSubstr("is paused by an operator, ann\n"));
  EXPECT_THAT(text, HasSubstr("baton unpause 42\n"));
  EXPECT_THAT(text, HasSubstr("baton types unpause resize\n"));
  EXPECT_THAT(text, HasSubstr("start a worker that can run it"));
  EXPECT_THAT(text, HasSubstr("baton types limit resize N, if more may run at a time\n"));
}

TEST_F(ExplainTest, TimesOfObstaclesSayWhatWasDoneThen) {
  const auto five_minutes_ago = [this](v1::Obstacle& obstacle) {
    obstacle.set_actor("ann");
    obstacle.mutable_since()->set_seconds(absl::ToUnixSeconds(now) - 300);
  };
  five_minutes_ago(AddObstacle(v1::OBSTACLE_KIND_TASK_PAUSED, "is paused by an operator"));
  five_minutes_ago(AddObstacle(v1::OBSTACLE_KIND_TYPE_PAUSED, "waits for its type, which is paused by ann"));
  v1::Obstacle& limit =
      AddObstacle(v1::OBSTACLE_KIND_TYPE_LIMIT, "waits for the limit of type 'resize': 1 of 1 are running");
  limit.set_reason("the mail server takes no more");
  five_minutes_ago(limit);
  const std::string text = Explained();
  EXPECT_THAT(text, HasSubstr("is paused by an operator, ann, paused 2027-01-15 07:55:00 (5m ago)\n"));
  EXPECT_THAT(text, HasSubstr("which is paused by ann, paused 2027-01-15 07:55:00 (5m ago)\n"));
  EXPECT_THAT(text, HasSubstr("1 of 1 are running, set 2027-01-15 07:55:00 (5m ago) by ann: the mail server takes no "
                              "more\n"));
}

TEST_F(ExplainTest, DecisionIsApprovedOrRejected) {
  AddObstacle(v1::OBSTACLE_KIND_DECISION, "waits for a decision: approval");
  EXPECT_THAT(Explained(), HasSubstr("what helps  baton approve 42, baton reject 42\n"));
}

TEST_F(ExplainTest, ParentShowsItsUnfinishedChildren) {
  AddObstacle(v1::OBSTACLE_KIND_CHILDREN, "waits for 1 of 3 children");
  *response.add_unfinished_children() = MakeTask(45, v1::TASK_STATE_PENDING);
  response.mutable_unfinished_children(0)->set_waiting_for("due in 3 s");
  const std::string text = Explained();
  EXPECT_THAT(text, HasSubstr("what helps  baton explain 45\n"));
  EXPECT_THAT(text, HasSubstr("CHILD  TYPE    STATE    WAITING FOR\n45     resize  PENDING  due in 3 s\n"));
}

TEST_F(ExplainTest, TheChildThatWaitsIsToBeLookedAtBeforeThoseThatRun) {
  AddObstacle(v1::OBSTACLE_KIND_CHILDREN, "waits for 3 of 3 children");
  for (const uint64_t id : {45, 46, 47}) {
    *response.add_unfinished_children() = MakeTask(id, v1::TASK_STATE_RUNNING);
  }
  response.mutable_task()->set_children_remaining(3);
  EXPECT_THAT(Explained(), HasSubstr("what helps  baton explain 45\n")) << "who runs it";
  response.mutable_task()->set_children_remaining(4);
  EXPECT_THAT(Explained(), HasSubstr("what helps  baton list --parent 42 --state pending,suspended,paused\n"));
  response.mutable_unfinished_children(1)->set_state(v1::TASK_STATE_PENDING);
  response.mutable_unfinished_children(1)->set_waiting_for("no live worker can run it");
  EXPECT_THAT(Explained(), HasSubstr("what helps  baton explain 46\n"));
}

TEST_F(ExplainTest, ThePaceIsWrittenAsPeopleDo) {
  AddObstacle(v1::OBSTACLE_KIND_NO_FREE_SLOT, "waits for a free slot of 1 worker");
  response.mutable_queue()->set_workers(1);
  response.mutable_queue()->set_tasks_per_second(1866.7);
  EXPECT_THAT(Explained(), HasSubstr("pace        1867 tasks/s were handed out lately\n"));
}

TEST_F(ExplainTest, RunningTaskShowsWhoHasItAndHowLongItMayGoOn) {
  response.mutable_task()->set_state(v1::TASK_STATE_RUNNING);
  v1::Holder* holder = response.mutable_holder();
  holder->set_worker_id("w1");
  holder->set_state(v1::WORKER_STATE_CONNECTED);
  holder->set_attempt(2);
  holder->set_started(true);
  holder->mutable_claimed_at()->set_seconds(absl::ToUnixSeconds(now) - 12);
  holder->mutable_last_seen()->set_seconds(1);
  holder->mutable_times_out_in()->set_seconds(48);
  EXPECT_EQ(Explained(),
            "task          42\n"
            "type          resize\n"
            "state         RUNNING\n"
            "worker        w1, CONNECTED, last seen 1s ago\n"
            "attempt       2, handed out 2027-01-15 07:59:48 (12s ago), its handler runs\n"
            "times out in  48s\n");
}

TEST_F(ExplainTest, JsonIsTheAnswer) {
  AddObstacle(v1::OBSTACLE_KIND_NO_WORKER, "no live worker can run it");
  EXPECT_EQ(Run({"explain", "42", "-o", "json"}), ExitCode::kOk);
  const nlohmann::json answer = nlohmann::json::parse(out.str());
  EXPECT_EQ(answer["obstacles"][0]["kind"], "NO_WORKER");
  EXPECT_EQ(answer["task"]["id"], 42);
}

TEST_F(ExplainTest, UnknownTask) {
  EXPECT_EQ(Run({"explain", "43"}), ExitCode::kNotFound);
  EXPECT_EQ(Run({"explain", "x"}), ExitCode::kBadInput);
}

}  // namespace
}  // namespace baton::cli
