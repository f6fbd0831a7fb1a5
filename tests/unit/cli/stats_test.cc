// baton stats with conditions, baton workers with conditions, and the word list behind workers and types.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Two pages of counts.
class StatsTest : public CommandTest {
 protected:
  StatsTest() {
    broker.count_tasks = [this](const v1::CountTasksRequest& request, absl::Duration) {
      requests.push_back(request);
      v1::CountTasksResponse response;
      if (request.page_token().empty()) {
        response.set_next_page_token("next");
        AddCount(&response, "nightly", "resize", v1::TASK_STATE_PENDING, 2);
      } else {
        AddCount(&response, "", "crop", v1::TASK_STATE_RUNNING, 1);
        AddCount(&response, "nightly", "resize", v1::TASK_STATE_PENDING, 40);
        AddCount(&response, "nightly", "resize", v1::TASK_STATE_PERMANENTLY_FAILED, 3);
      }
      return absl::StatusOr<v1::CountTasksResponse>(response);
    };
  }

  void AddCount(v1::CountTasksResponse* response, const std::string& tag, const std::string& type, v1::TaskState state,
                uint64_t tasks) {
    v1::TaskCount* count = response->add_counts();
    if (requests.back().group_by_tag()) count->set_tag(tag);
    count->set_type(type);
    count->set_state(state);
    count->set_tasks(tasks);
    if (state == v1::TASK_STATE_PENDING) count->mutable_oldest_due()->set_seconds(static_cast<int64_t>(tasks));
  }

  std::vector<v1::CountTasksRequest> requests;
};

TEST_F(StatsTest, CountsOfAllPagesAreAddedUp) {  // B247
  EXPECT_EQ(Run({"stats", "--tag", "nightly"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "TYPE    STATE               TASKS  OLDEST\n"
            "crop    RUNNING             1      -\n"
            "resize  PENDING             42     40s\n"
            "resize  PERMANENTLY_FAILED  3      -\n")
      << "the longest wait of both pages";
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].filter().tag(), "nightly");
  EXPECT_FALSE(requests[0].group_by_tag());
  EXPECT_EQ(requests[1].page_token(), "next");
  EXPECT_EQ(requests[1].filter().tag(), "nightly");
}

