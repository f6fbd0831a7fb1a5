#include "broker/engine/live/changed_tasks.h"

#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::engine::testing {
namespace {

using records::v1::JournalEntry;
using ::testing::ElementsAre;

// Every field of an entry that tells of a change is read.
TEST(ChangedTasksTest, AllKindsOfChangesAreVisitedInOneOrder) {
  JournalEntry entry;
  auto* created = entry.add_created();
  created->set_first(10);
  created->set_count(2);
  auto* staged = entry.add_created();
  staged->set_first(20);
  staged->set_count(5);
  staged->set_staged(true);
  entry.add_sealed()->set_first(30);
  entry.mutable_sealed(0)->set_count(3);
  entry.add_revived()->set_id(40);
  entry.add_claimed()->add_id_deltas(50);
  entry.mutable_claimed(0)->add_id_deltas(-3);
  entry.add_claimed()->add_id_deltas(52);
  entry.add_paused(50);
  entry.add_moved()->set_id(60);
  entry.add_reported(70);
  entry.mutable_ended()->add_completed(80);
  entry.mutable_ended()->add_completed(1);
  entry.mutable_ended()->add_failed(90);
  entry.mutable_ended()->add_cancelled(95);
  entry.add_removed()->set_first(100);
  std::vector<std::pair<TaskId, uint64_t>> runs;
  ForEachChangedRun(entry, [&](TaskId first, uint64_t count) {
    runs.emplace_back(first, count);
    return true;
  });
  using Run = std::pair<TaskId, uint64_t>;
  EXPECT_THAT(runs, ElementsAre(Run{10, 2}, Run{30, 3}, Run{40, 1}, Run{50, 1}, Run{47, 1}, Run{52, 1}, Run{60, 1},
                                Run{70, 1}, Run{80, 1}, Run{81, 1}, Run{90, 1}, Run{95, 1}));
  size_t visited = 0;
  ForEachChangedRun(entry, [&](TaskId, uint64_t) { return ++visited < 4; });
  EXPECT_EQ(visited, 4u);
}

}  // namespace
}  // namespace baton::engine::testing
