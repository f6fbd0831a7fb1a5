// The library and a broker that is configured to take less in one call than the contract allows.
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
// First of the two sides, see there.
#include "tests/integration/sdk/reload_fixture.h"
// After it, and by itself.
#include <baton/client.h>

namespace baton {
namespace {

class SmallLimitsTest : public ReloadTest {
 protected:
  SmallLimitsTest() {
    settings_.limits.items = 10;
    settings_.limits.payload_bytes = kPayloadBytes;
    settings_.limits.metadata_bytes = 20;
    settings_.limits.message_bytes = kPayloadBytes + (size_t{64} << 10);
  }

  // Submits so many at once; fails the test unless each becomes a task.
  void SubmitTogether(size_t count, size_t bytes) {
    sdk::ClientOptions options;
    options.broker = broker().address();
    options.log = [](sdk::LogLevel, const std::string&) {};
    sdk::Client client(std::move(options));
    const sdk::NewTask task{.type = "task", .payload = std::string(bytes, 'x')};
    std::set<uint64_t> ids;
    for (const absl::StatusOr<sdk::Submitted>& submitted : client.SubmitAll(std::vector<sdk::NewTask>(count, task))) {
      ASSERT_TRUE(submitted.ok()) << submitted.status();
      ids.insert(submitted->id);
    }
    EXPECT_EQ(ids.size(), count);
  }
  int MarksOf(uint64_t task_id) {
    v1::ListEventsRequest request;
    request.set_task_id(task_id);
    request.set_page_size(1000);
    request.add_types(v1::EVENT_TYPE_CHECKPOINT);
    return Ask(&v1::TaskAdmin::Stub::ListEvents, request).events_size();
  }

  static constexpr size_t kPayloadBytes = size_t{256} << 10;
};

TEST_F(SmallLimitsTest, AnyNumberOfTasksIsSubmitted) { SubmitTogether(101, 10); }

TEST_F(SmallLimitsTest, LargeTasksAreSubmittedTogether) { SubmitTogether(9, 200'000); }

TEST_F(SmallLimitsTest, MarksAreKeptHoweverManyWaitTogether) {
  constexpr int kMarks = 95;
  Use("task", [this](sdk::Task& task) {
    for (int i = 0; i < kMarks; ++i) EXPECT_TRUE(task.Audit("mark", absl::StrCat(i)).ok());
    // Those that wait when it returns would leave with its outcome.
    gate_.Pass();
    return sdk::Outcome();
  });
  Run();
  const uint64_t id = Submit("task");
  const absl::Time patience = absl::Now() + absl::Seconds(20);
  while (MarksOf(id) < kMarks && absl::Now() < patience) continue;
  gate_.Open();
  ResultOf(id);
  EXPECT_EQ(MarksOf(id), kMarks);
}

TEST_F(SmallLimitsTest, AMarkThatIsTooLargeForTheBrokerIsRefusedAndSpoilsNothing) {
  Use("task", [](sdk::Task& task) {
    const absl::Status large = task.Audit("large", "", R"({"key": "twenty bytes"})");
    EXPECT_TRUE(absl::IsInvalidArgument(large)) << large;
    EXPECT_TRUE(task.Audit("small", "", R"({"key": 1})").ok());
    return sdk::Outcome("done");
  });
  Run();
  const uint64_t id = Submit("task");
  EXPECT_EQ(ResultOf(id), "done");
  EXPECT_EQ(MarksOf(id), 1);
}

TEST_F(SmallLimitsTest, LargeChildrenAreSpawnedBesideALargeContext) {
  Use("child", Returning("done"));
  Use("parent", [](sdk::Task& task) -> sdk::Outcome {
    if (task.stage() > 0) return absl::StrCat(task.children_count(), " children, ", task.children_failed(), " failed");
    const sdk::NewTask child{.type = "child", .payload = std::string(20'000, 'x')};
    return task.Next(std::vector<sdk::NewTask>(task.payload().json_text() == "1" ? 10 : 40, child),
                     sdk::Payload(std::string(200'000, 'x')));
  });
  Run();
  EXPECT_EQ(ResultOf(Submit("parent", "1")), "10 children, 0 failed");
  EXPECT_EQ(ResultOf(Submit("parent", "2")), "40 children, 0 failed");
}

}  // namespace
}  // namespace baton
