// Watching tasks: what is told of the journal, in which bits, and where it goes on.
#include <atomic>
#include <optional>

#include "broker/service/read/watches.h"
#include "tests/unit/read/list_fixture.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;
using records::v1::JournalEntry;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WatchTest : public ListTest {
 protected:
  // A watch of what the request says; the fake partition answers at once.
  class Call {
   public:
    Call(Scene* scene, const v1::WatchRequest& request) {
      error_ = scene->reads().watches().Open(
          request, [this] { ++changed_; }, &watch_);
    }
    const Error& error() const { return error_; }
    int changed() const { return changed_; }
    // One response.
    v1::WatchResponse Next() {
      v1::WatchResponse answer;
      watch_->Look([&](Error error, v1::WatchResponse response) {
        error_ = std::move(error);
        answer = std::move(response);
      });
      EXPECT_TRUE(error_.ok()) << error_.reason << ": " << error_.message;
      EXPECT_NE(answer.resume_token(), "");
      token_ = answer.resume_token();
      return answer;
    }
    Error NextError() {
      Error answer;
      watch_->Look([&](Error error, const v1::WatchResponse&) { answer = std::move(error); });
      return answer;
    }
    // Ids of the next response, in its order.
    std::vector<TaskId> NextIds() { return IdsOf(Next()); }
    const std::string& token() const { return token_; }

   private:
    Error error_;
    std::atomic<int> changed_ = 0;
    std::string token_;
    std::shared_ptr<OpenWatch> watch_;
  };

  static std::vector<TaskId> IdsOf(const v1::WatchResponse& response) {
    std::vector<TaskId> ids;
    for (const v1::Task& task : response.tasks()) ids.push_back(task.id());
    return ids;
  }
  static v1::WatchRequest For(const v1::TaskFilter& filter, const std::string& token = "") {
    v1::WatchRequest request;
    *request.mutable_filter() = filter;
    request.set_resume_token(token);
    return request;
  }
  static v1::WatchRequest Initial(const v1::TaskFilter& filter = {}) {
    v1::WatchRequest request = For(filter);
    request.set_initial(true);
    return request;
  }
  static v1::WatchRequest Only(TaskId id, bool initial = false) {
    v1::WatchRequest request;
    request.set_task_id(id);
    request.set_initial(initial);
    return request;
  }
  static v1::WatchRequest After(const v1::WatchRequest& request, const std::string& token) {
    v1::WatchRequest again = request;
    again.set_resume_token(token);
    return again;
  }
  std::vector<TaskId> SubmitMany(int count, const std::string& tag = "") {
    std::vector<TaskId> ids;
    for (int i = 0; i < count; ++i) ids.push_back(scene_.Submit({.tag = tag}));
    return ids;
  }
  // One commit that changes them all.
  void Change(const std::vector<TaskId>& ids) {
    JournalEntry entry;
    for (const TaskId id : ids) entry.add_reported(id);
    scene_.CommitEntry(&entry);
  }
};

TEST_F(WatchTest, TheFirstResponseTellsNothingButWhereItBegins) {
  scene_.Submit();
  Call call(&scene_, {});
  const v1::WatchResponse first = call.Next();
  EXPECT_THAT(first.tasks(), IsEmpty());
  EXPECT_TRUE(first.caught_up());
}

TEST_F(WatchTest, AChangedTaskIsToldAsItIsNow) {
  const TaskId id = scene_.Submit({.tag = "a", .payload = "much"});
  Call call(&scene_, {});
  call.Next();
  EXPECT_EQ(call.changed(), 0);
  scene_.Claim(id, "w1");
  EXPECT_EQ(call.changed(), 1);
  const v1::WatchResponse running = call.Next();
  ASSERT_EQ(running.tasks_size(), 1);
  EXPECT_EQ(running.tasks(0).state(), v1::TASK_STATE_RUNNING);
  EXPECT_EQ(running.tasks(0).worker_id(), "w1");
  EXPECT_EQ(running.tasks(0).tag(), "a");
  EXPECT_FALSE(running.tasks(0).has_payload());
  EXPECT_TRUE(running.caught_up());
  scene_.Complete(id, "7");
  EXPECT_EQ(call.changed(), 2);
  const v1::WatchResponse ended = call.Next();
  ASSERT_EQ(ended.tasks_size(), 1);
  EXPECT_EQ(ended.tasks(0).state(), v1::TASK_STATE_COMPLETED);
  EXPECT_FALSE(ended.tasks(0).has_result());
  EXPECT_THAT(call.NextIds(), IsEmpty());
}

