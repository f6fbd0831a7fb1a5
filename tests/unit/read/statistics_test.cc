#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

class StatisticsTest : public ::testing::Test {
 protected:
  v1::GetStatisticsResponse Statistics(bool by_tag = false) {
    v1::GetStatisticsRequest request;
    request.set_by_tag(by_tag);
    auto [error, response] = scene_.Ask(&ReadService::GetStatistics, request);
    EXPECT_TRUE(error.ok()) << error.message;
    return response;
  }
  v1::ListTypesResponse Types() {
    auto [error, response] = scene_.Ask(&ReadService::ListTypes, v1::ListTypesRequest());
    EXPECT_TRUE(error.ok()) << error.message;
    return response;
  }

  Scene scene_;
};

TEST_F(StatisticsTest, AnEmptyBrokerCountsNothing) {
  const v1::GetStatisticsResponse statistics = Statistics();
  EXPECT_EQ(statistics.counts().ByteSizeLong(), 0u);
  EXPECT_EQ(statistics.types_size(), 0);
  EXPECT_EQ(statistics.due(), 0u);
  EXPECT_EQ(statistics.oldest_due().seconds(), 0);
}

TEST_F(StatisticsTest, CountsByStateAndType) {  // B117
  scene_.Submit({.type = "a"});
  scene_.Submit({.type = "a", .capabilities = {"GPU"}});
  const TaskId parent = scene_.Submit({.type = "b"});
  scene_.Claim(parent, "w1");
  const TaskId child = scene_.Spawn(parent, 1)[0];
  scene_.Claim(child, "w1");
  const TaskId ended = scene_.Submit({.type = "b"});
  scene_.Cancel(ended, "ann", "");
  scene_.Submit({.type = "b", .staged = true});

  const v1::GetStatisticsResponse statistics = Statistics();
  EXPECT_EQ(statistics.counts().pending(), 2u);
  EXPECT_EQ(statistics.counts().suspended(), 1u);
  EXPECT_EQ(statistics.counts().running(), 1u);
  EXPECT_EQ(statistics.counts().cancelled(), 1u);
  EXPECT_EQ(statistics.counts().completed(), 0u);
  ASSERT_EQ(statistics.types_size(), 3);
  EXPECT_EQ(statistics.types(0).type(), "a");
  EXPECT_EQ(statistics.types(0).counts().pending(), 2u) << "of both classes";
  EXPECT_EQ(statistics.types(1).type(), "b");
  EXPECT_EQ(statistics.types(1).counts().pending(), 0u) << "a staged task is not there";
  EXPECT_EQ(statistics.types(2).type(), "chunk");
}

TEST_F(StatisticsTest, CountsWhatIsDueAndTheLongestWait) {  // B258
  scene_.Submit();
  scene_.Pass(10 * kSecond);
  scene_.Submit();
  scene_.Submit({.delay = kHour});
  const TaskId paused = scene_.Submit();
  scene_.Pause(paused);
  scene_.SkipTo(4 * engine::kPageIds);
  scene_.Submit();
  scene_.Pass(5 * kSecond);
  const v1::GetStatisticsResponse statistics = Statistics();
  EXPECT_EQ(statistics.due(), 3u);
  EXPECT_EQ(statistics.oldest_due().seconds(), 15);
}

