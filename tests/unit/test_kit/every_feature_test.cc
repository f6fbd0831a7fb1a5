// The example that uses every feature of the library, tested as users test theirs.
#include "worker_sdk/examples/every_feature.h"

#include <baton/testing.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

using baton::TaskState;
using examples::films::Json;
using ::testing::HasSubstr;

constexpr char kTraceParent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class EveryFeatureTest : public ::testing::Test {
 protected:
  void StartWorker(std::vector<std::string> capabilities) {
    worker_ = std::make_shared<baton::Worker>(
        baton::WorkerIdentity{.broker = broker_.address(), .worker_id = "films-1", .log = baton::testing::LogWarnings});
    const absl::Status ready = examples::films::SetUp(*worker_, std::move(capabilities));
    ASSERT_TRUE(ready.ok()) << ready;
    const absl::Status started = broker_.Start(worker_);
    ASSERT_TRUE(started.ok()) << started;
  }
  uint64_t Submit(baton::NewTask task) {
    const auto submitted = broker_.Submit(std::move(task));
    EXPECT_TRUE(submitted.ok()) << submitted.status();
    return submitted.ok() ? submitted->id : 0;
  }
  uint64_t SubmitFilm(const Json& formats) {
    return Submit({.type = "publish",
                   .payload = Json{{"title", "Metropolis"}, {"formats", formats}},
                   .trace_parent = kTraceParent});
  }
  uint64_t SubmitEncoding(int minutes) {
    return Submit({.type = "encode", .payload = Json{{"title", "Napoleon"}, {"format", "mp4"}, {"minutes", minutes}}});
  }
  baton::TaskInfo Get(uint64_t id) { return Checked(broker_.Get(id)); }
  baton::TaskInfo Wait(uint64_t id) { return Checked(broker_.Wait(id)); }

  baton::testing::Broker broker_;
  const absl::Time start_ = broker_.Now();
  std::shared_ptr<baton::Worker> worker_;

 private:
  static baton::TaskInfo Checked(const absl::StatusOr<baton::TaskInfo>& task) {
    EXPECT_TRUE(task.ok()) << task.status();
    return task.value_or(baton::TaskInfo());
  }
};

TEST_F(EveryFeatureTest, FilmsAreEncodedApprovedAndAnnounced) {
  StartWorker({"GPU"});
  const uint64_t film = SubmitFilm(Json::array({"mp4", "film"}));
  broker_.Advance(absl::Minutes(1));
  EXPECT_EQ(Get(film).suspend_reason, "approval of Metropolis");
  EXPECT_EQ(Get(film + 1).attempt, 1);
  EXPECT_EQ(Get(film + 2).attempt, 2) << "the projector was warming up";
  EXPECT_EQ(Get(film + 2).priority, 5);

  ASSERT_TRUE(broker_.Approve(film).ok());
  const baton::TaskInfo end = Wait(film);
  EXPECT_EQ(end.state, TaskState::kCompleted);
  EXPECT_EQ(Json::parse(end.result.bytes()), Json::parse(R"({"files": ["Metropolis.mp4", "Metropolis.film"]})"));
  EXPECT_EQ(Get(film + 3).result.bytes(), absl::StrCat("announced Metropolis, traced as ", kTraceParent));
}

TEST_F(EveryFeatureTest, FilmsAboutWhichNobodyDecidesAreRejected) {
  StartWorker({"GPU"});
  const baton::TaskInfo end = Wait(SubmitFilm(Json::array({"mp4"})));
  EXPECT_EQ(end.state, TaskState::kPermanentlyFailed);
  EXPECT_EQ(end.last_error, "rejected: nobody has decided");
  EXPECT_GE(broker_.Now(), start_ + absl::Hours(72));
}

