// Answers where the operator allows less than lists take of their own accord.
#include <grpcpp/support/sync_stream.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
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

// Live workers with many handlers: each of them is told with more than 100 bytes.
class WorkerPagesTest : public PageLimitsTest {
 protected:
  void ConnectMany(int workers, int handlers) {
    for (int i = 0; i < workers; ++i) {
      v1::Hello hello = HelloOf(absl::StrCat("w", i), "render");
      for (int j = 0; j < handlers; ++j) {
        v1::Handler* handler = hello.mutable_worker()->add_handlers();
        handler->set_type(absl::StrCat("type-", j));
        handler->set_description(std::string(100, 'd'));
      }
      streams_.push_back(Say(hello));
      ASSERT_TRUE(streams_.back()->ReadWelcome());
    }
  }

  grpc::Status Ask(const v1::ListWorkersRequest& request, v1::ListWorkersResponse* response) {
    TestContext context;
    return admin().ListWorkers(&context, request, response);
  }

  // Their names; the pages are told by `each`.
  std::vector<std::string> NamesOf(v1::ListWorkersRequest request,
                                   const std::function<void(const v1::ListWorkersResponse&)>& each) {
    std::vector<std::string> names;
    do {
      v1::ListWorkersResponse response;
      EXPECT_THAT(Ask(request, &response), IsOk());
      each(response);
      for (const v1::Worker& worker : response.workers()) names.push_back(worker.worker_id());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return names;
  }

  std::vector<std::unique_ptr<WorkerStream>> streams_;
};

TEST_F(WorkerPagesTest, WorkersComeInPages) {  // B199
  settings_.limits.page_size = 2;
  Start();
  ConnectMany(5, /*handlers=*/0);
  v1::ListWorkersRequest request;
  for (const int32_t page_size : {0, 1, 2}) {
    request.set_page_size(page_size);
    const int most = page_size == 1 ? 1 : 2;
    EXPECT_THAT(NamesOf(request, [most](const auto& page) { EXPECT_LE(page.workers_size(), most); }),
                ::testing::ElementsAre("w0", "w1", "w2", "w3", "w4"));
  }
  request.mutable_filter()->set_type("unheard-of");
  int pages = 0;
  EXPECT_THAT(NamesOf(request, [&pages](const auto&) { ++pages; }), ::testing::IsEmpty());
  EXPECT_EQ(pages, 3) << "a page with none of those it has looked at has a successor all the same";
}

TEST_F(WorkerPagesTest, ATokenOfAnotherFilterIsRefused) {  // B199
  Start();
  ConnectMany(2, /*handlers=*/0);
  v1::ListWorkersRequest request;
  v1::ListWorkersResponse response;
  request.set_page_size(1);
  ASSERT_THAT(Ask(request, &response), IsOk());
  ASSERT_NE(response.next_page_token(), "");
  request.set_page_token(response.next_page_token());
  request.mutable_filter()->set_type("render");
  EXPECT_THAT(Ask(request, &response),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "BAD_PAGE_TOKEN", "the same filter"));
}

TEST_F(WorkerPagesTest, NoPageOfWorkersIsLargerThanAMessage) {  // B199
  settings_.limits.payload_bytes = 64 << 10;
  settings_.limits.message_bytes = 128 << 10;
  Start();
  ConnectMany(12, /*handlers=*/300);
  size_t bytes = 0;
  const std::vector<std::string> names = NamesOf({}, [this, &bytes](const v1::ListWorkersResponse& page) {
    bytes += page.ByteSizeLong();
    EXPECT_LE(page.ByteSizeLong(), settings_.limits.message_bytes);
  });
  EXPECT_EQ(names.size(), 12u);
  EXPECT_GT(bytes, 2 * settings_.limits.message_bytes) << "or nothing had to be cut";
}

}  // namespace
}  // namespace baton