TEST_F(StatisticsTest, EachTypeHasItsOwnLongestWait) {
  scene_.Submit({.type = "a"});
  scene_.Pass(10 * kSecond);
  scene_.Submit({.type = "b"});
  scene_.Submit({.type = "b", .capabilities = {"GPU"}});
  scene_.Submit({.type = "held"});
  scene_.Pass(5 * kSecond);
  records::v1::TypeRow held;
  held.mutable_pause()->set_actor("ann");
  scene_.PutRow(storage::Family::kMeta, engine::TypeMetaKey("held"), held.SerializeAsString());
  scene_.Connect("a", {}, 1, 0);
  const v1::GetStatisticsResponse statistics = Statistics();
  EXPECT_EQ(statistics.due(), 3u) << "not of a type that is paused";
  EXPECT_EQ(statistics.oldest_due().seconds(), 15);
  ASSERT_EQ(statistics.types_size(), 3);
  EXPECT_EQ(statistics.types(0).due(), 1u);
  EXPECT_EQ(statistics.types(0).oldest_due().seconds(), 15);
  EXPECT_EQ(statistics.types(0).unservable(), 0u);
  EXPECT_EQ(statistics.types(1).due(), 2u) << "of both classes";
  EXPECT_EQ(statistics.types(1).oldest_due().seconds(), 5);
  EXPECT_EQ(statistics.types(1).unservable(), 2u);
  EXPECT_EQ(statistics.types(2).due(), 0u);
}

TEST_F(StatisticsTest, TellsWhatHappenedLately) {
  const engine::TaskId id = scene_.Submit({.type = "a"});
  scene_.Submit({.type = "b"});
  engine::ActivityBoard& board = scene_.partition().activity();
  const auto observe = [&](engine::Happening happening, uint32_t count, Micros duration) {
    const engine::ClassNumber of_a = scene_.EntryOf(id).class_number;
    board.Add(scene_.clock().Read().steady, {{of_a, happening, count, duration}});
  };
  observe(engine::Happening::kCreated, 100, -1);
  for (int i = 0; i < 50; ++i) observe(engine::Happening::kStarted, 1, 10 * kMillisecond);
  for (int i = 0; i < 20; ++i) observe(engine::Happening::kCompleted, 1, kSecond);
  observe(engine::Happening::kFailed, 10, 20 * kSecond);
  scene_.Pass(10 * kSecond);
  const v1::GetStatisticsResponse statistics = Statistics();
  const v1::Activity& activity = statistics.types(0).activity();
  EXPECT_DOUBLE_EQ(activity.created_per_second(), 10);
  EXPECT_DOUBLE_EQ(activity.started_per_second(), 5);
  EXPECT_DOUBLE_EQ(activity.completed_per_second(), 2);
  EXPECT_DOUBLE_EQ(activity.failed_per_second(), 1);
  EXPECT_NEAR(static_cast<double>(activity.queued_p99().nanos()), 1e7, 2e6);
  EXPECT_NEAR(static_cast<double>(activity.ran_p50().seconds()), 1, 0.5);
  EXPECT_GE(activity.ran_p99().seconds(), 16);
  EXPECT_FALSE(statistics.types(1).activity().has_ran_p50());
  EXPECT_DOUBLE_EQ(statistics.activity().created_per_second(), 10) << "of all types";
}

// Something happened to a task, and to others of its class and tag.
class TagStatisticsTest : public StatisticsTest {
 protected:
  void Observe(TaskId id, const std::string& tag, engine::Happening happening, uint32_t count, Micros duration = -1) {
    const engine::ClassNumber class_number = scene_.EntryOf(id).class_number;
    scene_.partition().activity().Add(scene_.clock().Read().steady,
                                      {{class_number, happening, count, duration, engine::TagHash(tag), id}});
  }
};

