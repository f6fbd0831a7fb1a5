// Answers where the operator allows less than lists take of their own accord.
#include <grpcpp/support/sync_stream.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>

#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

// What came in some responses, and what was the most in one of them.
struct Told {
  int tasks = 0;
  int most_tasks = 0;
  size_t bytes = 0;
  size_t most_bytes = 0;

  template <typename Response>
  void Add(const Response& response) {
    tasks += response.tasks_size();
    most_tasks = std::max(most_tasks, response.tasks_size());
    bytes += response.ByteSizeLong();
    most_bytes = std::max(most_bytes, response.ByteSizeLong());
  }
};

class PageLimitsTest : public BrokerTest {
 protected:
  // Each test starts it, once it has set the limits.
  void SetUp() override {}

  // Tasks that are told with more than 150 bytes each.
  void SubmitMany(int count) {
    TestContext context;
    v1::SubmitRequest request;
    v1::SubmitResponse response;
    for (int i = 0; i < count; ++i) {
      v1::NewTask* task = request.add_tasks();
      task->set_type("render");
      task->set_tag(std::string(128, 't'));
    }
    ASSERT_THAT(tasks().Submit(&context, request, &response), IsOk());
  }

  Told ListAll(int32_t page_size) {
    Told told;
    v1::ListTasksRequest request;
    request.set_page_size(page_size);
    do {
      TestContext context;
      v1::ListTasksResponse response;
      EXPECT_THAT(admin().ListTasks(&context, request, &response), IsOk());
      told.Add(response);
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return told;
  }

  // What a watch tells at first, until it has told so many tasks.
  Told Watch(int count) {
    Told told;
    TestContext context;
    v1::WatchRequest request;
    v1::WatchResponse response;
    request.set_initial(true);
    const std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> stream = admin().Watch(&context, request);
    while (told.tasks < count && stream->Read(&response)) told.Add(response);
    context.TryCancel();
    stream->Finish();
    return told;
  }
};

TEST_F(PageLimitsTest, APageOfNoGivenSizeIsNoLargerThanTheLargest) {
  settings_.limits.page_size = 10;
  Start();
  SubmitMany(25);
  for (const int32_t page_size : {0, 10}) {
    const Told told = ListAll(page_size);
    EXPECT_EQ(told.tasks, 25);
    EXPECT_LE(told.most_tasks, 10);
  }
  TestContext context;
  v1::ListTasksRequest request;
  v1::ListTasksResponse response;
  request.set_page_size(11);
  EXPECT_THAT(admin().ListTasks(&context, request, &response),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "PAGE_SIZE", "use 1 to 10, or 0 for 10"));
}

TEST_F(PageLimitsTest, NoAnswerIsLargerThanAMessage) {
  settings_.limits.payload_bytes = 64 << 10;
  settings_.limits.message_bytes = 128 << 10;
  Start();
  for (int i = 0; i < 4; ++i) SubmitMany(500);
  for (const Told& told : {ListAll(1000), Watch(2000)}) {
    EXPECT_EQ(told.tasks, 2000);
    EXPECT_LE(told.most_bytes, settings_.limits.message_bytes);
    EXPECT_GT(told.bytes, 2 * settings_.limits.message_bytes) << "or nothing had to be cut";
  }
}

}  // namespace
}  // namespace baton
