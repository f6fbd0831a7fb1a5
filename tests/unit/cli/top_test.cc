// The live view: what it shows, and what keys do.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/text/style.h"
#include "client_cli/top/model.h"
#include "client_cli/top/screen.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"
#include "tests/unit/cli/top_answers.h"

namespace baton::cli::top {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class TopTest : public testing::Test {
 protected:
  TopTest() { model.Take(Busy(), kNow); }

  std::vector<std::string> Lines(Size size = {.width = 140, .height = 12}, bool color = false) {
    return RenderScreen(model, {.size = size, .color = color, .time_zone = absl::UTCTimeZone()}, now);
  }
  std::string Screen(Size size = {.width = 140, .height = 12}) { return absl::StrJoin(Lines(size), "\n"); }

  Effect Press(Key key) { return model.Press(key, now); }

  std::string SelectedLine() {
    for (const std::string& line : Lines()) {
      if (line.substr(0, 2) == "> ") return line;
    }
    return "";
  }

  // Of the types, from the top.
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const TypeRow& row : model.types()) names.push_back(row.type);
    return names;
  }

 public:
  // NOLINTBEGIN(readability-identifier-naming): tests read like sentences
  absl::Time now = kNow;
  Model model = Model("127.0.0.1:7461");
  // NOLINTEND(readability-identifier-naming)
};

TEST_F(TopTest, ShowsTheTypesWithWhatNeedsAttentionFirst) {
  EXPECT_EQ(
      Screen(),
      "baton top 127.0.0.1:7461  batond 9.8.7  2027-01-15 08:00:00\n"
      "workers 2  slots 12 of 40  unservable 3  pending 20  running 12  suspended 0  oldest waiting 3m12s\n"
      "per second:  created 12.3  started <0.01  completed 0  failed 0  retried 1234\n"
      "\n"
      "Types by attention (3)\n"
      "  TYPE    ATTENTION      PENDING  DUE  OLDEST  RUNNING  SUSP  FAILED  NEW/S  DONE/S  FAIL/S  QUEUED   RAN"
      "       WORKERS\n"
      "> gpu     3 unservable   3        3    30s     -        -     -       -      -       -       -        -  "
      "       0\n"
      "  mail    paused         8        5    50s     -        2     -       -      -       -       -        -  "
      "       2\n"
      "  resize  limit reached  9        7    1m10s   12/12    -     4       12.0   0.50    0.10    12ms/2s  1s/1m10s"
      "  2\n"
      "\n"
      "\n"
      "t types  w workers  f failures  o oldest  s sort  Enter open  p pause  ? keys  q quit");
}

TEST_F(TopTest, SortsByAttentionNameRateAndFailures) {
  EXPECT_THAT(Names(), ElementsAre("gpu", "mail", "resize"));
  Answer answer = Busy();
  answer.statistics->mutable_types(1)->mutable_activity()->set_completed_per_second(100);
  AddType(answer, "archive", 100, 100);
  model.Take(answer, now);
  EXPECT_THAT(Names(), ElementsAre("gpu", "mail", "resize", "archive")) << "what is held back first";
  Press('s');
  EXPECT_THAT(Names(), ElementsAre("archive", "gpu", "mail", "resize"));
  Press('s');
  EXPECT_THAT(Names(), ElementsAre("mail", "resize", "archive", "gpu"));
  Press('s');
  EXPECT_THAT(Names(), ElementsAre("resize", "archive", "gpu", "mail"));
  Press('o');
  EXPECT_THAT(Names(), ElementsAre("archive", "resize", "mail", "gpu"));
  EXPECT_THAT(Screen(), HasSubstr("Types by oldest waiting"));
  Press('s');
  EXPECT_THAT(Screen(), HasSubstr("Types by attention"));
}

TEST_F(TopTest, WhatOnlyOneAnswerTellsIsShown) {
  Answer answer = Busy();
  answer.types->add_types()->set_type("registered");
  answer.statistics->add_types()->set_type("counted");
  answer.statistics->mutable_types(2)->set_unservable(0);
  answer.types->mutable_types(2)->set_unservable(4);
  model.Take(answer, now);
  EXPECT_THAT(Names(), ElementsAre("gpu", "mail", "resize", "counted", "registered"));
  EXPECT_THAT(SelectedLine(), HasSubstr("4 unservable"));
}

TEST_F(TopTest, TheSelectionStaysWithItsRow) {
  Press('j');
  EXPECT_THAT(SelectedLine(), HasSubstr("mail"));
  Press('s');
  Press('s');
  EXPECT_THAT(SelectedLine(), HasSubstr("mail"));
  Press(kKeyDown);
  Press(kKeyDown);
  EXPECT_EQ(model.selected(), 2u) << "there is no row below";
  Press(kKeyUp);
  Press('k');
  Press('k');
  EXPECT_EQ(model.selected(), 0u);
  Press('G');
  EXPECT_EQ(model.selected(), 2u);
  Press(kKeyPageUp);
  EXPECT_EQ(model.selected(), 0u);
  Press(kKeyPageDown);
  EXPECT_EQ(model.selected(), 2u);
  Answer answer = Busy();
  answer.statistics->mutable_types()->DeleteSubrange(1, 2);
  answer.types->mutable_types()->DeleteSubrange(1, 2);
  model.Take(answer, now);
  EXPECT_EQ(model.selected(), 0u) << "that row is gone";
}