TEST_F(TagStatisticsTest, TellsWhatHappenedToEachTagAndType) {  // B247
  const TaskId resize = scene_.Submit({.type = "resize", .tag = "nightly"});
  const TaskId on_gpu = scene_.Submit({.type = "resize", .capabilities = {"GPU"}, .tag = "nightly"});
  const TaskId crop = scene_.Submit({.type = "crop", .tag = "nightly"});
  const TaskId hourly = scene_.Submit({.type = "crop", .tag = "hourly"});
  const TaskId plain = scene_.Submit({.type = "crop"});
  Observe(resize, "nightly", engine::Happening::kCreated, 30);
  Observe(on_gpu, "nightly", engine::Happening::kCreated, 20);
  Observe(crop, "nightly", engine::Happening::kFailed, 10, kSecond);
  Observe(hourly, "hourly", engine::Happening::kStarted, 1, 3 * kSecond);
  Observe(plain, "", engine::Happening::kCreated, 5);
  scene_.Pass(10 * kSecond);
  EXPECT_EQ(Statistics().tags_size(), 0) << "nobody asked for them";
  const v1::GetStatisticsResponse statistics = Statistics(true);
  ASSERT_EQ(statistics.tags_size(), 3);
  EXPECT_EQ(statistics.tags(0).tag(), "hourly");
  EXPECT_GE(statistics.tags(0).activity().queued_p50().seconds(), 2);
  EXPECT_EQ(statistics.tags(1).tag(), "nightly");
  EXPECT_EQ(statistics.tags(1).type(), "crop");
  EXPECT_DOUBLE_EQ(statistics.tags(1).activity().failed_per_second(), 1);
  EXPECT_TRUE(statistics.tags(1).activity().has_ran_p99());
  EXPECT_EQ(statistics.tags(2).type(), "resize");
  EXPECT_DOUBLE_EQ(statistics.tags(2).activity().created_per_second(), 5) << "of both classes";
  EXPECT_FALSE(statistics.has_other_tags());
}

TEST_F(TagStatisticsTest, TagsWhoseTasksAreGoneHaveNoName) {
  const TaskId gone = scene_.Submit({.tag = "gone"});
  Observe(gone, "gone", engine::Happening::kCreated, 20);
  scene_.Cancel(gone, "ann", "");
  scene_.Remove(gone);
  scene_.Pass(10 * kSecond);
  const v1::GetStatisticsResponse statistics = Statistics(true);
  EXPECT_EQ(statistics.tags_size(), 0);
  EXPECT_DOUBLE_EQ(statistics.other_tags().created_per_second(), 2);
}

TEST_F(TagStatisticsTest, BeyondWhatAnAnswerHoldsTheBusiestAreTold) {
  scene_.settings().page_bytes = 1;
  Observe(scene_.Submit({.tag = "quiet"}), "quiet", engine::Happening::kCreated, 20);
  Observe(scene_.Submit({.tag = "busy"}), "busy", engine::Happening::kCreated, 50);
  scene_.Pass(10 * kSecond);
  const v1::GetStatisticsResponse statistics = Statistics(true);
  ASSERT_EQ(statistics.tags_size(), 1);
  EXPECT_EQ(statistics.tags(0).tag(), "busy");
  EXPECT_DOUBLE_EQ(statistics.other_tags().created_per_second(), 2);
}

TEST_F(StatisticsTest, WithoutTimeToLookAtAllTasksItTellsWhatItSaw) {
  scene_.settings().page_budget = 0;
  scene_.Submit();
  scene_.Pass(10 * kSecond);
  scene_.SkipTo(engine::kPageIds);
  scene_.Submit();
  const v1::GetStatisticsResponse statistics = Statistics();
  EXPECT_EQ(statistics.due(), 1u) << "the newest page alone";
  EXPECT_EQ(statistics.oldest_due().seconds(), 0);
  EXPECT_EQ(statistics.counts().pending(), 2u) << "counts are always exact";
}

TEST_F(StatisticsTest, CountsWorkersAndWhatNoneCanRun) {  // B99, B252
  scene_.Submit({.type = "render"});
  scene_.Submit({.type = "render", .capabilities = {"GPU"}});
  scene_.Submit({.type = "parse"});
  EXPECT_EQ(Statistics().unservable(), 3u);
  scene_.Connect("render", {}, 4, 1);
  scene_.Connect("render", {"SSD"}, 2, 2);
  const v1::GetStatisticsResponse statistics = Statistics();
  EXPECT_EQ(statistics.workers(), 2);
  EXPECT_EQ(statistics.slots(), 6);
  EXPECT_EQ(statistics.slots_taken(), 3);
  EXPECT_EQ(statistics.unservable(), 2u);

  const v1::ListTypesResponse types = Types();
  ASSERT_EQ(types.types_size(), 2);
  EXPECT_EQ(types.types(0).type(), "parse");
  EXPECT_EQ(types.types(0).workers(), 0);
  EXPECT_EQ(types.types(0).unservable(), 1u);
  EXPECT_EQ(types.types(1).type(), "render");
  EXPECT_EQ(types.types(1).workers(), 2);
  EXPECT_EQ(types.types(1).unservable(), 1u);
  EXPECT_EQ(types.types(1).counts().pending(), 2u);
  EXPECT_FALSE(types.types(1).has_options()) << "nobody registered it durably";
}

