// What bulk jobs find, step by step.
#include "broker/service/read/task_finder.h"

#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TaskFinderTest : public ::testing::Test {
 protected:
  engine::Matches Step(const v1::TaskFilter& filter, uint64_t count, bool roots_only, const FinderLimits& limits) {
    engine::LoadRequest request;
    request.filter = filter.SerializeAsString();
    request.range = {1, count};
    request.roots_only = roots_only;
    engine::Matches matches;
    scene_.partition().Read(
        [&](const std::shared_ptr<const engine::View>& view) { matches = FindTasks(*view, request, limits); });
    return matches;
  }
  // Step after step, the newest first.
  std::vector<TaskId> Find(const v1::TaskFilter& filter, bool roots_only = false,
                           const FinderLimits& limits = kFinderLimits) {
    std::vector<TaskId> found;
    steps_ = 0;
    uint64_t count = last_;
    while (count > 0) {
      const engine::Matches matches = Step(filter, count, roots_only, limits);
      EXPECT_TRUE(std::is_sorted(matches.ids.begin(), matches.ids.end()));
      EXPECT_LE(matches.ids.size(), limits.matches);
      found.insert(found.begin(), matches.ids.begin(), matches.ids.end());
      EXPECT_EQ(matches.rest.first, 1u);
      if (matches.rest.count >= count) {
        ADD_FAILURE() << "it does not get on from " << count;
        break;
      }
      count = matches.rest.count;
      ++steps_;
    }
    return found;
  }
  TaskId Submit(const std::string& tag, const std::string& type = "render") {
    return last_ = scene_.Submit({.type = type, .tag = tag});
  }
  static v1::TaskFilter Tagged(const std::string& tag) {
    v1::TaskFilter filter;
    filter.set_tag(tag);
    return filter;
  }

  Scene scene_;
  TaskId last_ = 0;
  int steps_ = 0;
};

TEST_F(TaskFinderTest, FindsWhatMatches) {
  const TaskId first = Submit("a");
  Submit("b");
  const TaskId third = Submit("a");
  EXPECT_THAT(Find(Tagged("a")), ElementsAre(first, third));
  EXPECT_EQ(steps_, 1);
  EXPECT_THAT(Find(Tagged("c")), IsEmpty());
  v1::TaskFilter nobody;
  nobody.set_type("nobody");
  EXPECT_THAT(Find(nobody), IsEmpty());
  scene_.Cancel(third, "ann", "");
  v1::TaskFilter cancelled = Tagged("a");
  cancelled.add_states(v1::TASK_STATE_CANCELLED);
  EXPECT_THAT(Find(cancelled), ElementsAre(third));
}

TEST_F(TaskFinderTest, EachIsFoundOnceWhateverTheSteps) {
  std::vector<TaskId> all, tagged;
  for (int i = 0; i < 50; ++i) {
    const bool matches = i % 3 == 0;
    const TaskId id = Submit(matches ? "a" : "b");
    all.push_back(id);
    if (matches) tagged.push_back(id);
  }
  for (const FinderLimits& limits : {FinderLimits{1, 100, 100}, {7, 100, 100}, {100, 1, 100}, {100, 8, 1}}) {
    EXPECT_EQ(Find(Tagged("a"), false, limits), tagged);
    EXPECT_EQ(Find({}, false, limits), all);
    EXPECT_GT(steps_, 5);
  }
}

TEST_F(TaskFinderTest, PagesAreGoneThroughAFewAtATime) {
  const TaskId first = Submit("a");
  scene_.SkipTo(5 * engine::kPageIds);
  const TaskId last = Submit("a");
  EXPECT_THAT(Find(Tagged("a"), false, {100, 100, 2}), ElementsAre(first, last));
  EXPECT_EQ(steps_, 3);
}

TEST_F(TaskFinderTest, WhatCameAfterTheJobIsNotFound) {
  const TaskId first = Submit("a");
  const TaskId second = Submit("a");
  EXPECT_THAT(Step(Tagged("a"), first, false, kFinderLimits).ids, ElementsAre(first));
  EXPECT_THAT(Step(Tagged("a"), second, false, kFinderLimits).ids, ElementsAre(first, second));
}

TEST_F(TaskFinderTest, ChildrenOnlyWhereTheyAreWanted) {
  const TaskId parent = Submit("a");
  scene_.Claim(parent, "w1");
  const std::vector<TaskId> children = scene_.Spawn(parent, 2);
  last_ = children.back();
  EXPECT_THAT(Find({}), ElementsAre(parent, children[0], children[1]));
  EXPECT_THAT(Find({}, true), ElementsAre(parent));
  v1::TaskFilter below;
  below.set_parent_id(parent);
  EXPECT_THAT(Find(below), ElementsAre(children[0], children[1]));
  EXPECT_THAT(Find(below, true), IsEmpty());
  v1::TaskFilter workflow;
  workflow.set_root_id(parent);
  EXPECT_THAT(Find(workflow, false, {1, 100, 100}), ElementsAre(parent, children[0], children[1]));
}

TEST_F(TaskFinderTest, DamagedTaskDoesNotMatchAndStopsNothing) {
  const TaskId first = Submit("a");
  const TaskId second = Submit("a");
  const TaskId third = Submit("a");
  scene_.PutRow(storage::Family::kTask, engine::TaskKey(second), "\xff\xff");
  EXPECT_THAT(Find(Tagged("a")), ElementsAre(first, third));
}

TEST_F(TaskFinderTest, FilterThatIsNotUnderstoodMatchesNothing) {
  Submit("a");
  v1::TaskFilter filter = Tagged("a");
  EXPECT_TRUE(IsUnderstood(filter));
  filter.GetReflection()->MutableUnknownFields(&filter)->AddVarint(100, 1);
  EXPECT_FALSE(IsUnderstood(filter));
  EXPECT_THAT(Find(filter), IsEmpty());
  engine::LoadRequest request;
  request.filter = "\xff\xff";
  request.range = {1, 1};
  scene_.partition().Read([&](const std::shared_ptr<const engine::View>& view) {
    const engine::Matches matches = FindTasks(*view, request);
    EXPECT_THAT(matches.ids, IsEmpty());
    EXPECT_EQ(matches.rest.count, 0u);
  });
}

}  // namespace
}  // namespace baton::service::testing
