// What the benchmark says about a broker that lists or counts tasks wrongly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/board.h"
#include "tests/bench/page_reader.h"
#include "tests/bench/verify.h"
#include "tests/bench/worker.h"
#include "tests/unit/cli/fake_broker.h"

namespace baton::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kFirstId = 100;

// A broker that lists and counts `tasks`, newest first, at most `page_size` in a page.
class Listed : public testing::Test {
 protected:
  Listed() {
    fake_.list_tasks = [this](const v1::ListTasksRequest& request, absl::Duration) { return Page(request); };
    fake_.statistics = [this] { return Count(); };
  }

  // As the broker should hold them.
  Board Fill(const Portion& portion) {
    Board board = *Board::Create(portion.end());
    for (uint64_t i = portion.first; i < portion.end(); ++i) {
      board.entry(i).submitted_id = kFirstId + i;
      v1::Task task;
      task.set_id(kFirstId + i);
      task.set_type(TypeOf(portion.kind, i));
      task.set_tag(TagOf(portion.kind, i));
      task.set_state(portion.fate(i).state);
      task.set_attempt(static_cast<int>(portion.fate(i).runs));
      if (portion.fate(i).percent > 0) task.mutable_progress()->set_percent(portion.fate(i).percent);
      tasks_.insert(tasks_.begin(), task);
    }
    return board;
  }

  absl::StatusOr<v1::ListTasksResponse> Page(const v1::ListTasksRequest& request) const {
    size_t at = 0;
    if (!request.page_token().empty() && !absl::SimpleAtoi(request.page_token(), &at)) {
      return absl::InvalidArgumentError("foreign token");
    }
    v1::ListTasksResponse page;
    const size_t end = std::min({tasks_.size(), at + page_size_, at + static_cast<size_t>(request.page_size())});
    for (; at < end; ++at) *page.add_tasks() = tasks_[at];
    if (at < tasks_.size()) page.set_next_page_token(absl::StrCat(at));
    return page;
  }

  absl::StatusOr<v1::GetStatisticsResponse> Count() const {
    v1::GetStatisticsResponse statistics;
    v1::TypeStatistics* row = statistics.add_types();
    row->set_type("bench.mixed");
    for (const v1::Task& task : tasks_) {
      if (task.state() == v1::TASK_STATE_COMPLETED) row->mutable_counts()->set_completed(row->counts().completed() + 1);
      if (task.state() == v1::TASK_STATE_PERMANENTLY_FAILED) {
        row->mutable_counts()->set_permanently_failed(row->counts().permanently_failed() + 1);
      }
    }
    return statistics;
  }

  cli::FakeBroker fake_;
  cli::FakeBrokerConnection broker_{fake_};
  std::vector<v1::Task> tasks_;
  size_t page_size_ = 7;
};

constexpr Portion kMixedTasks{.count = 40, .kind = Kind::kMixed};

TEST_F(Listed, MixedTasksThatEndedAsTheyShouldAreAccepted) {
  const Board board = Fill(kMixedTasks);
  EXPECT_EQ(VerifyEachTask(&broker_, board, {kMixedTasks}), absl::OkStatus());
  EXPECT_EQ(VerifyCounts(&broker_, {kMixedTasks}), absl::OkStatus());
}

TEST_F(Listed, CountsMayBeDividedAmongPortionsOfOneKind) {
  Fill(kMixedTasks);
  EXPECT_EQ(
      VerifyCounts(&broker_, {{.count = 15, .kind = Kind::kMixed}, {.first = 15, .count = 25, .kind = Kind::kMixed}}),
      absl::OkStatus());
}

struct Wrong {
  const char* name;
  void (*inflict)(std::vector<v1::Task>*);
  const char* message;
};

class ListedWrongly : public Listed, public testing::WithParamInterface<Wrong> {};

TEST_P(ListedWrongly, IsNamed) {
  const Board board = Fill(kMixedTasks);
  GetParam().inflict(&tasks_);
  const absl::Status status = VerifyEachTask(&broker_, board, {kMixedTasks});
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
}

