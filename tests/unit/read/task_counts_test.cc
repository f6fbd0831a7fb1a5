// Counts of tasks by tag, type and state.
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <utility>

#include "broker/engine/format/keys.h"
#include "broker/service/read/convert.h"
#include "tests/unit/read/list_fixture.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class CountTest : public ListTest {
 protected:
  using Group = std::tuple<std::string, std::string, v1::TaskState>;
  using Groups = std::map<Group, uint64_t>;

  std::pair<Error, v1::CountTasksResponse> AskCounts(const v1::TaskFilter& filter, bool by_tag = false,
                                                     const std::string& token = "") {
    v1::CountTasksRequest request;
    *request.mutable_filter() = filter;
    request.set_group_by_tag(by_tag);
    request.set_page_token(token);
    return scene_.Ask(&ReadService::CountTasks, request);
  }
  // Of all pages together; the tag is "" where they are not counted apart.
  Groups Count(const v1::TaskFilter& filter = {}, bool by_tag = false) {
    Groups groups;
    std::string token;
    pages_ = 0;
    do {
      auto [error, page] = AskCounts(filter, by_tag, token);
      EXPECT_TRUE(error.ok()) << error.message;
      Add(page, by_tag, &groups);
      token = page.next_page_token();
      ++pages_;
    } while (!token.empty());
    return groups;
  }
  static void Add(const v1::CountTasksResponse& page, bool by_tag, Groups* groups) {
    const Group* last = nullptr;
    for (const v1::TaskCount& count : page.counts()) {
      EXPECT_EQ(count.has_tag(), by_tag);
      EXPECT_GE(count.tasks(), 1u);
      const Group group(count.tag(), count.type(), count.state());
      if (last != nullptr) {
        EXPECT_LT(*last, group) << "a page is in order, and has each group once";
      }
      const auto place = groups->try_emplace(group, 0).first;
      place->second += count.tasks();
      last = &place->first;
    }
  }
  static Group Untagged(const std::string& type, v1::TaskState state) { return {"", type, state}; }

  TaskId Completed(const Scene::NewTask& task) {
    const TaskId id = scene_.Submit(task);
    scene_.Claim(id, "w1");
    scene_.Complete(id);
    return id;
  }
};

TEST_F(CountTest, AnEmptyBrokerCountsNothing) {
  EXPECT_THAT(Count(), IsEmpty());
  EXPECT_THAT(Count({}, true), IsEmpty());
  EXPECT_EQ(pages_, 1);
}

TEST_F(CountTest, CountsATagByTypeAndState) {  // B247, S74
  scene_.Submit({.type = "a", .tag = "x"});
  scene_.Submit({.type = "a", .tag = "x"});
  Completed({.type = "b", .tag = "x"});
  scene_.Submit({.type = "a", .tag = "y"});
  scene_.Submit({.type = "a"});
  v1::TaskFilter filter = Tag("x");
  EXPECT_THAT(Count(filter), ElementsAre(Pair(Untagged("a", v1::TASK_STATE_PENDING), 2u),
                                         Pair(Untagged("b", v1::TASK_STATE_COMPLETED), 1u)));
  filter.add_states(v1::TASK_STATE_PENDING);
  EXPECT_THAT(Count(filter), ElementsAre(Pair(Untagged("a", v1::TASK_STATE_PENDING), 2u)));
  filter.set_type("b");
  EXPECT_THAT(Count(filter), IsEmpty());
}

TEST_F(CountTest, TasksOfATagThatEndTogetherAreCountedTogether) {  // S124
  for (int i = 0; i < 2; ++i) Completed({.type = "a", .tag = "x"});
  v1::TaskFilter filter = Tag("x");
  EXPECT_THAT(Count(filter), ElementsAre(Pair(Untagged("a", v1::TASK_STATE_COMPLETED), 2u)));
  filter.add_states(v1::TASK_STATE_COMPLETED);
  EXPECT_THAT(Count(filter), ElementsAre(Pair(Untagged("a", v1::TASK_STATE_COMPLETED), 2u)));
}

