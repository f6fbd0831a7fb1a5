// What a program asks a real broker for by the library, beside submitting and waiting.
#include <memory>
#include <vector>

// First of the two sides, see there.
#include "tests/integration/sdk/reload_fixture.h"
// After it, and by themselves.
#include <baton/client.h>
#include <baton/error.h>

namespace baton {
namespace {

class ClientCallTest : public ReloadTest {
 protected:
  // As of another process each time.
  std::unique_ptr<sdk::Client> NewClient() {
    sdk::ClientOptions options;
    options.broker = broker().address();
    options.log = [](sdk::LogLevel, const std::string&) {};
    return std::make_unique<sdk::Client>(std::move(options));
  }
};

TEST_F(ClientCallTest, ADecisionIsAboutTheStageThatItNames) {
  Use("order", [](sdk::Task& task) {
    return task.stage() < 2 ? task.Suspend("approval") : sdk::Outcome(task.decision());
  });
  Run();
  const uint64_t id = Submit("order");
  AwaitState(id, v1::TASK_STATE_SUSPENDED);
  const std::unique_ptr<sdk::Client> client = NewClient();
  const absl::StatusOr<sdk::TaskInfo> seen = client->Get(id);
  ASSERT_TRUE(seen.ok()) << seen.status();
  const absl::Status first = client->Resume(id, "first", "", seen->stage);
  EXPECT_TRUE(first.ok()) << first;
  AwaitState(id, v1::TASK_STATE_SUSPENDED);
  const absl::Status repeated = client->Resume(id, "first", "", seen->stage);
  EXPECT_TRUE(absl::IsFailedPrecondition(repeated)) << repeated;
  EXPECT_EQ(sdk::ErrorReason(repeated), "STAGE_OVER");
  EXPECT_EQ(Get(id).state(), v1::TASK_STATE_SUSPENDED) << "nothing was decided";
  const absl::Status second = client->Resume(id, "second", "", seen->stage + 1);
  EXPECT_TRUE(second.ok()) << second;
  EXPECT_EQ(ResultOf(id), "second");
}

TEST_F(ClientCallTest, TheSameTasksUnderTheSameRequestIdAreCreatedOnce) {
  const sdk::SubmitOptions once = {.request_id = "night-shift"};
  std::vector<sdk::NewTask> tasks(3);
  for (sdk::NewTask& task : tasks) task.type = "hello";
  const std::vector<absl::StatusOr<sdk::Submitted>> first = NewClient()->SubmitAll(tasks, once);
  const std::vector<absl::StatusOr<sdk::Submitted>> again = NewClient()->SubmitAll(tasks, once);
  ASSERT_EQ(first.size(), 3u);
  ASSERT_EQ(again.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(first[i].ok() && again[i].ok()) << first[i].status() << again[i].status();
    EXPECT_EQ(first[i]->id, again[i]->id);
  }
  const absl::StatusOr<sdk::Submitted> other = NewClient()->Submit(tasks[0], once);
  EXPECT_TRUE(absl::IsInvalidArgument(other.status())) << other.status();
  EXPECT_EQ(sdk::ErrorReason(other.status()), "REQUEST_ID_REUSED");
  const absl::StatusOr<sdk::Submitted> own = NewClient()->Submit(tasks[0]);
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(own->id, first[2]->id + 1) << "nothing else was created meanwhile";
}

}  // namespace
}  // namespace baton
