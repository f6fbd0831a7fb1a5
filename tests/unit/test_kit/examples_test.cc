// The handlers of the SDK's examples, tested as users test theirs.
#include <baton/testing.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker_sdk/examples/approval.h"
#include "worker_sdk/examples/daily_report.h"
#include "worker_sdk/examples/fan_out.h"

namespace {

using baton::TaskState;
using examples::Json;
using ::testing::HasSubstr;

class ExampleTest : public ::testing::Test {
 protected:
  ExampleTest() {
    EXPECT_TRUE(broker_.Use("order", examples::Order).ok());
    EXPECT_TRUE(broker_.Use("resize_all", examples::ResizeAll).ok());
    EXPECT_TRUE(broker_.Use("make_album", examples::MakeAlbum).ok());
    EXPECT_TRUE(broker_.Use("resize", examples::Resize).ok());
    EXPECT_TRUE(broker_.Use("report", examples::Report).ok());
  }

  uint64_t Submit(const std::string& type, const Json& payload) {
    const auto task = broker_.Submit({.type = type, .payload = baton::Payload::Json(payload.dump())});
    EXPECT_TRUE(task.ok()) << task.status();
    return task.ok() ? task->id : 0;
  }
  baton::TaskInfo Wait(uint64_t id) {
    const auto end = broker_.Wait(id);
    EXPECT_TRUE(end.ok()) << end.status();
    return end.value_or(baton::TaskInfo());
  }

  baton::testing::Broker broker_;
};

TEST_F(ExampleTest, SmallOrdersNeedNobody) {
  EXPECT_EQ(Wait(Submit("order", {{"item", "paper"}, {"amount", 10}})).state, TaskState::kCompleted);
}

TEST_F(ExampleTest, LargeOrdersWaitForAPerson) {
  const Json press = {{"item", "press"}, {"amount", 5000}};
  const uint64_t approved = Submit("order", press), rejected = Submit("order", press);
  EXPECT_EQ(broker_.Get(approved)->suspend_reason, "approval of press");
  EXPECT_TRUE(broker_.Approve(approved).ok());
  EXPECT_TRUE(broker_.Reject(rejected, "too expensive").ok());
  EXPECT_EQ(Wait(approved).state, TaskState::kCompleted);
  EXPECT_EQ(Wait(rejected).last_error, "rejected: too expensive");
}

TEST_F(ExampleTest, ForgottenOrdersAreRejectedAfterThreeDays) {
  const absl::Time start = broker_.Now();
  EXPECT_EQ(Wait(Submit("order", {{"item", "press"}, {"amount", 5000}})).last_error, "rejected: nobody has decided");
  EXPECT_EQ(broker_.Now(), start + absl::Hours(72));
}

TEST_F(ExampleTest, FanOutsMakeDoWithMostOfThePictures) {
  EXPECT_EQ(Json::parse(Wait(Submit("resize_all", {"a.png", "notes.txt", "b.png"})).result.bytes()),
            Json::parse(R"({"resized": ["small-a.png", "small-b.png"],
                            "failed": {"picture 1": "notes.txt is not a picture"}})"));
  EXPECT_THAT(Wait(Submit("resize_all", {"a.txt", "b.txt", "c.png"})).last_error, HasSubstr("too many pictures"));
}

TEST_F(ExampleTest, AlbumsNeedAllPictures) {
  const uint64_t bad = Submit("make_album", {"slow.raw", "notes.txt"});
  EXPECT_THAT(Wait(bad).last_error, HasSubstr("notes.txt is not a picture"));
  EXPECT_EQ(broker_.Get(bad + 1)->state, TaskState::kCancelled) << "the other picture is given up";
}

TEST_F(ExampleTest, ReportsAreMadeEveryNight) {
  ASSERT_TRUE(examples::Schedule(broker_.client(), "0 0 * * *").ok());
  ASSERT_TRUE(examples::Schedule(broker_.client(), "0 0 * * *").ok()) << "by the next process";
  ::testing::internal::CaptureStdout();
  broker_.Advance(absl::Hours(72));
  EXPECT_EQ(::testing::internal::GetCapturedStdout(),
            "report of 2030-01-02T00:00:00+00:00\nreport of 2030-01-03T00:00:00+00:00\n"
            "report of 2030-01-04T00:00:00+00:00\n");
}

}  // namespace
