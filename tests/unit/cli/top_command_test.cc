// The command `baton top`: keys, the loop around the screen, and what programs get.
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/cli/fake_broker.h"
#include "tests/unit/cli/top_answers.h"

namespace baton::cli::top {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(TopKeys, AreTakenFromSequences) {
  struct Case {
    std::string bytes;
    std::vector<Key> keys;
    std::string rest;
  };
  for (const Case& c : {Case{"jq", {'j', 'q'}, ""},
                        {"\x1b[A\x1b[B\x1bOA\x1bOB", {kKeyUp, kKeyDown, kKeyUp, kKeyDown}, ""},
                        {"\x1b[5~\x1b[6~\x1b[H\x1b[4~", {kKeyPageUp, kKeyPageDown, kKeyFirst, kKeyLast}, ""},
                        {"\r\n\x7f\b", {kKeyEnter, kKeyEnter, kKeyBack, kKeyBack}, ""},
                        {"\x1b[1;5Ap", {kKeyOther, 'p'}, ""},
                        {"\x1bp", {kKeyBack, 'p'}, ""},
                        {"t\x1b", {'t'}, "\x1b"},
                        {"\x1b[1;", {}, "\x1b[1;"},
                        {"é\x01", {kKeyOther, kKeyOther, kKeyOther}, ""}}) {
    std::string bytes = c.bytes;
    EXPECT_EQ(TakeKeys(bytes, false), c.keys) << c.bytes;
    EXPECT_EQ(bytes, c.rest) << c.bytes;
  }
  std::string escape = "\x1b";
  EXPECT_EQ(TakeKeys(escape, true), std::vector<Key>{kKeyBack});
  EXPECT_EQ(escape, "");
}

// Keys from a list, each after the time of a whole wait.
class FakeTerminal : public Terminal {
 public:
  using Show = std::function<void(const std::string& screen)>;

  FakeTerminal(absl::Time& now, std::vector<Key> keys, Show show)
      : now_(now), keys_(std::move(keys)), show_(std::move(show)) {}

  Size size() override { return {.width = 100, .height = 12}; }
  absl::Status Draw(const std::vector<std::string>& lines) override {
    show_(absl::StrJoin(lines, "\n"));
    return absl::OkStatus();
  }
  Input Wait(absl::Duration timeout) override {
    waits_ += 1;
    now_ += timeout;
    if (next_ < keys_.size()) return {.keys = {keys_[next_++]}};
    return {.keys = {}, .leave = waits_ > 100};
  }

 private:
  absl::Time& now_;
  const std::vector<Key> keys_;
  const Show show_;
  size_t next_ = 0;
  int waits_ = 0;
};

class TopCommandTest : public CommandTest {
 protected:
  TopCommandTest() {
    const Answer busy = Busy();
    broker.statistics = [this, busy] {
      ++rounds;
      return absl::StatusOr<v1::GetStatisticsResponse>(*busy.statistics);
    };
    broker.list_types = [busy] { return absl::StatusOr<v1::ListTypesResponse>(*busy.types); };
    broker.info = [busy] { return absl::StatusOr<v1::GetServerInfoResponse>(*busy.info); };
  }

  void OpenWith(std::vector<Key> keys) {
    terminal = true;
    open_terminal = [this, keys] {
      return std::make_unique<FakeTerminal>(now, keys, [this](const std::string& screen) {
        screens.push_back(screen);
        if (screens.size() == set_back_at) now -= absl::Hours(1);
      });
    };
  }

 public:
  // NOLINTBEGIN(readability-identifier-naming): tests read like sentences
  int rounds = 0;
  // The screen after which the clock is set back by an hour.
  size_t set_back_at = 0;
  std::vector<std::string> screens;
  // NOLINTEND(readability-identifier-naming)
};

TEST_F(TopCommandTest, AsksEveryIntervalUntilQ) {
  OpenWith({kKeyOther, kKeyOther, 'q'});
  EXPECT_EQ(Run({"top", "--interval", "500ms"}), ExitCode::kOk) << err.str();
  EXPECT_EQ(rounds, 3);
  EXPECT_THAT(screens.front(), HasSubstr("no answer yet"));
  EXPECT_THAT(screens.back(), HasSubstr("\x1b[7m> gpu"));
  EXPECT_EQ(out.str(), "");
}

TEST_F(TopCommandTest, PausesTheSelectedType) {
  std::string paused;
  broker.pause_type = [&](const v1::PauseTypeRequest& request) {
    paused = absl::StrCat(request.type(), " ", request.reason());
    return absl::OkStatus();
  };
  broker.unpause_type = [](const v1::UnpauseTypeRequest&) { return absl::InternalError("it\nburns"); };
  OpenWith({'p', 'p', 'j', 'p', 'p', 'q'});
  EXPECT_EQ(Run({"top", "--no-color"}), ExitCode::kOk);
  EXPECT_EQ(paused, "gpu baton top");
  EXPECT_THAT(screens, testing::Contains(HasSubstr("\npaused gpu")));
  EXPECT_THAT(screens, testing::Contains(HasSubstr("\nit\\nburns")));
  EXPECT_THAT(screens, testing::Each(Not(HasSubstr("\x1b"))));
}

TEST_F(TopCommandTest, ListsTasksThroughShortPages) {
  std::vector<v1::ListTasksRequest> requests;
  broker.list_tasks = [&](const v1::ListTasksRequest& request, absl::Duration) {
    requests.push_back(request);
    v1::ListTasksResponse response;
    if (requests.size() == 2) *response.add_tasks() = MakeTask(7, v1::TASK_STATE_PENDING);
    if (requests.size() == 1) response.set_next_page_token("b");
    return absl::StatusOr<v1::ListTasksResponse>(response);
  };
  OpenWith({kKeyEnter});
  EXPECT_EQ(Run({"top", "--no-color", "--count", "2"}), ExitCode::kOk);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].filter().type(), "gpu");
  EXPECT_EQ(requests[1].page_token(), "b");
  EXPECT_THAT(screens.back(), HasSubstr("> 7   PENDING"));
}

