#include <algorithm>
#include <limits>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/unit/read/list_fixture.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ListTest, AnEmptyBrokerHasNoTasks) {  // B222
  EXPECT_THAT(List(), IsEmpty());
  EXPECT_EQ(pages_, 1);
}

TEST_F(ListTest, ListsNewestFirstInPagesOfAnySize) {  // B219, B222, S61, S63, S75
  for (int i = 0; i < 5; ++i) scene_.Submit();
  for (int page_size = 1; page_size <= 6; ++page_size) {
    EXPECT_THAT(List({}, page_size), ElementsAre(5u, 4u, 3u, 2u, 1u)) << "page size " << page_size;
  }
}

TEST_F(ListTest, TasksThatComeWhilePagingDoNotDisturb) {
  for (int i = 0; i < 3; ++i) scene_.Submit();
  const std::string token = Ask({}, 2).second.next_page_token();
  scene_.Submit();
  const auto [error, page] = Ask({}, 2, token);
  ASSERT_EQ(page.tasks_size(), 1);
  EXPECT_EQ(page.tasks(0).id(), 1u);
}

TEST_F(ListTest, LeavesOutWhatIsBulky) {
  const TaskId id = scene_.Submit({.payload = "pixels"});
  scene_.Claim(id, "w1");
  scene_.Complete(id, "1");
  const auto [error, page] = Ask({});
  ASSERT_EQ(page.tasks_size(), 1);
  EXPECT_FALSE(page.tasks(0).has_payload());
  EXPECT_FALSE(page.tasks(0).has_result());
  EXPECT_EQ(page.tasks(0).state(), v1::TASK_STATE_COMPLETED);
}

TEST_F(ListTest, FiltersByTheStateThatIsShown) {  // B16, B168, B248, S17, S41, S57
  const TaskId pending = scene_.Submit();
  const TaskId paused = scene_.Submit();
  scene_.Pause(paused);
  const TaskId running = scene_.Submit();
  scene_.Claim(running, "w1");
  const TaskId suspended = scene_.Submit();
  scene_.Claim(suspended, "w1");
  scene_.Suspend(suspended, "approval");
  const TaskId parent = scene_.Submit();
  scene_.Claim(parent, "w1");
  const TaskId child = scene_.Spawn(parent, 1)[0];
  scene_.Claim(child, "w1");
  scene_.Complete(child);
  const TaskId cancelled = scene_.Submit();
  scene_.Cancel(cancelled, "ann", "");

  EXPECT_THAT(List(States({v1::TASK_STATE_PENDING})), ElementsAre(pending));
  EXPECT_THAT(List(States({v1::TASK_STATE_PAUSED})), ElementsAre(paused));
  EXPECT_THAT(List(States({v1::TASK_STATE_SUSPENDED})), ElementsAre(parent, suspended));
  EXPECT_THAT(List(States({v1::TASK_STATE_RUNNING, v1::TASK_STATE_COMPLETED})), ElementsAre(child, running));
  EXPECT_THAT(List(States({v1::TASK_STATE_CANCELLED})), ElementsAre(cancelled));
  EXPECT_THAT(List(States({v1::TASK_STATE_PERMANENTLY_FAILED})), IsEmpty());

  v1::TaskFilter awaits_decision;
  awaits_decision.set_awaits_decision(true);
  EXPECT_THAT(List(awaits_decision), ElementsAre(suspended));
  awaits_decision.add_states(v1::TASK_STATE_PAUSED);
  EXPECT_THAT(List(awaits_decision), IsEmpty());
  scene_.Pause(suspended);
  EXPECT_THAT(List(awaits_decision), ElementsAre(suspended));
}

TEST_F(ListTest, FiltersByTypeAndTag) {  // B15, B223, B246, S16, S18, S58, S59, S62, S73, S123
  const TaskId live = scene_.Submit({.type = "a", .tag = "x"});
  const TaskId ended = scene_.Submit({.type = "a", .tag = "y"});
  scene_.Cancel(ended, "ann", "");
  const TaskId other = scene_.Submit({.type = "b", .tag = "x"});
  EXPECT_THAT(List(Type("a")), ElementsAre(ended, live));
  EXPECT_THAT(List(Type("b")), ElementsAre(other));
  EXPECT_THAT(List(Type("c")), IsEmpty());
  EXPECT_THAT(List(Tag("x")), ElementsAre(other, live));
  v1::TaskFilter both = Type("a");
  both.set_tag("x");
  EXPECT_THAT(List(both), ElementsAre(live));
}

