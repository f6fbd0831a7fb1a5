#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

class StatisticsTest : public ::testing::Test {
 protected:
  v1::GetStatisticsResponse Statistics() {
    auto [error, response] = scene_.Ask(&ReadService::GetStatistics, v1::GetStatisticsRequest());
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

TEST_F(StatisticsTest, CountsByStateAndType) {
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

TEST_F(StatisticsTest, CountsWhatIsDueAndTheLongestWait) {
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

TEST_F(StatisticsTest, CountsWorkersAndWhatNoneCanRun) {
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

TEST_F(StatisticsTest, ListsRegisteredTypesWithTheirDefinition) {
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

}  // namespace
}  // namespace baton::service::testing
