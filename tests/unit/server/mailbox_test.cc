#include "broker/server/mailbox.h"

#include <gmock/gmock.h>
#include <grpcpp/completion_queue.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace baton::server {
namespace {

using ::testing::ElementsAre;

class MailboxTest : public ::testing::Test {
 protected:
  ~MailboxTest() override {
    queue_.Shutdown();
    void* tag;
    bool ok;
    while (queue_.Next(&tag, &ok)) continue;
  }

  void Post(const std::string& name) {
    mailbox_.Post([this, name] { ran_.push_back(name); });
  }
  // One turn of the thread of the queue.
  void Turn() {
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue_.Next(&tag, &ok));
    static_cast<Completion*>(tag)->Proceed(ok);
  }

  grpc::CompletionQueue queue_;
  Mailbox mailbox_;
  std::vector<std::string> ran_;
};

TEST_F(MailboxTest, WhatIsPostedRunsInOrderAlsoWhatCameBeforeTheQueue) {
  Post("a");
  Post("b");
  mailbox_.Open(&queue_);
  Turn();
  EXPECT_THAT(ran_, ElementsAre("a", "b"));
  Post("c");
  Turn();
  EXPECT_THAT(ran_, ElementsAre("a", "b", "c"));
}

// An answer that came in the same turn would begin an operation on a queue that is shut down.
TEST_F(MailboxTest, WhatStandsBehindTheClosingItemIsDropped) {
  const auto kept = std::make_shared<int>(0);
  Post("before");
  mailbox_.Post([this] { mailbox_.Close(); });
  mailbox_.Post([this, kept] { ran_.emplace_back("behind"); });
  mailbox_.Open(&queue_);
  Turn();
  Post("late");
  EXPECT_THAT(ran_, ElementsAre("before"));
  EXPECT_EQ(kept.use_count(), 1) << "what is dropped is destroyed";
}

}  // namespace
}  // namespace baton::server