// A life for each of many tasks at the ends of some pages, told apart by class, tag and state; lists by every filter
// against what a look at all of them finds.
TEST_F(ListTest, EveryFilterFindsWhatALookAtEachTaskFinds) {  // B221, S62
  struct Known {
    TaskId id;
    std::string type, tag;
    v1::TaskState state;
  };
  std::mt19937 random(11);
  const char* const types[] = {"", "a", "b", "rare", "none"};
  const char* const tags[] = {"", "x", "y", "rare", "none"};
  std::vector<Known> known;
  for (const uint64_t page : {1, 2, 64, 65}) {
    scene_.SkipTo(page * engine::kPageIds - 100);
    for (int i = 0; i < 150; ++i) {
      Known task;
      task.type = types[random() % 50 == 0 ? 3 : 1 + random() % 2];
      task.tag = tags[random() % 50 == 0 ? 3 : random() % 3];
      task.id = scene_.Submit({.type = task.type,
                               .capabilities = random() % 3 == 0 ? engine::Capabilities{"GPU"} : engine::Capabilities(),
                               .tag = task.tag});
      task.state = v1::TASK_STATE_PENDING;
      switch (random() % 5) {
        case 0:
          scene_.Claim(task.id, "w1");
          scene_.Complete(task.id);
          task.state = v1::TASK_STATE_COMPLETED;
          break;
        case 1:
          scene_.Pause(task.id);
          task.state = v1::TASK_STATE_PAUSED;
          break;
        case 2:
          scene_.Cancel(task.id, "ann", "");
          task.state = v1::TASK_STATE_CANCELLED;
          if (random() % 2 == 0) {
            scene_.Remove(task.id);
            continue;
          }
      }
      known.push_back(task);
    }
    scene_.IndexFullPages();
  }
  const std::vector<v1::TaskFilter> states = {{},
                                              States({v1::TASK_STATE_PENDING}),
                                              States({v1::TASK_STATE_COMPLETED, v1::TASK_STATE_PAUSED}),
                                              States({v1::TASK_STATE_CANCELLED}),
                                              States({v1::TASK_STATE_RUNNING})};
  for (const v1::TaskFilter& in_states : states) {
    for (const char* type : types) {
      for (const char* tag : tags) {
        v1::TaskFilter filter = in_states;
        filter.set_type(type);
        filter.set_tag(tag);
        std::vector<TaskId> expected;
        for (const Known& task : known) {
          const auto& wanted = filter.states();
          if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), task.state) == wanted.end()) continue;
          if ((!filter.type().empty() && task.type != type) || (!filter.tag().empty() && task.tag != tag)) continue;
          expected.insert(expected.begin(), task.id);
        }
        ASSERT_EQ(List(filter, 37), expected) << filter.ShortDebugString();
      }
    }
  }
}

// Two tags with the same hash: there always are some.
TEST_F(ListTest, TagsThatLookAlikeToTheIndexAreToldApart) {
  absl::flat_hash_map<uint32_t, std::string> seen;
  std::string tag, other;
  for (int i = 0; other.empty(); ++i) {
    tag = absl::StrCat("tag", i);
    const auto [it, added] = seen.try_emplace(engine::TagHash(tag), tag);
    if (!added) other = it->second;
  }
  const TaskId first = scene_.Submit({.tag = tag});
  const TaskId second = scene_.Submit({.tag = other});
  EXPECT_THAT(List(Tag(tag)), ElementsAre(first));
  EXPECT_THAT(List(Tag(other)), ElementsAre(second));
}

TEST_F(ListTest, TasksOfOtherTypesAndTagsAreNotLookedAt) {
  scene_.settings().page_budget = 0;
  for (int i = 0; i < 50; ++i) scene_.Submit({.type = i == 20 ? "rare" : "often", .tag = i == 30 ? "x" : "y"});
  EXPECT_THAT(List(Tag("x")), ElementsAre(31u));
  EXPECT_LE(pages_, 2);
  EXPECT_THAT(List(Type("rare")), ElementsAre(21u));
  EXPECT_LE(pages_, 2);
  v1::TaskFilter both = Type("rare");
  both.set_tag("x");
  EXPECT_THAT(List(both), IsEmpty());
  EXPECT_EQ(pages_, 1);
}