TEST_F(TopTest, PausingWantsASecondPress) {
  EXPECT_FALSE(Press('p').pause.has_value());
  EXPECT_THAT(Lines().back(), "press p again to pause gpu");
  now += absl::Seconds(3);
  // What was asked is done, even if another row took that place.
  Answer answer = Busy();
  answer.statistics->mutable_types(2)->set_unservable(0);
  model.Take(answer, now);
  const Effect effect = Press('p');
  ASSERT_TRUE(effect.pause.has_value());
  EXPECT_EQ(effect.pause->type, "gpu");
  EXPECT_TRUE(effect.pause->pause);
  EXPECT_TRUE(effect.ask);
  EXPECT_FALSE(Press('p').pause.has_value()) << "the third press is a first one again";
  EXPECT_THAT(Lines().back(), "press p again to unpause mail");
  EXPECT_FALSE(Press('p').pause->pause);
}

TEST_F(TopTest, PausingIsForgottenAfterThreeSecondsAndByOtherKeys) {
  Press('p');
  now += absl::Milliseconds(3001);
  EXPECT_THAT(Lines().back(), HasSubstr("q quit"));
  EXPECT_FALSE(Press('p').pause.has_value());
  Press('j');
  EXPECT_THAT(Lines().back(), HasSubstr("q quit"));
  EXPECT_FALSE(Press('p').pause.has_value());
  Press('w');
  EXPECT_FALSE(Press('p').pause.has_value());
  EXPECT_EQ(Lines().back(), "select a type first: t shows them");
}

TEST_F(TopTest, EnterShowsTheTasksOfATypeAndEscGoesBack) {
  Press('G');
  EXPECT_TRUE(Press(kKeyEnter).ask);
  EXPECT_EQ(model.query().tasks_of, "resize");
  EXPECT_THAT(Screen(), HasSubstr("\n  ...\n"));
  Answer answer = Busy();
  answer.tasks = {MakeTask(9, v1::TASK_STATE_RUNNING), MakeTask(8, v1::TASK_STATE_PENDING)};
  (*answer.tasks)[0].set_worker_id("w-1");
  (*answer.tasks)[0].set_attempt(2);
  (*answer.tasks)[1].set_waiting_for("type resize has 12 attempts, its limit");
  model.Take(answer, now);
  EXPECT_THAT(Screen(), HasSubstr("Live tasks of resize (2 of 21)\n"
                                  "  ID  STATE    ATTEMPT  WORKER  WAITING FOR\n"
                                  "> 9   RUNNING  2        w-1     -\n"
                                  "  8   PENDING  0        -       type resize has 12 attempts, its limit\n"));
  Press('p');
  EXPECT_EQ(Lines().back(), "press p again to pause resize");
  Press(kKeyBack);
  EXPECT_THAT(SelectedLine(), HasSubstr("resize")) << "where one came from";
  EXPECT_EQ(model.query().tasks_of, "");
  Press(kKeyBack);
  EXPECT_EQ(model.view(), View::kTypes);
}

TEST_F(TopTest, ShowsWorkersThatAreNotThereFirst) {
  Press('w');
  EXPECT_TRUE(model.query().workers);
  Answer answer = Busy();
  v1::Worker* here = answer.workers.emplace().add_workers();
  here->set_worker_id("a");
  here->set_state(v1::WORKER_STATE_CONNECTED);
  here->set_slots(4);
  v1::Worker* gone = answer.workers->add_workers();
  gone->set_worker_id("b");
  gone->set_state(v1::WORKER_STATE_DISCONNECTED);
  gone->set_slots(4);
  gone->set_slots_taken(2);
  gone->mutable_last_seen()->set_seconds(5);
  gone->add_task_ids(41);
  gone->add_task_ids(42);
  model.Take(answer, now);
  EXPECT_THAT(Screen(), HasSubstr("Workers (2)\n"
                                  "  WORKER  STATE         SLOTS  LAST SEEN  HOLDS\n"
                                  "> b       DISCONNECTED  2/4    5s ago     41,42\n"
                                  "  a       CONNECTED     0/4    -          -\n"));
  Press('t');
  EXPECT_FALSE(model.query().workers);
}

TEST_F(TopTest, ShowsTheFailuresThatEndedLastFirst) {
  Press('f');
  EXPECT_TRUE(model.query().failures);
  Answer answer = Busy();
  answer.failures = {MakeTask(9, v1::TASK_STATE_PERMANENTLY_FAILED), MakeTask(8, v1::TASK_STATE_PERMANENTLY_FAILED)};
  (*answer.failures)[0].set_ended_at_us(absl::ToUnixMicros(now - absl::Minutes(5)));
  (*answer.failures)[1].set_ended_at_us(absl::ToUnixMicros(now - absl::Seconds(20)));
  (*answer.failures)[1].set_last_error("no\nroute");
  model.Take(answer, now);
  EXPECT_THAT(Screen(), HasSubstr("Newest failures (2 of 150)\n"
                                  "  ID  TYPE    ENDED                          ERROR\n"
                                  "> 8   resize  2027-01-15 07:59:40 (20s ago)  no\\nroute\n"
                                  "  9   resize  2027-01-15 07:55:00 (5m ago)   -\n"));
}