TEST_F(StatsTest, TagsAreCountedApart) {  // B247
  EXPECT_EQ(Run({"stats", "--by-tag"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "TAG      TYPE    STATE               TASKS  OLDEST\n"
            "-        crop    RUNNING             1      -\n"
            "nightly  resize  PENDING             42     40s\n"
            "nightly  resize  PERMANENTLY_FAILED  3      -\n");
  EXPECT_TRUE(requests[1].group_by_tag());
}

TEST_F(StatsTest, CountsAsJson) {  // B247
  EXPECT_EQ(Run({"stats", "--by-tag", "--type", "resize", "--state", "pending,permanently-failed", "-o", "json"}),
            ExitCode::kOk);
  const nlohmann::json counts = nlohmann::json::parse(out.str());
  ASSERT_EQ(counts.size(), 3u);
  EXPECT_EQ(counts[0], (nlohmann::json{{"tag", ""}, {"type", "crop"}, {"state", "RUNNING"}, {"tasks", 1}}));
  EXPECT_EQ(counts[1]["tag"], "nightly");
  EXPECT_EQ(counts[1]["tasks"], 42);
  EXPECT_EQ(requests[0].filter().type(), "resize");
  EXPECT_THAT(requests[0].filter().states(), ElementsAre(v1::TASK_STATE_PENDING, v1::TASK_STATE_PERMANENTLY_FAILED));
  EXPECT_EQ(Run({"stats", "--type", "resize", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_THAT(out.str(),
              HasSubstr("{\"type\":\"resize\",\"state\":\"PENDING\",\"tasks\":42,\"oldest_due_us\":40000000}\n"));
}

TEST_F(StatsTest, CountsOfNothingAreEmpty) {
  broker.count_tasks = [](const v1::CountTasksRequest&, absl::Duration) {
    return absl::StatusOr<v1::CountTasksResponse>(v1::CountTasksResponse());
  };
  EXPECT_EQ(Run({"stats", "--tag", "nobody"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(err.str(), "no such tasks\n");
  EXPECT_EQ(Run({"stats", "--tag", "nobody", "-o", "json"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "[]\n");
}

TEST_F(StatsTest, APageThatFailsEndsTheCount) {
  const auto count = broker.count_tasks;
  broker.count_tasks = [count](const v1::CountTasksRequest& request,
                               absl::Duration timeout) -> absl::StatusOr<v1::CountTasksResponse> {
    if (!request.page_token().empty()) return absl::UnavailableError("Connection refused");
    return count(request, timeout);
  };
  EXPECT_EQ(Run({"stats", "--tag", "nightly"}), ExitCode::kUnavailable);
  EXPECT_EQ(out.str(), "") << "half a count would be taken for the whole";
}

TEST_F(StatsTest, FailedIsTheStateThatColumnsOfCountsCallSo) {
  EXPECT_EQ(Run({"stats", "--state", "failed,cancelled"}), ExitCode::kOk);
  EXPECT_THAT(requests.back().filter().states(),
              ElementsAre(v1::TASK_STATE_PERMANENTLY_FAILED, v1::TASK_STATE_CANCELLED));
}

TEST_F(StatsTest, BadConditionsAreFoundBeforeTheBrokerIsAsked) {
  EXPECT_EQ(Run({"stats", "--state", "waiting"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("--state: unknown value \"waiting\"; it is one of PENDING, RUNNING"));
  EXPECT_EQ(Run({"stats", "--created-since", "soon"}), ExitCode::kBadInput);
  EXPECT_THAT(requests, IsEmpty());
  EXPECT_EQ(connected_to, "");
}

// What happened to two tags of two types, and to tags that are not told.
class RatesTest : public CommandTest {
 protected:
  RatesTest() {
    Add("hourly", "crop", 3);
    Add("nightly", "crop", 0.25);
    Add("nightly", "resize", 1660);
    statistics.mutable_other_tags()->set_completed_per_second(7);
    broker.statistics = [this] { return absl::StatusOr<v1::GetStatisticsResponse>(statistics); };
  }

  void Add(const std::string& tag, const std::string& type, double completed_per_second) {
    v1::TagStatistics* added = statistics.add_tags();
    added->set_tag(tag);
    added->set_type(type);
    added->mutable_activity()->set_completed_per_second(completed_per_second);
    added->mutable_activity()->mutable_ran_p50()->set_seconds(2);
    added->mutable_activity()->mutable_ran_p99()->set_seconds(90);
  }

  v1::GetStatisticsResponse statistics;
};

TEST_F(RatesTest, OfEachTagAndType) {  // B247
  EXPECT_EQ(Run({"stats", "--rates"}), ExitCode::kOk);
  EXPECT_TRUE(broker.statistics_request.by_tag());
  EXPECT_EQ(out.str(),
            "TAG       TYPE    NEW/S  DONE/S  FAILED/S  RETRIED/S  QUEUED  RAN\n"
            "hourly    crop    -      3.0     -         -          -       2s/1m30s\n"
            "nightly   crop    -      0.25    -         -          -       2s/1m30s\n"
            "nightly   resize  -      1660    -         -          -       2s/1m30s\n"
            "(others)  -       -      7.0     -         -          -       -\n");
}

TEST_F(RatesTest, OfOneTagOrType) {
  EXPECT_EQ(Run({"stats", "--rates", "--tag", "nightly", "-o", "json"}), ExitCode::kOk);
  const nlohmann::json rows = nlohmann::json::parse(out.str());
  ASSERT_EQ(rows.size(), 2u) << "others may not have the tag";
  EXPECT_EQ(rows[1]["type"], "resize");
  EXPECT_EQ(rows[1]["activity"]["ran_p99_us"], 90'000'000);
  EXPECT_EQ(Run({"stats", "--rates", "--type", "resize", "--tag", "hourly"}), ExitCode::kOk);
  EXPECT_THAT(err.str(), HasSubstr("nothing happened to such tasks"));
}

TEST_F(RatesTest, GoWithNoOtherCondition) {
  EXPECT_EQ(Run({"stats", "--rates", "--tag", "nightly", "--state", "pending"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("--rates goes with --tag and --type alone"));
}

TEST_F(StatsTest, OnlyRatesOfWhatHappenedAreColoured) {
  terminal = true;
  v1::GetStatisticsResponse statistics;
  v1::Activity& activity = *statistics.add_types()->mutable_activity();
  activity.set_failed_per_second(1.5);
  activity.set_retried_per_second(2.5);
  broker.statistics = [&] { return absl::StatusOr<v1::GetStatisticsResponse>(statistics); };
  EXPECT_EQ(Run({"stats"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("\x1b[31m1.5\x1b[0m"));
  EXPECT_THAT(out.str(), HasSubstr("\x1b[33m2.5\x1b[0m"));
  EXPECT_THAT(out.str(), Not(HasSubstr("m-\x1b[0m"))) << "nothing is neither good nor bad";
}

TEST_F(StatsTest, RatesAreWrittenAsPeopleDo) {
  v1::GetStatisticsResponse statistics;
  v1::Activity& activity = *statistics.add_types()->mutable_activity();
  activity.set_created_per_second(1660.4);
  activity.set_completed_per_second(0.523);
  activity.set_failed_per_second(0.0004);
  broker.statistics = [&] { return absl::StatusOr<v1::GetStatisticsResponse>(statistics); };
  EXPECT_EQ(Run({"stats"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr(" 1660   0.52    <0.01     -  "));
}

// Of three types one has tasks that no worker can run.
class TypesTest : public CommandTest {
 protected:
  TypesTest() {
    broker.list_types = [] {
      v1::ListTypesResponse response;
      for (const char* type : {"crop", "resize", "train"}) response.add_types()->set_type(type);
      response.mutable_types(2)->set_unservable(4);
      return absl::StatusOr<v1::ListTypesResponse>(response);
    };
  }
};

TEST_F(TypesTest, ThoseThatNobodyCanRunAreListedAlone) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{"types"}, {"types", "list"}}) {
    std::vector<std::string> words = command;
    EXPECT_EQ(Run(words), ExitCode::kOk);
    EXPECT_THAT(out.str(), HasSubstr("crop"));
    words.insert(words.end(), {"--unservable", "-o", "jsonl"});
    EXPECT_EQ(Run(words), ExitCode::kOk);
    EXPECT_EQ(nlohmann::json::parse(out.str())["type"], "train") << "and no other line";
  }
  EXPECT_EQ(Run({"types", "--unservable"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), Not(HasSubstr("crop")));
  broker.list_types = [] { return absl::StatusOr<v1::ListTypesResponse>(v1::ListTypesResponse()); };
  EXPECT_EQ(Run({"types", "--unservable"}), ExitCode::kOk);
  EXPECT_EQ(err.str(), "live workers can run all tasks there are\n");
}

TEST_F(TypesTest, VerbsDoNotTakeTheOptionOfTheList) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{"types", "pause", "crop", "--unservable"},
                                                  {"types", "--unservable", "unpause", "crop"},
                                                  {"types", "limit", "crop", "3", "--unservable"}}) {
    EXPECT_EQ(Run(command), ExitCode::kBadInput);
    EXPECT_THAT(err.str(), HasSubstr("--unservable is for the list of types"));
  }
}

class WorkersTest : public CommandTest {
 protected:
  WorkersTest() {
    broker.list_workers = [this](const v1::ListWorkersRequest& asked, absl::Duration) {
      request = asked;
      return absl::StatusOr<v1::ListWorkersResponse>(v1::ListWorkersResponse());
    };
  }

  v1::ListWorkersRequest request;
};

TEST_F(WorkersTest, TheListIsPassedItsConditions) {  // B199
  EXPECT_EQ(Run({"workers", "--state", "draining,Disconnected", "--pod", "p1", "--type", "resize", "--capability",
                 "GPU,SSD", "--capability", "EU"}),
            ExitCode::kOk);
  EXPECT_THAT(request.filter().states(), ElementsAre(v1::WORKER_STATE_DRAINING, v1::WORKER_STATE_DISCONNECTED));
  EXPECT_EQ(request.filter().pod_id(), "p1");
  EXPECT_EQ(request.filter().type(), "resize");
  EXPECT_THAT(request.filter().capabilities(), ElementsAre("GPU", "SSD", "EU"));
  EXPECT_EQ(err.str(), "no such live workers\n");
  EXPECT_EQ(Run({"workers"}), ExitCode::kOk);
  EXPECT_EQ(request.filter().ByteSizeLong(), 0u);
  EXPECT_EQ(err.str(), "no live workers\n");
}

TEST_F(WorkersTest, TheWordListMayBeSaid) {
  using Words = std::vector<std::string>;
  for (const Words& words : {Words{"workers", "list", "--state", "draining", "--capability", "GPU,SSD", "--pod", "p1"},
                             {"workers", "--state", "draining", "list", "--capability", "GPU,SSD", "--pod=p1"},
                             {"workers", "--state", "draining", "--capability", "GPU,SSD", "--pod", "p1", "list"}}) {
    request.Clear();
    EXPECT_EQ(Run(words), ExitCode::kOk) << err.str();
    EXPECT_THAT(request.filter().states(), ElementsAre(v1::WORKER_STATE_DRAINING));
    EXPECT_THAT(request.filter().capabilities(), ElementsAre("GPU", "SSD"));
    EXPECT_EQ(request.filter().pod_id(), "p1");
    EXPECT_EQ(err.str(), "no such live workers\n");
  }
  EXPECT_EQ(Run({"workers", "list"}), ExitCode::kOk);
  EXPECT_EQ(request.filter().ByteSizeLong(), 0u);
  EXPECT_EQ(err.str(), "no live workers\n");
}

TEST_F(WorkersTest, TypesAreListedByTheWordTooAndNothingMayFollowIt) {
  broker.list_types = [] {
    v1::ListTypesResponse response;
    response.add_types()->set_type("resize");
    return absl::StatusOr<v1::ListTypesResponse>(response);
  };
  EXPECT_EQ(Run({"types"}), ExitCode::kOk);
  const std::string listed = out.str();
  EXPECT_THAT(listed, HasSubstr("resize"));
  EXPECT_EQ(Run({"types", "list"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), listed);
  using Words = std::vector<std::string>;
  for (const Words& words :
       {Words{"types", "list", "pause"}, {"workers", "list", "w1"}, {"workers", "list", "drain"}}) {
    EXPECT_EQ(Run(words), ExitCode::kBadInput) << words.back();
    EXPECT_THAT(err.str(), HasSubstr("baton " + words[0] + " list: "));
  }
}

TEST_F(WorkersTest, AWorkerMayBeCalledList) {
  std::vector<std::string> drained;
  broker.drain_worker = [&drained](const v1::DrainWorkerRequest& asked) {
    drained.push_back(asked.worker_id());
    return absl::StatusOr<v1::DrainWorkerResponse>(v1::DrainWorkerResponse());
  };
  EXPECT_EQ(Run({"workers", "drain", "list", "w1"}), ExitCode::kOk) << err.str();
  EXPECT_THAT(drained, ElementsAre("list", "w1"));
}

TEST_F(WorkersTest, AllPagesAreListed) {  // B199
  std::vector<std::string> tokens;
  broker.list_workers = [&tokens](const v1::ListWorkersRequest& asked, absl::Duration) {
    EXPECT_EQ(asked.filter().type(), "resize");
    tokens.push_back(asked.page_token());
    v1::ListWorkersResponse response;
    if (tokens.size() == 1) {
      for (const char* name : {"w1", "w2"}) response.add_workers()->set_worker_id(name);
      response.set_next_page_token("second");
    } else if (tokens.size() == 2) {
      response.set_next_page_token("third");
    } else {
      for (const char* name : {"w3", "w1"}) {
        v1::Worker* worker = response.add_workers();
        worker->set_worker_id(name);
        worker->set_instance_id(std::string(name) + "-again");
      }
    }
    return absl::StatusOr<v1::ListWorkersResponse>(response);
  };
  EXPECT_EQ(Run({"workers", "--type", "resize", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_THAT(tokens, ElementsAre("", "second", "third"));
  std::vector<std::string> listed;
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json worker = nlohmann::json::parse(line);
    listed.push_back(worker.at("worker_id").get<std::string>());
    if (listed.back() != "w1") continue;
    EXPECT_THAT(line, HasSubstr("\"w1-again\"")) << "it reconnected while pages were read";
  }
  EXPECT_THAT(listed, ElementsAre("w1", "w2", "w3"));
}

TEST_F(WorkersTest, BadConditionsAreFoundBeforeTheBrokerIsAsked) {
  EXPECT_EQ(Run({"workers", "--state", "dead"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("--state: unknown value \"dead\"; it is one of CONNECTED, DRAINING, DISCONNECTED"));
  for (const char* option : {"--state", "--pod", "--type", "--capability"}) {
    EXPECT_EQ(Run({"workers", option, ""}), ExitCode::kBadInput) << option;
    EXPECT_THAT(err.str(), HasSubstr(std::string(option) + ": it is empty"));
  }
  EXPECT_EQ(connected_to, "");
}

TEST_F(WorkersTest, ConditionsDoNotChooseWhoIsDrained) {
  for (const char* option : {"--state=connected", "--pod=p1", "--type=resize", "--capability=GPU"}) {
    EXPECT_EQ(Run({"workers", "drain", "w1", option}), ExitCode::kBadInput) << option;
    EXPECT_THAT(err.str(), HasSubstr("drain takes workers by name")) << option;
  }
  EXPECT_EQ(connected_to, "");
}

}  // namespace
}  // namespace baton::cli