TEST_F(TopCommandTest, OfATaskThatHasEndedTheEventsAreReadPageByPage) {
  broker.list_tasks = [](const v1::ListTasksRequest& request, absl::Duration) {
    EXPECT_THAT(request.filter().states(), testing::Contains(v1::TASK_STATE_SUSPENDED));
    v1::ListTasksResponse response;
    *response.add_tasks() = MakeTask(7, v1::TASK_STATE_RUNNING);
    return absl::StatusOr<v1::ListTasksResponse>(response);
  };
  broker.explain = [](const v1::ExplainRequest& request, absl::Duration) {
    v1::ExplainResponse response;
    *response.mutable_task() = MakeTask(request.task_id(), v1::TASK_STATE_COMPLETED);
    return absl::StatusOr<v1::ExplainResponse>(response);
  };
  int pages = 0;
  broker.list_events = [&](const v1::ListEventsRequest& request, absl::Duration) {
    ++pages;
    EXPECT_EQ(request.task_id(), 7u);
    v1::ListEventsResponse response;
    response.add_events()->set_type(pages == 1 ? v1::EVENT_TYPE_CREATED : v1::EVENT_TYPE_COMPLETED);
    if (pages == 1) response.set_next_page_token("b");
    return absl::StatusOr<v1::ListEventsResponse>(response);
  };
  OpenWith({kKeyEnter, kKeyEnter});
  EXPECT_EQ(Run({"top", "--no-color", "--count", "3"}), ExitCode::kOk) << err.str();
  EXPECT_EQ(pages, 2);
  EXPECT_THAT(screens.back(), HasSubstr("Task 7\n"));
  EXPECT_THAT(screens.back(), HasSubstr("CREATED"));
}

TEST_F(TopCommandTest, GoesOnWhileTheBrokerIsGone) {
  broker.statistics = [this]() -> absl::StatusOr<v1::GetStatisticsResponse> {
    ++rounds;
    return absl::UnavailableError("a: b: Connection refused");
  };
  OpenWith({});
  EXPECT_EQ(Run({"top", "--count", "3"}), ExitCode::kUnavailable);
  EXPECT_EQ(rounds, 3);
  EXPECT_THAT(screens.back(), HasSubstr("connection refused. (for 2s, trying again)"));
  EXPECT_THAT(err.str(), HasSubstr("cannot reach a broker"));
}

TEST_F(TopCommandTest, AClockThatIsSetBackDoesNotStopIt) {
  OpenWith({});
  set_back_at = 2;
  EXPECT_EQ(Run({"top", "--count", "3"}), ExitCode::kOk);
  EXPECT_EQ(rounds, 3);
}

TEST_F(TopCommandTest, PrintsJsonForPrograms) {
  OpenWith({});
  EXPECT_EQ(Run({"top", "-o", "jsonl", "--count", "2", "--interval", "1m"}), ExitCode::kOk);
  EXPECT_EQ(now, kNow + absl::Minutes(1));
  EXPECT_THAT(screens, ElementsAre());
  std::istringstream lines(out.str());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_EQ(nlohmann::json::parse(line)["counts"]["pending"], 20);
  }
  EXPECT_EQ(count, 2);
  EXPECT_EQ(Run({"top", "-o", "json", "--count", "2"}), ExitCode::kOk);
  EXPECT_EQ(nlohmann::json::parse(out.str()).size(), 2u);
}

TEST_F(TopCommandTest, JsonGoesOnAfterARestartOfTheBroker) {
  const auto answer = broker.statistics;
  broker.statistics = [&]() -> absl::StatusOr<v1::GetStatisticsResponse> {
    if (rounds == 1) {
      ++rounds;
      return absl::UnavailableError("a: b: Connection refused");
    }
    return answer();
  };
  EXPECT_EQ(Run({"top", "-o", "jsonl", "--count", "2"}), ExitCode::kOk);
  EXPECT_EQ(rounds, 3);
  EXPECT_THAT(err.str(), HasSubstr("cannot reach a broker"));
  rounds = 1;
  EXPECT_EQ(Run({"top", "-o", "jsonl", "--count", "2"}), ExitCode::kUnavailable) << "it was never there";
  EXPECT_EQ(out.str(), "");
}

TEST_F(TopCommandTest, MistakesNameTheCure) {
  struct Case {
    std::vector<std::string> arguments;
    const char* message;
  };
  for (const Case& c :
       {Case{{"top"}, "use `baton stats` to look once, or `baton top -o jsonl` for an object every interval"},
        {{"top", "-o", "json"}, "give --count N, or use -o jsonl"},
        {{"top", "--interval", "199ms"}, "--interval: 199ms is not between 200ms and 1m"},
        {{"top", "--interval", "61s"}, "not between"},
        {{"top", "--interval", "fast"}, "--interval: \"fast\" is not a duration"},
        {{"top", "--count", "0"}, "--count: \"0\""}}) {
    EXPECT_EQ(Run(c.arguments), ExitCode::kBadInput) << c.message;
    EXPECT_THAT(err.str(), HasSubstr(c.message));
    EXPECT_EQ(out.str(), "");
  }
  EXPECT_EQ(connected_to, "");
}

}  // namespace
}  // namespace baton::cli::top