TEST_F(TopTest, AnErrorStandsAboveWhatIsKnown) {
  Answer failed;
  failed.status = absl::UnavailableError("a: b: Connection refused");
  model.Take(failed, now);
  now += absl::Seconds(12);
  model.Take(failed, now);
  EXPECT_THAT(Screen(), HasSubstr("\ncannot reach a broker at 127.0.0.1:7461: connection refused. (for 12s, trying "
                                  "again)\nTypes by attention (3)\n"));
  EXPECT_TRUE(model.query().info) << "it may come back as another version";
  model.Take(Busy(), now);
  EXPECT_THAT(Screen(), Not(HasSubstr("cannot")));
}

TEST_F(TopTest, HelpTellsTheKeysUntilTheNextOne) {
  Press('?');
  EXPECT_THAT(Screen({.width = 100, .height = 30}), HasSubstr("\np           pause the selected type"));
  EXPECT_THAT(Screen(), Not(HasSubstr("gpu")));
  Press('w');
  EXPECT_EQ(model.view(), View::kTypes) << "the key only closed the help";
  EXPECT_THAT(Screen(), HasSubstr("gpu"));
  Press('?');
  EXPECT_TRUE(Press('q').quit);
}

TEST_F(TopTest, CutsToTheSize) {
  Answer answer = Busy();
  for (int i = 0; i < 100; ++i) AddType(answer, absl::StrCat("é", std::string(i, 'x')), 1, 0);
  model.Take(answer, now);
  for (size_t width : {1, 2, 3, 20, 80, 200}) {
    for (size_t height : {1, 2, 5, 6, 7, 8, 24, 200}) {
      for (const char* keys : {"G", "?", "g", "w", "f", "t"}) {
        Press(*keys);
        const std::vector<std::string> lines = Lines({.width = width, .height = height});
        ASSERT_EQ(lines.size(), height);
        for (const std::string& line : lines) ASSERT_LE(DisplayWidth(line), width) << line;
      }
    }
  }
  EXPECT_THAT(Lines({.width = 12, .height = 8})[1], "workers 2  …");
  Press('G');
  EXPECT_THAT(SelectedLine(), HasSubstr("> é")) << "the page of the selected row is shown";
}

TEST_F(TopTest, NothingDangerousReachesTheTerminal) {
  const std::string evil = "\x1b]0;title\x07\r\n\x9b\xc2\x9b";
  Answer answer = Busy();
  answer.info->set_version(evil);
  AddType(answer, evil, 1000, 1000)->set_unservable(1000);
  v1::Worker* worker = answer.workers.emplace().add_workers();
  worker->set_worker_id(evil);
  v1::Task task = MakeTask(9, v1::TASK_STATE_PERMANENTLY_FAILED);
  task.set_type(evil);
  task.set_last_error(evil);
  task.set_worker_id(evil);
  task.set_waiting_for(evil);
  answer.failures = answer.tasks = {task};
  *answer.explanation.emplace().mutable_task() = task;
  v1::Event& event = answer.history.emplace().events.emplace_back();
  event.set_actor(evil);
  event.set_reason(evil);
  answer.status = absl::InternalError(evil);
  model.Take(answer, now);
  auto check = [&](const std::string& what) {
    for (const std::string& line : Lines({.width = 300, .height = 30})) {
      for (char byte : line) EXPECT_TRUE(byte < 0 || byte >= 0x20) << what << ": " << line;
      EXPECT_THAT(line, Not(HasSubstr("\xc2\x9b"))) << what;
    }
  };
  check("types");
  EXPECT_THAT(SelectedLine(), HasSubstr("\\x1b]0;title\\x07\\x0d\\n\\x9b\\xc2\\x9b"));
  Press('p');
  check("question");
  Press('p');
  model.Note(evil, now);
  check("note");
  Press('w');
  check("workers");
  Press('f');
  check("failures");
  Press('t');
  Press(kKeyEnter);
  model.Take(answer, now);
  check("tasks");
  Press(kKeyEnter);
  model.Take(answer, now);
  check("task");
}

TEST_F(TopTest, ColorsAreLeftOutWhenNotWanted) {
  const std::vector<std::string> lines = Lines({.width = 60, .height = 12}, true);
  EXPECT_THAT(lines[1], HasSubstr("\x1b[33m3\x1b[0m"));
  EXPECT_EQ(lines[6].substr(0, 10), "\x1b[7m> gpu ");
  EXPECT_THAT(lines[7], HasSubstr("\x1b[33mpaused\x1b[0m"));
  EXPECT_THAT(Screen(), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace baton::cli::top
