// Which failures `baton top` takes for the newest.
#include "client_cli/top/latest_failures.h"

#include <map>

#include "client_cli/text/proto_time.h"
#include "client_cli/top/task_lists.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"
#include "tests/unit/cli/top_answers.h"

namespace baton::cli::top {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Le;
using testing::SizeIs;

// A broker that has failed tasks alone, and lists them as a real one does: by id, downwards.
class LatestFailuresTest : public testing::Test {
 protected:
  LatestFailuresTest() {
    fake.list_tasks = [this](const v1::ListTasksRequest& request,
                             absl::Duration) -> absl::StatusOr<v1::ListTasksResponse> {
      ++pages;
      EXPECT_THAT(request.filter().states(), ElementsAre(v1::TASK_STATE_PERMANENTLY_FAILED));
      return List(request);
    };
  }

  v1::ListTasksResponse List(const v1::ListTasksRequest& request) const {
    v1::ListTasksResponse response;
    const uint64_t below = request.page_token().empty() ? UINT64_MAX : std::stoull(request.page_token());
    for (auto task = ends.rbegin(); task != ends.rend(); ++task) {
      if (task->first >= below) continue;
      if (request.filter().has_ended_since() && task->second < ToTime(request.filter().ended_since())) continue;
      if (response.tasks_size() == std::min(request.page_size(), page_size)) {
        response.set_next_page_token(std::to_string(task->first + 1));
        break;
      }
      *response.add_tasks() = MakeTask(task->first, v1::TASK_STATE_PERMANENTLY_FAILED);
      response.mutable_tasks(response.tasks_size() - 1)->set_ended_at_us(absl::ToUnixMicros(task->second));
    }
    return response;
  }

  std::vector<uint64_t> Look() {
    pages = 0;
    const absl::StatusOr<std::vector<v1::Task>> tasks = failures.Look(connection, absl::Seconds(1));
    EXPECT_TRUE(tasks.ok()) << tasks.status();
    EXPECT_THAT(pages, Le(kPagesOfRound)) << "the work of a look is bounded";
    std::vector<uint64_t> ids;
    if (tasks.ok()) {
      for (const v1::Task& task : *tasks) ids.push_back(task.id());
    }
    return ids;
  }
  // What is found after some looks, and stays so.
  std::vector<uint64_t> Settle() {
    for (int i = 0; i < 10; ++i) Look();
    return Look();
  }
  std::vector<uint64_t> First(std::vector<uint64_t> ids, size_t count) {
    ids.resize(std::min(count, ids.size()));
    return ids;
  }

  FakeBroker fake;
  FakeBrokerConnection connection{fake};
  LatestFailures failures;
  absl::Time now = kNow;
  // By id, when each failed.
  std::map<uint64_t, absl::Time> ends;
  int page_size = 1000;
  int pages = 0;
};

TEST_F(LatestFailuresTest, WithoutAnyThereAreNone) {
  EXPECT_THAT(Settle(), IsEmpty());
  EXPECT_EQ(pages, 1);
}

TEST_F(LatestFailuresTest, FewAreAllThereTheLatestEndFirst) {
  ends = {{3, now - absl::Seconds(1)}, {5, now - absl::Hours(24 * 365)}, {9, now - absl::Hours(2)}};
  EXPECT_THAT(Settle(), ElementsAre(3, 9, 5));
}

TEST_F(LatestFailuresTest, OldTasksThatFailedLastComeBeforeNewOnesThatFailedBefore) {
  for (uint64_t id = 1000; id < 1500; ++id) ends[id] = now - absl::Hours(3);
  for (uint64_t id = 1; id <= 30; ++id) ends[id] = now - absl::Seconds(10) - absl::Milliseconds(id);
  const std::vector<uint64_t> found = Settle();
  ASSERT_THAT(found, SizeIs(30)) << "there are enough: the others are not looked for";
  EXPECT_THAT(First(found, 3), ElementsAre(1, 2, 3));
  EXPECT_EQ(found.back(), 30u);
}

TEST_F(LatestFailuresTest, NothingLaterIsLeftOutWhileTasksFailSteadily) {
  // Two a second, long ago submitted ones and new ones in turn.
  for (uint64_t i = 0; i < 20'000; ++i) ends[i % 2 == 0 ? 100'000 - i : i] = now - absl::Milliseconds(500 * i + 1);
  const std::vector<uint64_t> found = Settle();
  ASSERT_GE(found.size(), kListedTasks / 4);
  for (size_t i = 0; i < kListedTasks / 4; ++i) EXPECT_EQ(found[i], i % 2 == 0 ? 100'000 - i : i) << i;
}

TEST_F(LatestFailuresTest, LaterFailuresAreOnTopAtTheNextLook) {
  for (uint64_t id = 1000; id < 1040; ++id) ends[id] = now - absl::Minutes(20);
  Settle();
  now += absl::Seconds(1);
  ends[7] = now;
  EXPECT_EQ(Look().front(), 7u);
  for (uint64_t id = 2000; id < 9000; ++id) ends[id] = now;
  now += absl::Seconds(2);
  ends[8] = now;
  EXPECT_EQ(Settle().front(), 8u) << "however many failed just before";
}

TEST_F(LatestFailuresTest, ManyThatFailAtOnceAreShownInPart) {
  for (uint64_t id = 1; id <= 5000; ++id) ends[id] = now - absl::Minutes(10);
  const std::vector<uint64_t> found = Settle();
  EXPECT_THAT(found, SizeIs(kListedTasks));
  EXPECT_EQ(found.front(), 5000u);
}

TEST_F(LatestFailuresTest, OlderOnesAreLookedForAgainWhenTheLatestAreRemoved) {
  for (uint64_t id = 1000; id < 3000; ++id) ends[id] = now - absl::Hours(1);
  for (uint64_t id = 1; id <= 30; ++id) ends[id] = now;
  EXPECT_THAT(Settle(), SizeIs(30));
  for (uint64_t id = 1; id <= 30; ++id) ends.erase(id);
  EXPECT_THAT(Look(), SizeIs(kListedTasks));
  ends.clear();
  ends[5] = now - absl::Hours(9);
  EXPECT_THAT(Settle(), ElementsAre(5));
}

TEST_F(LatestFailuresTest, ShortPagesAreFollowedToTheBound) {
  for (uint64_t id = 1; id <= 50; ++id) ends[id] = now - absl::Seconds(static_cast<int64_t>(id));
  page_size = 3;
  const std::vector<uint64_t> found = Settle();
  EXPECT_EQ(found.front(), 1u);
  EXPECT_GE(found.size(), 4u);
}

TEST_F(LatestFailuresTest, AFailedCallIsTold) {
  fake.list_tasks = [](const v1::ListTasksRequest&, absl::Duration) -> absl::StatusOr<v1::ListTasksResponse> {
    return absl::UnavailableError("Connection refused");
  };
  EXPECT_EQ(failures.Look(connection, absl::Seconds(1)).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace baton::cli::top