TEST_F(CountTest, TasksWithoutATagAreAGroupOfTheirOwn) {  // B247
  scene_.Submit({.type = "a", .tag = "x"});
  scene_.Submit({.type = "a", .tag = "y"});
  scene_.Submit({.type = "b", .tag = "y"});
  for (int i = 0; i < 3; ++i) scene_.Submit({.type = "a"});
  EXPECT_THAT(Count({}, true), ElementsAre(Pair(Group("", "a", v1::TASK_STATE_PENDING), 3u),
                                           Pair(Group("x", "a", v1::TASK_STATE_PENDING), 1u),
                                           Pair(Group("y", "a", v1::TASK_STATE_PENDING), 1u),
                                           Pair(Group("y", "b", v1::TASK_STATE_PENDING), 1u)));
  EXPECT_THAT(Count(Type("b"), true), ElementsAre(Pair(Group("y", "b", v1::TASK_STATE_PENDING), 1u)));
}

TEST_F(CountTest, TellsTheLongestWaitOfWhatIsDue) {  // B247
  scene_.Submit({.type = "a", .tag = "x"});
  scene_.Submit({.type = "held", .tag = "x"});
  scene_.Pause(scene_.Submit({.type = "a", .tag = "x"}));
  scene_.Pass(kMinute);
  scene_.Submit({.type = "a", .tag = "x"});
  scene_.Submit({.type = "a", .tag = "y"});
  scene_.Submit({.type = "later", .tag = "y", .delay = kHour});
  Completed({.type = "a", .tag = "y"});
  records::v1::TypeRow held;
  held.mutable_pause()->set_actor("ann");
  scene_.PutRow(storage::Family::kMeta, engine::TypeMetaKey("held"), held.SerializeAsString());
  scene_.Pass(5 * kSecond);
  const auto [error, page] = AskCounts({}, true);
  EXPECT_TRUE(error.ok()) << error.message;
  std::vector<std::string> waits;
  for (const v1::TaskCount& count : page.counts()) {
    if (!count.has_oldest_due()) continue;
    waits.push_back(absl::StrCat(count.tag(), " ", count.type(), " ", v1::TaskState_Name(count.state()), " ",
                                 count.oldest_due().seconds()));
  }
  EXPECT_THAT(waits, ElementsAre("x a TASK_STATE_PENDING 65", "y a TASK_STATE_PENDING 5"));
}

TEST_F(CountTest, CountsTheStateThatIsShown) {
  const TaskId paused = scene_.Submit();
  scene_.Pause(paused);
  const TaskId parent = scene_.Submit();
  scene_.Claim(parent, "w1");
  scene_.Spawn(parent, 2);
  scene_.Submit({.staged = true});
  const TaskId failed = scene_.Submit();
  scene_.Claim(failed, "w1");
  scene_.FailForGood(failed, "no luck");
  const TaskId removed = scene_.Submit();
  scene_.Cancel(removed, "ann", "");
  scene_.Remove(removed);
  EXPECT_THAT(Count(), ElementsAre(Pair(Untagged("chunk", v1::TASK_STATE_PENDING), 2u),
                                   Pair(Untagged("render", v1::TASK_STATE_SUSPENDED), 1u),
                                   Pair(Untagged("render", v1::TASK_STATE_PERMANENTLY_FAILED), 1u),
                                   Pair(Untagged("render", v1::TASK_STATE_PAUSED), 1u)));
}

// Lives at the ends of some pages; every filter counts just what a list with it has.
TEST_F(CountTest, CountsWhatIsListed) {  // B247
  std::mt19937 random(5);
  const char* const types[] = {"", "a", "b"};
  const char* const tags[] = {"", "x", "y"};
  std::map<TaskId, std::string> tag_of;
  for (const uint64_t page : {1, 2, 65}) {
    scene_.SkipTo(page * engine::kPageIds - 40);
    for (int i = 0; i < 60; ++i) {
      const char* const tag = tags[random() % 3];
      const Scene::NewTask task = {.type = types[1 + random() % 2], .tag = tag};
      const TaskId id = random() % 2 == 0 ? Completed(task) : scene_.Submit(task);
      tag_of[id] = tag;
      if (random() % 9 == 0 && scene_.Get(id).state() == v1::TASK_STATE_COMPLETED) scene_.Remove(id);
    }
    scene_.IndexFullPages();
  }
  scene_.settings().page_budget = 0;
  for (const char* type : types) {
    for (const char* tag : tags) {
      v1::TaskFilter filter;
      filter.set_type(type);
      filter.set_tag(tag);
      Groups all, by_tag;
      for (const TaskId id : List(filter)) {
        const v1::Task task = scene_.Get(id);
        ++all[Untagged(task.type(), task.state())];
        ++by_tag[Group(tag_of.at(id), task.type(), task.state())];
      }
      EXPECT_EQ(Count(filter), all) << filter.ShortDebugString();
      EXPECT_EQ(Count(filter, true), by_tag) << filter.ShortDebugString();
    }
  }
}