TEST_F(StatisticsTest, ListsRegisteredTypesWithTheirDefinition) {  // B186
  scene_.Register("render", {.timeout = kMinute}, "renders");
  const v1::ListTypesResponse types = Types();
  ASSERT_EQ(types.types_size(), 1);
  EXPECT_EQ(types.types(0).type(), "render");
  EXPECT_EQ(types.types(0).description(), "renders");
  EXPECT_EQ(types.types(0).options().timeout_us(), kMinute);
  EXPECT_EQ(types.types(0).registered_at().seconds(), kStart / kSecond);
}

TEST_F(StatisticsTest, ATypeWhoseTasksAreAllGoneIsForgottenUnlessRegistered) {
  const TaskId id = scene_.Submit({.type = "once"});
  scene_.Cancel(id, "ann", "");
  ASSERT_EQ(Types().types_size(), 1);
  scene_.Remove(id);
  EXPECT_EQ(Types().types_size(), 0);
}

TEST_F(StatisticsTest, ALongListOfTypesLosesDescriptionsRatherThanTypes) {
  scene_.settings().page_bytes = 1000;
  for (const char* type : {"a", "b", "c"}) scene_.Register(type, {}, std::string(900, 'd'));
  const v1::ListTypesResponse types = Types();
  ASSERT_EQ(types.types_size(), 3);
  EXPECT_FALSE(types.types(0).description().empty());
  EXPECT_TRUE(types.types(2).description().empty());
}

TEST(ServerInfoTest, JoinsWhatIsFixedWithWhatIsNow) {
  Scene scene;
  scene.settings().server.set_version("1.2.3");
  scene.settings().server.mutable_limits()->set_page_size(1000);
  scene.settings().store_bytes = [] { return uint64_t{4096}; };
  scene.Submit();
  scene.Submit();
  const auto [error, info] = scene.Ask(&ReadService::GetServerInfo, v1::GetServerInfoRequest());
  EXPECT_TRUE(error.ok());
  EXPECT_EQ(info.version(), "1.2.3");
  EXPECT_EQ(info.limits().page_size(), 1000);
  EXPECT_EQ(info.incarnation(), 77u);
  EXPECT_EQ(info.next_task_id(), 3u);
  EXPECT_EQ(info.commit_number(), 2u);
  EXPECT_EQ(info.store_bytes(), 4096u);
  EXPECT_EQ(info.resident_bytes(), 0u);
}

TEST_F(StatisticsTest, ATypeShowsItsLimit) {
  records::v1::TypeRow row;
  row.mutable_limit()->set_max_running(5);
  row.mutable_limit()->set_actor("ann");
  row.mutable_limit()->set_reason("the mail server takes no more");
  row.mutable_limit()->set_time_us(kStart);
  scene_.PutRow(storage::Family::kMeta, engine::TypeMetaKey("mail"), row.SerializeAsString());
  const v1::ListTypesResponse types = Types();
  ASSERT_EQ(types.types_size(), 1);
  EXPECT_EQ(types.types(0).limit().max_running(), 5);
  EXPECT_EQ(types.types(0).limit().actor(), "ann");
  EXPECT_EQ(types.types(0).limit().reason(), "the mail server takes no more");
  EXPECT_EQ(types.types(0).limit().set_at().seconds(), kStart / kSecond);
  EXPECT_FALSE(types.types(0).has_options()) << "no worker ever registered it";
}

}  // namespace
}  // namespace baton::service::testing
