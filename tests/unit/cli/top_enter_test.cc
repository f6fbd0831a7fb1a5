// What Enter opens in the live view, and where Esc leads from there.
#include "absl/strings/str_join.h"
#include "client_cli/top/model.h"
#include "client_cli/top/screen.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"
#include "tests/unit/cli/top_answers.h"

namespace baton::cli::top {
namespace {

using testing::HasSubstr;
using testing::Not;

class TopEnterTest : public testing::Test {
 protected:
  TopEnterTest() { model.Take(Busy(), kNow); }

  std::string Screen(Size size = {.width = 100, .height = 20}) {
    return absl::StrJoin(RenderScreen(model, {.size = size, .color = false, .time_zone = absl::UTCTimeZone()}, kNow),
                         "\n");
  }
  Effect Press(Key key) { return model.Press(key, kNow); }

  void TakeTasks(std::vector<v1::Task> tasks) {
    Answer answer = Busy();
    (model.view() == View::kFailures ? answer.failures : answer.tasks) = std::move(tasks);
    model.Take(answer, kNow);
  }
  void TakeExplanation(const v1::ExplainResponse& explanation) {
    Answer answer = Busy();
    answer.explanation = explanation;
    model.Take(answer, kNow);
  }
  static v1::ExplainResponse Waiting(uint64_t id, const std::string& obstacle) {
    v1::ExplainResponse explanation;
    *explanation.mutable_task() = MakeTask(id, v1::TASK_STATE_PENDING);
    explanation.add_obstacles()->set_kind(v1::OBSTACLE_KIND_NO_WORKER);
    explanation.mutable_obstacles(0)->set_text(obstacle);
    return explanation;
  }
  // Task 8, with what happened to it.
  static Answer Failed(const std::string& error) {
    Answer answer = Busy();
    v1::Task& task = *answer.explanation.emplace().mutable_task();
    task = MakeTask(8, v1::TASK_STATE_PERMANENTLY_FAILED);
    task.set_last_error(error);
    v1::Event& event = answer.history.emplace().events.emplace_back();
    answer.history->complete = true;
    event.set_number(1);
    event.set_type(v1::EVENT_TYPE_TIMED_OUT);
    event.set_attempt(1);
    event.mutable_time()->set_seconds(1'795'453'200);
    event.set_worker_id("w1");
    event.set_actor("broker");
    event.set_reason("no outcome within 5s");
    return answer;
  }

 public:
  // NOLINTNEXTLINE(readability-identifier-naming): tests read like sentences
  Model model = Model("127.0.0.1:7461");
};

TEST_F(TopEnterTest, ATaskTellsWhatItWaitsFor) {
  Press(kKeyEnter);
  TakeTasks({MakeTask(9, v1::TASK_STATE_PENDING), MakeTask(8, v1::TASK_STATE_PENDING)});
  Press('j');
  EXPECT_TRUE(Press(kKeyEnter).ask);
  EXPECT_EQ(model.query().task, 8u);
  EXPECT_EQ(model.query().tasks_of, "");
  EXPECT_THAT(Screen(), HasSubstr("\nTask 8\n"));
  EXPECT_THAT(Screen(), HasSubstr("\n  ...\n"));
  TakeExplanation(Waiting(8, "no live worker can run it"));
  EXPECT_THAT(Screen(), HasSubstr("Task 8\n"
                                  "  task        8\n"
                                  "  type        resize\n"
                                  "  state       PENDING\n"
                                  "  obstacle    no live worker can run it\n"
                                  "  what helps  start a worker that can run it; baton workers lists those that are "
                                  "there\n\n"));
  EXPECT_FALSE(Press(kKeyEnter).ask) << "there is nothing beneath";
  EXPECT_TRUE(Press(kKeyBack).ask);
  EXPECT_EQ(model.query().tasks_of, "gpu");
  EXPECT_EQ(model.query().task, 0u);
  EXPECT_THAT(Screen(), HasSubstr("\n> 8 ")) << "where one came from";
  Press(kKeyBack);
  EXPECT_THAT(Screen(), HasSubstr("\n> gpu "));
}

TEST_F(TopEnterTest, AFailureTellsItsErrorAndWhatHappened) {
  Press('f');
  EXPECT_FALSE(Press(kKeyEnter).ask) << "nothing is listed yet";
  TakeTasks({MakeTask(8, v1::TASK_STATE_PERMANENTLY_FAILED)});
  Press(kKeyEnter);
  EXPECT_EQ(model.query().task, 8u);
  model.Take(Failed("no paper"), kNow);
  EXPECT_THAT(Screen(), HasSubstr("Task 8\n"
                                  "  task        8\n"
                                  "  type        resize\n"
                                  "  state       PERMANENTLY_FAILED\n"
                                  "  last error  no paper\n"
                                  "\n"
                                  "  TIME                     EVENT      ATTEMPT  BY      DETAIL\n"
                                  "> 2026-11-23 17:00:00.000  TIMED_OUT  1        broker  no outcome within 5s; worker "
                                  "w1\n"));
  Answer cut = Failed("no paper");
  cut.history->complete = false;
  model.Take(cut, kNow);
  EXPECT_THAT(Screen(), HasSubstr("Task 8, its first 1 events\n"));
  TakeExplanation(Waiting(8, "no live worker can run it"));
  EXPECT_THAT(Screen(), Not(HasSubstr("TIMED_OUT"))) << "it was retried, and has not ended any more";
  Press(kKeyBack);
  EXPECT_EQ(model.view(), View::kFailures);
  Press(kKeyBack);
  EXPECT_EQ(model.view(), View::kTypes);
}

TEST_F(TopEnterTest, ALongErrorIsWrapped) {
  Press('f');
  TakeTasks({MakeTask(8, v1::TASK_STATE_PERMANENTLY_FAILED)});
  Press(kKeyEnter);
  model.Take(Failed("the printer has no paper, and nobody is there to bring some"), kNow);
  const std::string screen = Screen({.width = 50, .height = 20});
  EXPECT_THAT(screen, HasSubstr("\n  last error  the printer has no paper, and nobody"
                                "\n              is there to bring some\n"));
  for (const size_t height : {1, 4, 7, 9, 12}) EXPECT_NE(Screen({.width = 9, .height = height}), "");
}

TEST_F(TopEnterTest, AWorkerTellsItsTasks) {
  Press('w');
  EXPECT_FALSE(Press(kKeyEnter).ask) << "nothing is listed yet";
  Answer answer = Busy();
  answer.workers.emplace().add_workers()->set_worker_id("w1");
  answer.workers->add_workers()->set_worker_id("w2");
  model.Take(answer, kNow);
  Press('j');
  EXPECT_TRUE(Press(kKeyEnter).ask);
  EXPECT_EQ(model.query().tasks_on, "w2");
  EXPECT_EQ(model.query().tasks_of, "");
  v1::Task running = MakeTask(8, v1::TASK_STATE_RUNNING);
  running.set_attempt(2);
  running.set_started_at_us(absl::ToUnixMicros(kNow - absl::Minutes(5)));
  TakeTasks({running});
  EXPECT_THAT(Screen(), HasSubstr("Tasks on worker w2 (1)\n"
                                  "  ID  TYPE    STATE    ATTEMPT  STARTED\n"
                                  "> 8   resize  RUNNING  2        2027-01-15 07:55:00 (5m ago)\n"));
  Press('p');
  EXPECT_THAT(Screen(), HasSubstr("select a type first"));
  Press(kKeyEnter);
  EXPECT_EQ(model.query().task, 8u);
  Press(kKeyBack);
  Press(kKeyBack);
  EXPECT_THAT(Screen(), HasSubstr("\n> w2 "));
  EXPECT_EQ(model.query().tasks_on, "");
}

TEST_F(TopEnterTest, AParentLeadsToItsChildren) {
  Press(kKeyEnter);
  TakeTasks({MakeTask(9, v1::TASK_STATE_SUSPENDED)});
  Press(kKeyEnter);
  v1::ExplainResponse parent;
  *parent.mutable_task() = MakeTask(9, v1::TASK_STATE_SUSPENDED);
  *parent.add_unfinished_children() = MakeTask(11, v1::TASK_STATE_RUNNING);
  *parent.add_unfinished_children() = MakeTask(12, v1::TASK_STATE_PENDING);
  parent.mutable_unfinished_children(1)->set_waiting_for("due in 3 s");
  TakeExplanation(parent);
  EXPECT_THAT(Screen(), HasSubstr("\n"
                                  "  CHILD  TYPE    STATE    WAITING FOR\n"
                                  "> 11     resize  RUNNING  -\n"
                                  "  12     resize  PENDING  due in 3 s\n"));
  Press('j');
  Press(kKeyEnter);
  EXPECT_EQ(model.query().task, 12u);
  EXPECT_THAT(Screen(), Not(HasSubstr("CHILD")));
  TakeExplanation(Waiting(12, "due in 3 s"));
  Press(kKeyBack);
  EXPECT_EQ(model.query().task, 9u);
  EXPECT_THAT(Screen(), Not(HasSubstr("due in 3 s"))) << "that is of the child";
  TakeExplanation(parent);
  EXPECT_THAT(Screen(), HasSubstr("\n> 12 "));
  Press('w');
  Press(kKeyBack);
  EXPECT_EQ(model.view(), View::kTypes) << "a key for a view forgets the way";
}

}  // namespace
}  // namespace baton::cli::top