TEST_F(CountTest, APageTakesNoLongerThanItsTime) {
  scene_.settings().page_budget = 0;
  for (int i = 0; i < 5; ++i) scene_.Submit();
  EXPECT_THAT(Count(), ElementsAre(Pair(Untagged("render", v1::TASK_STATE_PENDING), 5u)));
  EXPECT_EQ(pages_, 5) << "each page gets on by a task, however short the time is";
}

TEST_F(CountTest, APageWithManyGroupsIsCut) {
  scene_.settings().page_bytes = 100;
  for (int i = 0; i < 12; ++i) scene_.Submit({.tag = std::string(1, static_cast<char>('a' + i))});
  EXPECT_EQ(Count({}, true).size(), 12u);
  EXPECT_GT(pages_, 2);
  EXPECT_LT(pages_, 12);
  EXPECT_EQ(Count().size(), 1u);
  EXPECT_EQ(pages_, 1);
}

TEST_F(CountTest, TasksThatComeOrChangeMeanwhileAreCountedOnceAtMost) {
  scene_.settings().page_budget = 0;
  const TaskId first = scene_.Submit();
  const TaskId second = scene_.Submit();
  const auto [error, page] = AskCounts({});
  ASSERT_TRUE(error.ok()) << error.message;
  Groups groups;
  Add(page, false, &groups);
  for (const TaskId id : {first, second}) scene_.Claim(id, "w1");
  scene_.Submit();
  const auto [next_error, next] = AskCounts({}, false, page.next_page_token());
  ASSERT_TRUE(next_error.ok()) << next_error.message;
  Add(next, false, &groups);
  EXPECT_THAT(groups, ElementsAre(Pair(Untagged("render", v1::TASK_STATE_PENDING), 1u),
                                  Pair(Untagged("render", v1::TASK_STATE_RUNNING), 1u)));
  EXPECT_EQ(next.next_page_token(), "");
}

TEST_F(CountTest, ATokenIsGoodForOneCount) {
  scene_.settings().page_budget = 0;
  for (int i = 0; i < 3; ++i) scene_.Submit();
  const std::string token = AskCounts({}).second.next_page_token();
  ASSERT_NE(token, "");
  const auto is_refused = ErrorIs(StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN");
  EXPECT_TRUE(AskCounts({}, false, token).first.ok());
  EXPECT_THAT(AskCounts({}, true, token).first, is_refused);
  EXPECT_THAT(AskCounts(Type("render"), false, token).first, is_refused);
  EXPECT_THAT(Ask({}, 0, token).first, is_refused) << "a list of the same tasks";
  EXPECT_THAT(AskCounts({}, false, Ask({}, 1).second.next_page_token()).first, is_refused);
}

TEST_F(CountTest, RefusesAFilterThatCannotMeanAnything) {
  EXPECT_THAT(AskCounts(States({v1::TASK_STATE_UNSPECIFIED})).first,
              ErrorIs(StatusCode::kInvalidArgument, "BAD_FILTER"));
  v1::TaskFilter unknown;
  unknown.GetReflection()->MutableUnknownFields(&unknown)->AddVarint(999, 1);
  EXPECT_THAT(AskCounts(unknown).first, ErrorIs(StatusCode::kInvalidArgument, "BAD_FILTER"));
}

TEST_F(CountTest, ADamagedTaskIsTold) {
  scene_.Submit({.type = "a"});
  const TaskId damaged = scene_.Submit({.type = "b"});
  scene_.PutRow(storage::Family::kTask, engine::TaskKey(damaged), "\xff");
  EXPECT_THAT(AskCounts({}).first, ErrorIs(StatusCode::kDataLoss, "STORE_DAMAGED"));
  EXPECT_THAT(Count(Type("a")), ElementsAre(Pair(Untagged("a", v1::TASK_STATE_PENDING), 1u)));
}

}  // namespace
}  // namespace baton::service::testing
