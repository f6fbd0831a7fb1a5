// Commands that only look: get, result, list, events, attempts, workers, types, stats, info.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class LookTest : public CommandTest {
 protected:
  LookTest() {
    task.set_created_at_us(absl::ToUnixMicros(now - absl::Minutes(5)));
    broker.get = [this](const v1::GetRequest& request, absl::Duration timeout) -> absl::StatusOr<v1::GetResponse> {
      get_request = request;
      get_timeout = timeout;
      if (request.task_id() != task.id()) {
        return MakeStatus(absl::StatusCode::kNotFound, "no task " + std::to_string(request.task_id()),
                          "TASK_NOT_FOUND");
      }
      v1::GetResponse response;
      *response.mutable_task() = task;
      return response;
    };
  }

 public:
  v1::Task task = MakeTask(42, v1::TASK_STATE_PENDING);
  v1::GetRequest get_request;
  absl::Duration get_timeout;
};

TEST_F(LookTest, GetShowsWhatTheTaskWaitsFor) {
  task.set_waiting_for("no live worker can run it: none declares capability GPU");
  task.mutable_payload()->set_json("{\"a\": 1}");
  task.mutable_options()->set_timeout_us(90'000'000);
  EXPECT_EQ(Run({"get", "42"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "task         42\n"
            "type         resize\n"
            "state        PENDING\n"
            "waiting for  no live worker can run it: none declares capability GPU\n"
            "created      2027-01-15 07:55:00 (5m ago)\n"
            "priority     0\n"
            "options      timeout 1m30s\n"
            "payload      {\"a\":1}\n");
  EXPECT_TRUE(get_request.parts().payload());
  EXPECT_EQ(get_timeout, absl::Seconds(10));
  EXPECT_EQ(Run({"get", "42", "--brief", "--timeout", "1s"}), ExitCode::kOk);
  EXPECT_FALSE(get_request.parts().payload());
  EXPECT_EQ(get_timeout, absl::Seconds(1));
}

TEST_F(LookTest, GetShowsWhatTheTaskIsTracedBy) {
  task.set_trace_parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  task.set_trace_state("rojo=1");
  EXPECT_EQ(Run({"get", "42"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("\ntrace parent  " + task.trace_parent() + "\ntrace state   rojo=1\n"));
}

TEST_F(LookTest, GetOfSeveralShowsThoseThereAre) {
  EXPECT_EQ(Run({"get", "41", "42", "-o", "json"}), ExitCode::kNotFound);
  nlohmann::json list = nlohmann::json::parse(out.str());
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["id"], 42);
  EXPECT_THAT(err.str(), HasSubstr("no task 41"));
}

TEST_F(LookTest, GetAsJsonIsOneObject) {
  EXPECT_EQ(Run({"get", "42", "-o", "json"}), ExitCode::kOk);
  EXPECT_EQ(nlohmann::json::parse(out.str())["state"], "PENDING");
}

TEST_F(LookTest, AnIdMustBeANumber) {
  for (const char* id : {"abc", "0", "-1", "4 2", "18446744073709551616", "0x2a", ""}) {
    EXPECT_EQ(Run({"get", id}), ExitCode::kBadInput) << id;
  }
  EXPECT_EQ(Run({"get", "18446744073709551615"}), ExitCode::kNotFound);
}

TEST_F(LookTest, ResultIsPrintedByteForByte) {
  task.set_state(v1::TASK_STATE_COMPLETED);
  std::string bytes("\x00\xff\n", 3);
  task.mutable_result()->set_data(bytes);
  EXPECT_EQ(Run({"result", "42"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), bytes);
  std::string path = File("old and longer");
  EXPECT_EQ(Run({"result", "42", "--output", path}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "");
  std::ifstream file(path, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), bytes);
  EXPECT_EQ(Run({"result", "42", "--output", "/nonexistent/file"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("cannot write /nonexistent/file"));
}

TEST_F(LookTest, ThereIsNoResultBeforeTheEndNorOfAFailure) {
  task.set_state(v1::TASK_STATE_RUNNING);
  EXPECT_EQ(Run({"result", "42"}), ExitCode::kRefused);
  EXPECT_THAT(err.str(), HasSubstr("it is RUNNING. `baton wait 42`"));
  task.set_state(v1::TASK_STATE_PERMANENTLY_FAILED);
  EXPECT_EQ(Run({"result", "42", "--output", "/nonexistent/file"}), ExitCode::kTaskDidNotComplete);
  EXPECT_THAT(err.str(), HasSubstr("task 42 is PERMANENTLY_FAILED"));
}

class ListTest : public CommandTest {
 protected:
  ListTest() {
    // Three pages: one task, none, then as many as asked for.
    broker.list_tasks = [this](const v1::ListTasksRequest& request, absl::Duration) {
      requests.push_back(request);
      v1::ListTasksResponse response;
      if (request.page_token().empty()) {
        *response.add_tasks() = MakeTask(9, v1::TASK_STATE_RUNNING);
        response.set_next_page_token("b");
      } else if (request.page_token() == "b") {
        response.set_next_page_token("c");
      } else {
        for (int i = 0; i < 2; ++i) *response.add_tasks() = MakeTask(8 - i, v1::TASK_STATE_PENDING);
      }
      return absl::StatusOr<v1::ListTasksResponse>(response);
    };
  }

 public:
  std::vector<v1::ListTasksRequest> requests;
};

TEST_F(ListTest, FollowsPagesEvenEmptyOnes) {
  EXPECT_EQ(Run({"list", "-o", "json"}), ExitCode::kOk);
  nlohmann::json list = nlohmann::json::parse(out.str());
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[2]["id"], 7);
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].page_size(), 100);
  EXPECT_EQ(requests[1].page_size(), 99);
}

TEST_F(ListTest, StopsAtTheLimit) {
  EXPECT_EQ(Run({"list", "--limit", "2", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("\"id\":8"));
  EXPECT_THAT(out.str(), Not(HasSubstr("\"id\":7")));
  EXPECT_EQ(Run({"list", "--limit", "1"}), ExitCode::kOk);
  EXPECT_EQ(requests.size(), 4u);
  requests.clear();
  EXPECT_EQ(Run({"list", "--limit", "0"}), ExitCode::kOk);
  EXPECT_EQ(requests[0].page_size(), 1000);
}

TEST_F(ListTest, FiltersArePassedOnEveryPage) {
  EXPECT_EQ(Run({"list",
                 "--state",
                 "pending,RUNNING",
                 "--state",
                 "permanently-failed",
                 "--type",
                 "resize",
                 "--tag",
                 "x",
                 "--parent",
                 "5",
                 "--root",
                 "6",
                 "--worker",
                 "w1",
                 "--schedule",
                 "nightly",
                 "--created-since",
                 "2h",
                 "--created-before",
                 "2027-01-15T07:30:00Z",
                 "--ended-since",
                 "1h",
                 "--ended-before",
                 "1m",
                 "--error",
                 "disk",
                 "--suspended-for",
                 "a price"}),
            ExitCode::kOk);
  for (const auto& request : requests) {
    EXPECT_THAT(request.filter().states(),
                ElementsAre(v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_PERMANENTLY_FAILED));
    EXPECT_EQ(request.filter().type(), "resize");
    EXPECT_EQ(request.filter().tag(), "x");
    EXPECT_EQ(request.filter().parent_id(), 5u);
    EXPECT_EQ(request.filter().root_id(), 6u);
    EXPECT_EQ(request.filter().worker_id(), "w1");
    EXPECT_EQ(request.filter().schedule(), "nightly");
    EXPECT_EQ(request.filter().created_since().seconds(), absl::ToUnixSeconds(now) - 7200);
    EXPECT_EQ(request.filter().created_before().seconds(), absl::ToUnixSeconds(now) - 1800);
    EXPECT_EQ(request.filter().ended_since().seconds(), absl::ToUnixSeconds(now) - 3600);
    EXPECT_EQ(request.filter().ended_before().seconds(), absl::ToUnixSeconds(now) - 60);
    EXPECT_EQ(request.filter().error(), "disk");
    EXPECT_EQ(request.filter().suspend_reason(), "a price");
  }
}

TEST_F(ListTest, ApprovalsAreTheOldestWaitsOfAllPages) {  // B168
  const auto waits = [](uint64_t id, int64_t since, const std::string& reason) {
    v1::Task task = MakeTask(id, v1::TASK_STATE_SUSPENDED);
    task.set_stage(static_cast<int32_t>(id % 2));
    task.set_suspended_at_us(since);
    task.set_suspend_reason(reason);
    return task;
  };
  broker.list_tasks = [&](const v1::ListTasksRequest& request, absl::Duration) {
    requests.push_back(request);
    v1::ListTasksResponse response;
    if (request.page_token().empty()) {
      *response.add_tasks() = waits(9, 3'000'000, "a price");
      *response.add_tasks() = waits(8, 1'000'000, "a price");
      response.set_next_page_token("b");
    } else {
      *response.add_tasks() = waits(7, 2'000'000, "a date");
    }
    return absl::StatusOr<v1::ListTasksResponse>(response);
  };
  const auto ids = [&] {
    std::vector<int> listed;
    for (const auto& task : nlohmann::json::parse(out.str())) listed.push_back(task["id"]);
    return listed;
  };
  EXPECT_EQ(Run({"approvals", "-o", "json", "--type", "order", "--tag", "x"}), ExitCode::kOk);
  EXPECT_THAT(ids(), ElementsAre(8, 7, 9));
  EXPECT_TRUE(requests[1].filter().awaits_decision());
  EXPECT_EQ(requests[1].filter().type(), "order");
  EXPECT_EQ(requests[1].filter().tag(), "x");
  EXPECT_EQ(Run({"approvals", "-o", "json", "--limit", "2"}), ExitCode::kOk);
  EXPECT_THAT(ids(), ElementsAre(8, 7));
  requests.clear();
  EXPECT_EQ(Run({"approvals", "-o", "json", "--reason", "a price"}), ExitCode::kOk);
  EXPECT_EQ(requests[1].filter().suspend_reason(), "a price");
  broker.list_tasks = [](const v1::ListTasksRequest&, absl::Duration) {
    return absl::StatusOr<v1::ListTasksResponse>(v1::ListTasksResponse());
  };
  EXPECT_EQ(Run({"approvals", "--reason", "a colour"}), ExitCode::kOk);
  EXPECT_EQ(err.str(), "nothing waits for a decision\n");
}

TEST_F(ListTest, BadFiltersAreFoundBeforeTheBrokerIsAsked) {
  EXPECT_EQ(Run({"list", "--state", "waiting"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("unknown value \"waiting\"; it is one of PENDING, RUNNING"));
  EXPECT_EQ(Run({"list", "--parent", "x"}), ExitCode::kBadInput);
  EXPECT_EQ(Run({"list", "--root", "0"}), ExitCode::kBadInput);
  EXPECT_EQ(Run({"list", "--ended-since", "yesterday"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("--ended-since: \"yesterday\" is not a time; write how long ago it was"));
  EXPECT_EQ(Run({"list", "--limit", "-1"}), ExitCode::kBadInput);
  EXPECT_TRUE(requests.empty());
}

TEST_F(ListTest, AnEmptyListIsAnEmptyListInEveryFormat) {
  broker.list_tasks = [](const v1::ListTasksRequest&, absl::Duration) {
    return absl::StatusOr<v1::ListTasksResponse>(v1::ListTasksResponse());
  };
  EXPECT_EQ(Run({"list"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(err.str(), "no such tasks\n");
  EXPECT_EQ(Run({"list", "-o", "json"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "[]\n");
  EXPECT_EQ(Run({"list", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "");
}

TEST_F(ListTest, ColoursOnATerminalOnly) {
  terminal = true;
  EXPECT_EQ(Run({"list"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("\x1b[36mRUNNING\x1b[0m"));
  EXPECT_EQ(Run({"list", "--no-color"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), Not(HasSubstr("\x1b")));
}

TEST_F(CommandTest, EventsShowTheHistory) {
  broker.list_events = [](const v1::ListEventsRequest& request, absl::Duration) {
    EXPECT_EQ(request.task_id(), 42u);
    v1::ListEventsResponse response;
    v1::Event* claimed = response.add_events();
    claimed->set_number(2);
    claimed->set_type(v1::EVENT_TYPE_CLAIMED);
    claimed->mutable_time()->set_seconds(1'795'453'200);
    claimed->mutable_time()->set_nanos(250'000'000);
    claimed->set_attempt(1);
    claimed->set_from_state(v1::TASK_STATE_PENDING);
    claimed->set_to_state(v1::TASK_STATE_RUNNING);
    claimed->set_worker_id("w1");
    v1::Event* checkpoint = response.add_events();
    checkpoint->set_number(3);
    checkpoint->set_type(v1::EVENT_TYPE_CHECKPOINT);
    checkpoint->mutable_checkpoint()->set_code("loaded");
    checkpoint->mutable_checkpoint()->set_message("12 rows");
    checkpoint->set_actor("broker");
    return absl::StatusOr<v1::ListEventsResponse>(response);
  };
  EXPECT_EQ(Run({"events", "42"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "#  TIME                     EVENT       ATTEMPT  STAGE  BY      DETAIL\n"
            "2  2026-11-23 17:00:00.250  CLAIMED     1        0      w1      now RUNNING\n"
            "3  -                        CHECKPOINT  -        0      broker  loaded: 12 rows\n");
}

TEST_F(CommandTest, AttemptsShowWhoRanItAndHowLong) {
  broker.list_attempts = [](const v1::ListAttemptsRequest&, absl::Duration) {
    v1::ListAttemptsResponse response;
    v1::Attempt* attempt = response.add_attempts();
    attempt->set_number(1);
    attempt->set_worker_id("w1");
    attempt->set_outcome(v1::ATTEMPT_OUTCOME_FAILED);
    attempt->mutable_ran()->set_nanos(1'500'000);
    attempt->set_error("boom");
    response.add_attempts()->set_number(2);
    return absl::StatusOr<v1::ListAttemptsResponse>(response);
  };
  EXPECT_EQ(Run({"attempts", "42"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "#  STAGE  OUTCOME    WORKER  CLAIMED  IN WORKER  RAN    ERROR\n"
            "1  0      FAILED     w1      -        -          1.5ms  boom\n"
            "2  0      (running)  -       -        -          -      -\n");
}

TEST_F(CommandTest, WorkersTypesStatsAndInfo) {
  broker.list_workers = [](const v1::ListWorkersRequest&, absl::Duration) {
    v1::ListWorkersResponse response;
    v1::Worker* worker = response.add_workers();
    worker->set_worker_id("w1");
    worker->set_state(v1::WORKER_STATE_CONNECTED);
    worker->set_slots(10);
    worker->set_slots_taken(3);
    worker->mutable_last_seen()->set_seconds(2);
    worker->add_capabilities("GPU");
    worker->add_handlers()->set_type("resize");
    worker->add_handlers()->set_type("crop");
    worker->mutable_handlers(1)->set_max_concurrency(2);
    worker->add_task_ids(42);
    return absl::StatusOr<v1::ListWorkersResponse>(response);
  };
  EXPECT_EQ(Run({"workers"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("w1      CONNECTED  3/10   2s ago  -    GPU           42     resize,crop(2)\n"));

  broker.list_types = [] {
    v1::ListTypesResponse response;
    v1::TypeInfo* type = response.add_types();
    type->set_type("resize");
    type->set_unservable(4);
    type->mutable_counts()->set_running(3);
    type->mutable_limit()->set_max_running(5);
    return absl::StatusOr<v1::ListTypesResponse>(response);
  };
  EXPECT_EQ(Run({"types"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("(no worker ever registered it)"));
  EXPECT_THAT(out.str(), HasSubstr(" 3/5 ")) << "running, and how many may";

  broker.statistics = [] {
    v1::GetStatisticsResponse response;
    response.set_due(5);
    response.mutable_oldest_due()->set_seconds(61);
    response.mutable_counts()->set_pending(5);
    v1::TypeStatistics* type = response.add_types();
    type->set_type("resize");
    type->mutable_counts()->set_pending(5);
    type->set_due(5);
    type->mutable_oldest_due()->set_seconds(61);
    type->mutable_activity()->set_created_per_second(12.345);
    type->mutable_activity()->mutable_ran_p50()->set_seconds(2);
    type->mutable_activity()->mutable_ran_p99()->set_seconds(70);
    return absl::StatusOr<v1::GetStatisticsResponse>(response);
  };
  EXPECT_EQ(Run({"stats"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("5, the oldest for 1m1s"));
  EXPECT_THAT(out.str(), HasSubstr("(all)   5 "));
  EXPECT_THAT(out.str(), HasSubstr("resize  5        1m1s "));
  EXPECT_THAT(out.str(), HasSubstr(" 12.3 "));
  EXPECT_THAT(out.str(), HasSubstr(" 2s/1m10s\n"));

  broker.info = [] {
    v1::GetServerInfoResponse response;
    response.set_version("9.8.7");
    response.set_store_bytes(3 * 1024 * 1024 / 2);
    response.set_settings_toml("listen = \"x\"\n");
    return absl::StatusOr<v1::GetServerInfoResponse>(response);
  };
  EXPECT_EQ(Run({"info"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("9.8.7"));
  EXPECT_THAT(out.str(), HasSubstr("1.5 MiB"));
  EXPECT_EQ(Run({"info", "--settings"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "listen = \"x\"\n");
}

TEST_F(CommandTest, EachLookingCommandReportsAFailedCall) {
  for (const char* command : {"workers", "types", "stats", "info"}) {
    EXPECT_EQ(Run({command}), ExitCode::kOther) << command;
    EXPECT_THAT(err.str(), HasSubstr("the test did not expect this call")) << command;
  }
  for (const char* command : {"events", "attempts"}) EXPECT_EQ(Run({command, "x"}), ExitCode::kBadInput) << command;
}

}  // namespace
}  // namespace baton::cli