TEST_F(EveryFeatureTest, OneFormatThatCannotBeEndsTheFilm) {
  StartWorker({"GPU"});
  const uint64_t film = SubmitFilm(Json::array({"vhs", "mp4"}));
  EXPECT_THAT(Wait(film).last_error, HasSubstr("nobody can play vhs any more"));
  EXPECT_EQ(Get(film + 2).state, TaskState::kCancelled);
}

TEST_F(EveryFeatureTest, WithoutAGpuNothingIsEncodedAndTheFilmEndsInTime) {
  StartWorker({});
  const uint64_t film = SubmitFilm(Json::array({"mp4"}));
  broker_.RunUntilIdle();
  EXPECT_FALSE(Get(film + 1).runnable);
  EXPECT_EQ(Wait(film).state, TaskState::kPermanentlyFailed);
  EXPECT_EQ(broker_.Now(), start_ + absl::Hours(6));
}

TEST_F(EveryFeatureTest, EncodingsTellHowFarTheyAreAndStopWhenTheyAreCancelled) {
  StartWorker({"GPU"});
  const uint64_t encoding = SubmitEncoding(100);
  broker_.Advance(absl::Milliseconds(10'500));
  EXPECT_EQ(Get(encoding).progress.percent, 10);
  EXPECT_EQ(Get(encoding).progress.text, "minute 10");
  ASSERT_TRUE(broker_.Cancel(encoding, "wrong film").ok());
  broker_.Advance(absl::Minutes(5));
  EXPECT_EQ(Get(encoding).state, TaskState::kCancelled);
  EXPECT_EQ(Get(encoding).progress.text, "minute 10");
}

TEST_F(EveryFeatureTest, TwoAreEncodedAtATime) {
  StartWorker({"GPU"});
  const uint64_t one = SubmitEncoding(100), two = SubmitEncoding(100), three = SubmitEncoding(1);
  broker_.Advance(absl::Seconds(10));
  EXPECT_EQ(Get(one).state, TaskState::kRunning);
  EXPECT_EQ(Get(two).state, TaskState::kRunning);
  EXPECT_EQ(Get(three).state, TaskState::kPending);
  EXPECT_EQ(Wait(three).state, TaskState::kCompleted);
}

TEST_F(EveryFeatureTest, CaptionsAreSwitchedOnAndOffWhileItWorks) {
  StartWorker({});
  EXPECT_EQ(Wait(Submit({.type = "captions", .payload = "b"})).result.bytes(), "captions are in b");
  EXPECT_EQ(Wait(Submit({.type = "caption", .payload = "hello"})).result.bytes(), "<b>hello</b>");
  EXPECT_EQ(Wait(Submit({.type = "captions", .payload = "off"})).result.bytes(), "captions are off");
  const uint64_t waiting = Submit({.type = "caption", .payload = "hello"});
  broker_.RunUntilIdle();
  EXPECT_FALSE(Get(waiting).runnable);
  Wait(Submit({.type = "captions", .payload = "i"}));
  EXPECT_EQ(Wait(waiting).result.bytes(), "<i>hello</i>");
}

TEST_F(EveryFeatureTest, ItSweepsEveryNight) {
  StartWorker({});
  ASSERT_TRUE(examples::films::Schedule(broker_.client()).ok());
  broker_.Advance(absl::Hours(48));
  EXPECT_EQ(Get(1).result.bytes(), "swept what was older than 2030-01-01");
  EXPECT_EQ(Get(2).result.bytes(), "swept what was older than 2030-01-02");
}

TEST_F(EveryFeatureTest, ItFinishesWhatItHasBegunBeforeItLeaves) {
  StartWorker({"GPU"});
  const uint64_t begun = SubmitEncoding(5);
  broker_.Advance(absl::Seconds(2));
  worker_->Shutdown();
  const uint64_t late = SubmitEncoding(5);
  EXPECT_EQ(Wait(begun).state, TaskState::kCompleted);
  broker_.RunUntilIdle();
  EXPECT_EQ(Get(late).state, TaskState::kPending);
}

}  // namespace
