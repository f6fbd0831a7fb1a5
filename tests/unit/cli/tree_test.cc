// baton tree
#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "client_cli/text/json_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::HasSubstr;

class TreeTest : public CommandTest {
 protected:
  void SetUp() override {
    Add(1, 0, v1::TASK_STATE_SUSPENDED).set_waiting_for("waits for 2 of 3 children");
    Add(2, 1, v1::TASK_STATE_COMPLETED).set_ended_at_us(Start() + 1'200'000);
    v1::Task& running = Add(3, 1, v1::TASK_STATE_RUNNING);
    running.set_worker_id("w1");
    running.set_attempt(2);
    running.mutable_progress()->set_percent(40);
    running.mutable_progress()->set_text("page 4\nof 10");
    Add(4, 1, v1::TASK_STATE_SUSPENDED).set_stage(1);
    Add(5, 4, v1::TASK_STATE_PERMANENTLY_FAILED).set_last_error("no paper");
    broker.get = [this](const v1::GetRequest& request, absl::Duration) -> absl::StatusOr<v1::GetResponse> {
      v1::GetResponse response;
      for (const v1::Task& task : tasks_) {
        if (task.id() == request.task_id()) *response.mutable_task() = task;
      }
      if (response.has_task()) return response;
      return MakeStatus(absl::StatusCode::kNotFound, "there is no task 9", "TASK_NOT_FOUND");
    };
    tasks_[0].set_children_total(3);
    tasks_[3].set_children_total(1);
    broker.list_tasks = [this](const v1::ListTasksRequest& request, absl::Duration) {
      std::vector<v1::Task> children;
      for (const v1::Task& task : tasks_) {
        if (task.parent_id() == request.filter().parent_id()) children.insert(children.begin(), task);
      }
      EXPECT_FALSE(children.empty()) << "tasks without children need not be asked for";
      // Newest first, two on a page.
      v1::ListTasksResponse page;
      const size_t from = request.page_token().empty() ? 0 : std::stoul(request.page_token());
      for (size_t i = from; i < std::min(from + 2, children.size()); ++i) *page.add_tasks() = children[i];
      if (from + 2 < children.size()) page.set_next_page_token(std::to_string(from + 2));
      return absl::StatusOr<v1::ListTasksResponse>(page);
    };
  }
  int64_t Start() const { return absl::ToUnixMicros(now) - 5'000'000; }
  v1::Task& Add(uint64_t id, uint64_t parent, v1::TaskState state) {
    v1::Task& task = tasks_.emplace_back();
    task.set_id(id);
    task.set_parent_id(parent);
    task.set_root_id(1);
    task.set_type(parent == 0 ? "count" : "chunk");
    task.set_state(state);
    task.set_created_at_us(Start());
    task.set_attempt(1);
    return task;
  }

  std::deque<v1::Task> tasks_;
};

TEST_F(TreeTest, DrawsAWorkflow) {
  EXPECT_EQ(Run({"tree", "1"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "1  count  SUSPENDED  5s  waits for 2 of 3 children\n"
            "├─ 2  chunk  COMPLETED  1.2s\n"
            "├─ 3  chunk  RUNNING  5s  attempt 2  40%  at w1, page 4\\nof 10\n"
            "└─ 4  chunk  SUSPENDED  5s  stage 1\n"
            "   └─ 5  chunk  PERMANENTLY_FAILED  5s  no paper\n");
  EXPECT_EQ(err.str(), "");
}

TEST_F(TreeTest, DrawsAPartOfIt) {
  EXPECT_EQ(Run({"tree", "4"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "4  chunk  SUSPENDED  5s  stage 1\n"
            "└─ 5  chunk  PERMANENTLY_FAILED  5s  no paper\n");
}

TEST_F(TreeTest, SumsUpWhatIsNotShown) {
  EXPECT_EQ(Run({"tree", "1", "--children", "1"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "1  count  SUSPENDED  5s  waits for 2 of 3 children\n"
            "├─ 2  chunk  COMPLETED  1.2s\n"
            "└─ … 2 more: 1 RUNNING, 1 SUSPENDED\n");
  EXPECT_EQ(Run({"tree", "1", "--limit", "3"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("1  count"));
  EXPECT_THAT(err.str(), HasSubstr("more than 3 tasks"));
}

TEST_F(TreeTest, NestsJson) {
  EXPECT_EQ(Run({"tree", "1", "-o", "jsonl"}), ExitCode::kOk);
  const Json tree = Json::parse(out.str());
  EXPECT_EQ(tree["children"][2]["children"][0]["last_error"], "no paper");
}

TEST_F(TreeTest, TellsMistakes) {
  EXPECT_EQ(Run({"tree", "9"}), ExitCode::kNotFound);
  EXPECT_EQ(Run({"tree", "x"}), ExitCode::kBadInput);
  EXPECT_EQ(Run({"tree", "1", "--children", "-1"}), ExitCode::kBadInput);
}

}  // namespace
}  // namespace baton::cli