TEST_F(WatchTest, SeveralChangesAreToldOnceInTheOrderOfTheFirst) {
  const TaskId first = scene_.Submit();
  const TaskId second = scene_.Submit();
  Call call(&scene_, {});
  call.Next();
  scene_.Claim(second, "w1");
  scene_.Claim(first, "w1");
  scene_.Complete(second);
  const TaskId third = scene_.Submit();
  EXPECT_EQ(call.changed(), 1) << "called once until the next look";
  const v1::WatchResponse response = call.Next();
  EXPECT_THAT(IdsOf(response), ElementsAre(second, first, third));
  EXPECT_EQ(response.tasks(0).state(), v1::TASK_STATE_COMPLETED);
}

TEST_F(WatchTest, OnlyWhatMatchesIsTold) {
  const TaskId plain = scene_.Submit();
  const TaskId tagged = scene_.Submit({.tag = "a"});
  v1::TaskFilter completed = States({v1::TASK_STATE_COMPLETED});
  completed.set_tag("a");
  Call by_both(&scene_, For(completed));
  Call by_state(&scene_, For(States({v1::TASK_STATE_COMPLETED})));
  Call by_type(&scene_, For(Type("other")));
  for (Call* call : {&by_both, &by_state, &by_type}) call->Next();
  for (const TaskId id : {plain, tagged}) scene_.Claim(id, "w1");
  for (Call* call : {&by_both, &by_state, &by_type}) EXPECT_THAT(call->NextIds(), IsEmpty());
  for (const TaskId id : {plain, tagged}) scene_.Complete(id);
  EXPECT_THAT(by_both.NextIds(), ElementsAre(tagged));
  EXPECT_THAT(by_state.NextIds(), ElementsAre(plain, tagged));
  EXPECT_THAT(by_type.NextIds(), IsEmpty());
}

TEST_F(WatchTest, ADamagedTaskIsToldAsSuchAndEndsNoWatch) {
  const std::vector<TaskId> ids = SubmitMany(3);
  Call call(&scene_, {});
  call.Next();
  scene_.PutRow(storage::Family::kTask, engine::TaskKey(ids[1]), "\xff\xff\xff");
  Change(ids);
  const v1::WatchResponse response = call.Next();
  ASSERT_THAT(IdsOf(response), ElementsAre(ids[0], ids[1], ids[2]));
  EXPECT_THAT(response.tasks(1).waiting_for(), ::testing::HasSubstr("is set aside, all others go on"));
  EXPECT_EQ(response.tasks(1).state(), v1::TASK_STATE_PENDING);
  scene_.Claim(ids[2], "w1");
  EXPECT_THAT(call.NextIds(), ElementsAre(ids[2]));
}

TEST_F(WatchTest, WorkflowsAndChildrenAreFollowed) {
  const TaskId other = scene_.Submit();
  const TaskId root = scene_.Submit();
  scene_.Claim(root, "w1");
  Call by_root(&scene_, For(Root(root)));
  Call by_parent(&scene_, For(Parent(root)));
  by_root.Next();
  by_parent.Next();
  const std::vector<TaskId> children = scene_.Spawn(root, 2);
  scene_.Claim(other, "w1");
  EXPECT_THAT(by_root.NextIds(), ::testing::UnorderedElementsAre(root, children[0], children[1]));
  EXPECT_THAT(by_parent.NextIds(), ElementsAre(children[0], children[1]));
}