TEST_F(ListTest, ADamagedTaskIsListedAsSuchAndHidesNoOther) {
  const TaskId first = scene_.Submit();
  const TaskId live = scene_.Submit();
  const TaskId ended = scene_.Submit();
  scene_.Cancel(ended, "ann", "");
  const TaskId last = scene_.Submit();
  for (const TaskId id : {live, ended}) scene_.PutRow(storage::Family::kTask, engine::TaskKey(id), "\xff\xff\xff");
  const auto [error, page] = Ask({});
  ASSERT_TRUE(error.ok()) << error.message;
  ASSERT_EQ(page.tasks_size(), 4);
  EXPECT_EQ(page.tasks(0).id(), last);
  EXPECT_EQ(page.tasks(1).id(), ended);
  EXPECT_EQ(page.tasks(1).state(), v1::TASK_STATE_CANCELLED);
  EXPECT_NE(page.tasks(1).last_error().find("batond verify"), std::string::npos);
  EXPECT_EQ(page.tasks(2).id(), live);
  EXPECT_EQ(page.tasks(2).type(), page.tasks(0).type());
  EXPECT_EQ(page.tasks(2).state(), v1::TASK_STATE_PENDING);
  EXPECT_NE(page.tasks(2).waiting_for().find("is set aside, all others go on"), std::string::npos);
  EXPECT_EQ(page.tasks(3).id(), first);
}

// The row of options has gone: the broker ended with an exception.
TEST_F(ListTest, ATaskWhoseOptionsAreLostHidesNoOther) {
  const TaskId id = scene_.Submit();
  scene_.Claim(id, "w1");
  scene_.Log(id, Step::FAILED, LiveState::PENDING, [](Step& step) { step.mutable_after()->set_options_number(99); });
  const TaskId other = scene_.Submit();
  const auto [error, page] = Ask({});
  ASSERT_TRUE(error.ok()) << error.message;
  ASSERT_EQ(page.tasks_size(), 2);
  EXPECT_EQ(page.tasks(0).id(), other);
  EXPECT_THAT(page.tasks(1).waiting_for(), HasSubstr("the options 99 of an attempt of task 1 are missing"));
}

TEST_F(ListTest, DamagedIndexIsTold) {
  scene_.SkipTo(engine::kPageIds - 1);
  scene_.Submit({.tag = "x"});
  scene_.IndexFullPages();
  const uint32_t hash = engine::TagHash("x");
  scene_.PutRow(storage::Family::kIndex, engine::IndexKey(0, engine::IndexKind::kTag, engine::BucketOf(hash)), "\xff");
  EXPECT_THAT(Ask(Tag("x")).first, ErrorIs(StatusCode::kDataLoss, "STORE_DAMAGED"));
  EXPECT_TRUE(Ask({}).first.ok());
}

TEST_F(ListTest, FiltersByParentOverAllSpawns) {  // B223
  const TaskId parent = scene_.Submit();
  scene_.Claim(parent, "w1");
  const std::vector<TaskId> first = scene_.Spawn(parent, 2);
  scene_.ChildrenEnded(parent);
  scene_.Submit();
  scene_.Claim(parent, "w1");
  scene_.Fail(parent, "boom");
  scene_.Claim(parent, "w1");
  const std::vector<TaskId> second = scene_.Spawn(parent, 2);
  scene_.Submit();
  for (const int page_size : {1, 2, 10}) {
    EXPECT_THAT(List(Parent(parent), page_size), ElementsAre(second[1], second[0], first[1], first[0]))
        << "page size " << page_size;
  }
  EXPECT_THAT(List(Parent(first[0])), IsEmpty());
  EXPECT_THAT(List(Parent(12345)), IsEmpty());
}

TEST_F(ListTest, FiltersByWorkflowAndByPartOfOne) {  // B221
  const TaskId root = scene_.Submit();
  scene_.Claim(root, "w1");
  const std::vector<TaskId> children = scene_.Spawn(root, 2);
  const TaskId other = scene_.Submit();
  scene_.Claim(children[0], "w1");
  const TaskId grandchild = scene_.Submit({.parent = children[0], .root = root});
  const TaskId great = scene_.Submit({.parent = grandchild, .root = root});
  EXPECT_THAT(List(Root(root)), ElementsAre(great, grandchild, children[1], children[0], root));
  EXPECT_THAT(List(Root(children[0])), ElementsAre(great, grandchild, children[0]));
  EXPECT_THAT(List(Root(children[1])), ElementsAre(children[1]));
  EXPECT_THAT(List(Root(other)), ElementsAre(other));
  EXPECT_THAT(List(Root(999)), IsEmpty());
  v1::TaskFilter both = Root(children[0]);
  both.set_parent_id(root);
  EXPECT_THAT(List(both), ElementsAre(children[0]));
}