// Row 2 is task 137, which tells its progress.
INSTANTIATE_TEST_SUITE_P(
    All, ListedWrongly,
    testing::Values(Wrong{"Missing", [](std::vector<v1::Task>* tasks) { tasks->erase(tasks->begin() + 2); },
                          "lists 39 of 40"},
                    Wrong{"State", [](std::vector<v1::Task>* tasks) { (*tasks)[2].set_state(v1::TASK_STATE_RUNNING); },
                          "task 137 is bench.mixed TASK_STATE_RUNNING"},
                    Wrong{"Attempts", [](std::vector<v1::Task>* tasks) { (*tasks)[2].set_attempt(3); }, "at attempt 3"},
                    Wrong{"Progress", [](std::vector<v1::Task>* tasks) { (*tasks)[2].clear_progress(); },
                          "progress 0 % instead of"},
                    Wrong{"Type", [](std::vector<v1::Task>* tasks) { (*tasks)[2].set_type("other"); }, "is other"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(Listed, WrongCountsAreNamed) {
  Fill(kMixedTasks);
  tasks_.pop_back();
  EXPECT_THAT(std::string(VerifyCounts(&broker_, {kMixedTasks}).message()),
              HasSubstr("31 TASK_STATE_COMPLETED, 8 TASK_STATE_PERMANENTLY_FAILED of type bench.mixed instead of 32"));
}

constexpr Portion kListedTasks{.count = 200, .kind = Kind::kListed};

TEST_F(Listed, PagesAreFilledByAsManyCallsAsTheyTake) {
  const ExpectedList expected(Fill(kListedTasks), {kListedTasks});
  PageReader reader(&broker_, {}, expected.Select({}));
  EXPECT_EQ(reader.rows(), 200u);
  EXPECT_EQ(reader.Read(100), absl::OkStatus());
  EXPECT_EQ(reader.position(), 100u);
  EXPECT_EQ(reader.calls(), 15u);
  EXPECT_EQ(reader.Read(1000), absl::OkStatus());
  EXPECT_TRUE(reader.at_end());
  reader.Rewind();
  EXPECT_EQ(reader.Read(7), absl::OkStatus());
  EXPECT_EQ(reader.position(), 7u);
}

TEST_F(Listed, FamiliesWorkersAndErrorsAreExpected) {
  Board board = *Board::Create(24);
  for (uint64_t i = 0; i < 24; ++i) board.entry(i).submitted_id = kFirstId + i;
  const ExpectedList expected(board, {{.count = 20, .kind = Kind::kListed},
                                      {.first = 20, .count = 1, .kind = Kind::kParent},
                                      {.first = 21, .count = 3, .kind = Kind::kChild}});
  v1::TaskFilter filter;
  filter.set_parent_id(kFirstId + 20);
  EXPECT_THAT(expected.Select(filter), ElementsAre(123, 122, 121));
  filter.Clear();
  filter.set_root_id(kFirstId + 20);
  EXPECT_THAT(expected.Select(filter), ElementsAre(123, 122, 121, 120));
  v1::TaskFilter pending;
  pending.add_states(v1::TASK_STATE_PENDING);
  filter.Clear();
  filter.set_worker_id(WorkerIdOf(0, 0));
  EXPECT_EQ(expected.Select(filter).size() + expected.Select(pending).size(), 24u);
  v1::TaskFilter failed;
  failed.add_states(v1::TASK_STATE_PERMANENTLY_FAILED);
  filter.Clear();
  filter.set_error("planned");
  EXPECT_EQ(expected.Select(filter), expected.Select(failed));
  filter.set_error("nothing of the kind");
  EXPECT_TRUE(expected.Select(filter).empty());
}

TEST_F(Listed, RowsThatAFilterShouldHoldBackAreFound) {
  const ExpectedList expected(Fill(kListedTasks), {kListedTasks});
  v1::TaskFilter filter;
  filter.add_states(v1::TASK_STATE_COMPLETED);
  const std::vector<uint64_t> completed = expected.Select(filter);
  EXPECT_NEAR(static_cast<double>(completed.size()), 80, 30);
  // The fake broker knows no filters.
  EXPECT_EQ(PageReader(&broker_, filter, completed).Read(100).code(), absl::StatusCode::kDataLoss);
}

TEST_F(Listed, RowsThatAreMissingAreFound) {
  const ExpectedList expected(Fill(kListedTasks), {kListedTasks});
  tasks_.pop_back();
  PageReader reader(&broker_, {}, expected.Select({}));
  EXPECT_EQ(reader.Read(198), absl::OkStatus());
  EXPECT_THAT(std::string(reader.Read(2).message()), HasSubstr("ends after 199 of 200 tasks"));
}

}  // namespace
}  // namespace baton::bench