TEST_F(WatchTest, OneTaskIsWatchedAndNothingElseWakesItsWatcher) {
  const TaskId id = scene_.Submit();
  const TaskId other = scene_.Submit();
  Call call(&scene_, Only(id, /*initial=*/true));
  EXPECT_THAT(call.NextIds(), ElementsAre(id));
  scene_.Claim(other, "w1");
  EXPECT_EQ(call.changed(), 0);
  EXPECT_THAT(call.NextIds(), IsEmpty());
  scene_.Claim(id, "w1");
  EXPECT_EQ(call.changed(), 1);
  EXPECT_THAT(call.NextIds(), ElementsAre(id));
  Call gone(&scene_, Only(id));
  scene_.Complete(id);
  scene_.Remove(id);
  EXPECT_THAT(gone.NextError(), ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED"));
  Call unknown(&scene_, Only(99));
  EXPECT_THAT(unknown.NextError(), ErrorIs(StatusCode::kNotFound, "TASK_NOT_FOUND"));
}

TEST_F(WatchTest, InitialTellsAllThatMatchPageByPageAndThenWhatChangedSince) {
  scene_.settings().max_page_size = 2;
  const std::vector<TaskId> ids = SubmitMany(5, "a");
  scene_.Submit();
  Call call(&scene_, Initial(Tag("a")));
  const v1::WatchResponse first = call.Next();
  EXPECT_THAT(IdsOf(first), ElementsAre(ids[4], ids[3]));
  EXPECT_FALSE(first.caught_up());
  scene_.Claim(ids[4], "w1");  // Told already; its change comes after all others.
  const TaskId late = scene_.Submit({.tag = "a"});
  EXPECT_THAT(call.NextIds(), ElementsAre(ids[2], ids[1]));
  EXPECT_THAT(call.NextIds(), ElementsAre(ids[0]));
  const v1::WatchResponse last = call.Next();
  EXPECT_THAT(IdsOf(last), ElementsAre(ids[4], late));
  EXPECT_TRUE(last.caught_up());
}

TEST_F(WatchTest, AFirstTellingThatWasCutOffGoesOnWithItsToken) {
  scene_.settings().max_page_size = 2;
  const std::vector<TaskId> ids = SubmitMany(3);
  const v1::WatchRequest request = Initial();
  std::string token;
  {
    Call call(&scene_, request);
    EXPECT_THAT(call.NextIds(), ElementsAre(ids[2], ids[1]));
    token = call.token();
  }
  scene_.Claim(ids[2], "w1");
  Call again(&scene_, After(request, token));
  EXPECT_THAT(again.NextIds(), ElementsAre(ids[0]));
  EXPECT_THAT(again.NextIds(), ElementsAre(ids[2]));
}

TEST_F(WatchTest, ATokenMissesNothingAndRepeatsNothing) {
  const std::vector<TaskId> ids = SubmitMany(3);
  std::string token;
  {
    Call call(&scene_, {});
    call.Next();
    scene_.Claim(ids[0], "w1");
    EXPECT_THAT(call.NextIds(), ElementsAre(ids[0]));
    token = call.token();
  }
  scene_.Claim(ids[1], "w1");
  scene_.CommitEntry(nullptr);
  scene_.Claim(ids[2], "w1");
  Call again(&scene_, For({}, token));
  EXPECT_THAT(again.NextIds(), ElementsAre(ids[1], ids[2]));
  EXPECT_THAT(again.NextIds(), IsEmpty());
}

TEST_F(WatchTest, AResponseIsCutByCountInTheMiddleOfACommit) {
  scene_.settings().max_page_size = 2;
  const std::vector<TaskId> ids = SubmitMany(5);
  Call call(&scene_, {});
  call.Next();
  Change(ids);
  const v1::WatchResponse first = call.Next();
  EXPECT_THAT(IdsOf(first), ElementsAre(ids[0], ids[1]));
  EXPECT_FALSE(first.caught_up());
  Call resumed(&scene_, For({}, call.token()));
  for (Call* watch : {&call, &resumed}) {
    EXPECT_THAT(watch->NextIds(), ElementsAre(ids[2], ids[3]));
    const v1::WatchResponse last = watch->Next();
    EXPECT_THAT(IdsOf(last), ElementsAre(ids[4]));
    EXPECT_TRUE(last.caught_up());
  }
}

TEST_F(WatchTest, AResponseIsCutByBytesInTheMiddleOfACommit) {
  scene_.settings().page_bytes = 1000;
  std::vector<TaskId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(scene_.Submit({.unique_key = std::string(600, 'k')}));
  Call call(&scene_, {});
  call.Next();
  Change(ids);
  for (const TaskId id : ids) {
    const v1::WatchResponse response = call.Next();
    EXPECT_THAT(IdsOf(response), ElementsAre(id)) << "one that is larger than the limit is told alone";
    EXPECT_EQ(response.caught_up(), id == ids.back());
  }
}

TEST_F(WatchTest, ALongRunOfIdsIsNotGoneThroughAtOnce) {
  const TaskId id = scene_.Submit();
  Call call(&scene_, Initial(Root(id)));
  call.Next();
  JournalEntry entry;
  entry.add_sealed()->set_first(1000);
  entry.mutable_sealed(0)->set_count(300'000);
  entry.add_reported(id);
  scene_.CommitEntry(&entry);
  int empty = 0;
  v1::WatchResponse response = call.Next();
  for (; response.tasks().empty() && empty < 10; ++empty) response = call.Next();
  EXPECT_THAT(IdsOf(response), ElementsAre(id));
  EXPECT_EQ(empty, 2);
}

TEST_F(WatchTest, WhatTheJournalDoesNotReachBackToIsExpired) {
  const std::vector<TaskId> ids = SubmitMany(3);
  Call call(&scene_, {});
  call.Next();
  Call idle(&scene_, {});
  idle.Next();
  scene_.Claim(ids[0], "w1");
  scene_.Claim(ids[1], "w1");
  scene_.TrimJournal(3);
  EXPECT_THAT(call.NextIds(), ElementsAre(ids[0], ids[1])) << "only what came before is gone";
  scene_.TrimJournal(6);
  EXPECT_THAT(call.NextIds(), IsEmpty()) << "what it was told is not needed";
  EXPECT_THAT(idle.NextError(), ErrorIs(StatusCode::kOutOfRange, "WATCH_EXPIRED"));
  Call resumed(&scene_, For({}, idle.token()));
  EXPECT_THAT(resumed.NextError(), ErrorIs(StatusCode::kOutOfRange, "WATCH_EXPIRED"));
  // A commit without an entry is no gap.
  Call fresh(&scene_, {});
  fresh.Next();
  scene_.CommitEntry(nullptr);
  EXPECT_THAT(fresh.NextIds(), IsEmpty());
}

TEST_F(WatchTest, TokensOfOtherWatchesAreRefused) {
  const TaskId id = scene_.Submit();
  Call call(&scene_, {});
  call.Next();
  const auto error = [&](const v1::WatchRequest& request) { return Call(&scene_, request).error(); };
  EXPECT_TRUE(error(For({}, call.token())).ok());
  for (const v1::WatchRequest& request : {For(Tag("a"), call.token()), After(Only(id), call.token()),
                                          For({}, "garbage"), For({}, "!"), For({}, call.token().substr(1))}) {
    EXPECT_THAT(error(request), ErrorIs(StatusCode::kInvalidArgument, "BAD_RESUME_TOKEN"));
  }
  TaskWatch other;
  EXPECT_THAT(other.Begin(For({}, call.token()), 78), ErrorIs(StatusCode::kOutOfRange, "WATCH_EXPIRED"));
}

TEST_F(WatchTest, BadFiltersAndTooManyWatchesAreRefused) {
  scene_.settings().max_watches = 1;
  EXPECT_THAT(Call(&scene_, For(States({v1::TASK_STATE_UNSPECIFIED}))).error(),
              ErrorIs(StatusCode::kInvalidArgument, "BAD_FILTER"));
  {
    Call first(&scene_, {});
    EXPECT_TRUE(first.error().ok());
    EXPECT_THAT(Call(&scene_, {}).error(), ErrorIs(StatusCode::kResourceExhausted, "TOO_MANY_WATCHES"));
  }
  EXPECT_TRUE(Call(&scene_, {}).error().ok());
  EXPECT_EQ(scene_.partition().watches(), 0u);
  scene_.reads().Stop();
  EXPECT_THAT(Call(&scene_, {}).error(), ErrorIs(StatusCode::kUnavailable, "STOPPING"));
}

TEST_F(WatchTest, AChangeWhileALookIsUnderWayIsNotMissed) {
  const TaskId id = scene_.Submit();
  Call call(&scene_, {});
  call.Next();
  std::optional<v1::WatchResponse> looked;
  std::shared_ptr<OpenWatch> watch;
  int changed = 0;
  EXPECT_TRUE(scene_.reads()
                  .watches()
                  .Open(
                      {}, [&] { ++changed; }, &watch)
                  .ok());
  scene_.partition().HoldReads(true);
  watch->Look([&](const Error&, v1::WatchResponse response) { looked = std::move(response); });
  scene_.Claim(id, "w1");
  EXPECT_EQ(changed, 1);
  EXPECT_FALSE(looked.has_value());
  scene_.partition().HoldReads(false);
  EXPECT_TRUE(looked.has_value());
}

}  // namespace
}  // namespace baton::service::testing