TEST_F(ListTest, StagedAndRemovedTasksAreNotThere) {
  const TaskId parent = scene_.Submit();
  scene_.Submit({.parent = parent, .root = parent, .staged = true});
  const TaskId removed = scene_.Submit();
  scene_.Cancel(removed, "ann", "");
  scene_.Remove(removed);
  EXPECT_THAT(List(), ElementsAre(parent));
}

TEST_F(ListTest, WalksOverPagesThatAreGone) {
  const TaskId old = scene_.Submit();
  scene_.SkipTo(5 * engine::kPageIds + 3);
  const TaskId young = scene_.Submit();
  EXPECT_THAT(List(), ElementsAre(young, old));
}

TEST_F(ListTest, ASearchThatTakesTooLongGoesOnWithTheNextPage) {
  scene_.settings().page_budget = 0;
  const TaskId root = scene_.Submit();
  for (int i = 0; i < 3; ++i) scene_.Submit();
  EXPECT_THAT(List(Root(root)), ElementsAre(root));
  EXPECT_EQ(pages_, 4) << "each page looks at one task, and most of them are empty";
}

TEST_F(ListTest, PagesAreCutByBytes) {
  scene_.settings().page_bytes = 1000;
  for (int i = 0; i < 10; ++i) scene_.Submit({.unique_key = std::string(256, 'k')});
  const auto [error, page] = Ask({});
  EXPECT_GE(page.tasks_size(), 1);
  EXPECT_LE(page.ByteSizeLong(), 1000u);
  EXPECT_EQ(List().size(), 10u);
}

TEST_F(ListTest, RefusesFiltersThatMeanNothing) {  // B93, B221, S32, S60, S63
  const auto bad = ErrorIs(StatusCode::kInvalidArgument, "BAD_FILTER");
  EXPECT_THAT(Ask(Type("two words")).first, bad);
  EXPECT_THAT(Ask(Type("two words")).first.message, HasSubstr("filter.type is 'two words'"));
  EXPECT_THAT(Ask(Tag(std::string(129, 'a'))).first, bad);
  EXPECT_THAT(Ask(Tag(std::string("a\0b", 3))).first, bad);
  EXPECT_THAT(Ask(States({v1::TASK_STATE_UNSPECIFIED})).first, bad);
  EXPECT_THAT(Ask(States({static_cast<v1::TaskState>(42)})).first, bad);
  EXPECT_THAT(Ask(States({static_cast<v1::TaskState>(42)})).first.message, HasSubstr("42"));
  v1::TaskFilter filter;
  filter.set_schedule("two words");
  EXPECT_THAT(Ask(filter).first, bad);
  filter.Clear();
  filter.set_worker_id("two words");
  EXPECT_THAT(Ask(filter).first, bad);
  filter.Clear();
  filter.set_error(std::string(1025, 'x'));
  EXPECT_THAT(Ask(filter).first.message, HasSubstr("filter.error has 1025 bytes"));
  filter.Clear();
  filter.mutable_created_since()->set_seconds(std::numeric_limits<int64_t>::max());
  EXPECT_THAT(Ask(filter).first.message, HasSubstr("filter.created_since.seconds is 9223372036854775807"));
  filter.mutable_created_since()->set_seconds(5);
  filter.mutable_created_since()->set_nanos(-1);
  EXPECT_THAT(Ask(filter).first.message, HasSubstr("filter.created_since.nanos is -1"));
  filter.mutable_created_since()->set_nanos(0);
  filter.mutable_created_before()->set_seconds(5);
  EXPECT_THAT(Ask(filter).first.message, HasSubstr("filter.created_since is not before filter.created_before"));
  filter.Clear();
  filter.GetReflection()->MutableUnknownFields(&filter)->AddVarint(99, 1);
  EXPECT_THAT(Ask(filter).first.message, HasSubstr("a condition that this broker does not know"));
}

TEST_F(ListTest, ATokenIsGoodForItsFilterOnly) {  // B220
  for (int i = 0; i < 3; ++i) scene_.Submit();
  const std::string token = Ask(Type("render"), 1).second.next_page_token();
  ASSERT_FALSE(token.empty());
  EXPECT_TRUE(Ask(Type("render"), 2, token).first.ok());
  EXPECT_THAT(Ask(Type("other"), 1, token).first, ErrorIs(StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN"));
  EXPECT_THAT(Ask({}, 1, "nonsense").first, ErrorIs(StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN"));
  EXPECT_THAT(Ask({}, -1).first, ErrorIs(StatusCode::kInvalidArgument, "PAGE_SIZE"));
}

}  // namespace
}  // namespace baton::service::testing
