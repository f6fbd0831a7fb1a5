// baton doctor as a command: what it asks, what it prints, and how it ends.
#include "absl/strings/str_cat.h"
#include "client_cli/doctor/thresholds.h"
#include "client_cli/text/proto_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

// A broker that answers everything, and is well.
class DoctorTest : public CommandTest {
 protected:
  DoctorTest() {
    broker.info = [this] { return absl::StatusOr<v1::GetServerInfoResponse>(info); };
    broker.statistics = [this] { return absl::StatusOr<v1::GetStatisticsResponse>(statistics); };
    broker.list_types = [this] { return absl::StatusOr<v1::ListTypesResponse>(types); };
    broker.list_workers = [this](const v1::ListWorkersRequest&, absl::Duration) {
      return absl::StatusOr<v1::ListWorkersResponse>(workers);
    };
    broker.list_schedules = [](const v1::ListSchedulesRequest&) {
      return absl::StatusOr<v1::ListSchedulesResponse>(v1::ListSchedulesResponse());
    };
    broker.list_backups = []() -> absl::StatusOr<v1::ListBackupsResponse> {
      return MakeStatus(absl::StatusCode::kFailedPrecondition, "no backup directory", "BACKUP_NOT_CONFIGURED");
    };
    broker.list_tasks = [this](const v1::ListTasksRequest& request, absl::Duration) {
      lists.push_back(request);
      v1::ListTasksResponse response;
      if (request.filter().awaits_decision()) {
        for (const v1::Task& task : undecided) *response.add_tasks() = task;
      } else if (!request.filter().worker_id().empty()) {
        for (const v1::Task& task : held) *response.add_tasks() = task;
      } else {
        for (const v1::Task& task : live) *response.add_tasks() = task;
        if (endless) response.set_next_page_token("more");
      }
      return absl::StatusOr<v1::ListTasksResponse>(response);
    };
    info.set_version("1.2.3");
    info.set_data_dir("/var/lib/baton");
  }

  v1::Task Live(uint64_t id) {
    v1::Task task = MakeTask(id, v1::TASK_STATE_PENDING);
    task.set_created_at_us(absl::ToUnixMicros(now));
    task.set_runnable(true);
    return task;
  }

  v1::GetServerInfoResponse info;
  v1::GetStatisticsResponse statistics;
  v1::ListTypesResponse types;
  v1::ListWorkersResponse workers;
  std::vector<v1::Task> live;
  std::vector<v1::Task> undecided;
  std::vector<v1::Task> held;
  bool endless = false;
  std::vector<v1::ListTasksRequest> lists;
};

TEST_F(DoctorTest, NothingIsWrong) {
  live.push_back(Live(1));
  EXPECT_EQ(Run({"doctor"}), ExitCode::kOk) << out.str();
  EXPECT_EQ(out.str(), "broker at 127.0.0.1:7461: nothing is wrong\n");
  EXPECT_EQ(Run({"doctor", "--json"}), ExitCode::kOk);
  EXPECT_EQ(nlohmann::json::parse(out.str()), (nlohmann::json{{"subject", "broker at 127.0.0.1:7461"},
                                                              {"findings", nlohmann::json::array()},
                                                              {"not_checked", nlohmann::json::array()}}));
}

TEST_F(DoctorTest, FindingsComeWithWhatToDo) {
  info.set_version("1.2.4");
  v1::TypeInfo* type = types.add_types();
  type->set_type("resize");
  type->set_unservable(2);
  live = {Live(7), Live(8), Live(9)};
  live[1].set_runnable(false);
  live[2].set_created_at_us(0);
  EXPECT_EQ(Run({"doctor"}), ExitCode::kFinding);
  EXPECT_EQ(out.str(),
            "error    the records of 1 task cannot be read, and are set aside: 9\n"
            "      -> stop the broker, then look at its store: `baton doctor --data-dir /var/lib/baton`\n"
            "error    2 tasks of type resize wait, and no connected worker has a handler of it\n"
            "      -> start a worker that can: `baton explain 8` tells what is missing\n"
            "warning  this program is baton 1.2.3, the broker is batond 1.2.4\n"
            "      -> install baton 1.2.4 here: `apt install ./baton_1.2.4_*.deb`\n"
            "broker at 127.0.0.1:7461: 2 errors, 1 warning\n");
  EXPECT_EQ(Run({"doctor", "-o", "jsonl"}), ExitCode::kFinding);
  const std::string first = out.str().substr(0, out.str().find('\n'));
  EXPECT_EQ(nlohmann::json::parse(first),
            (nlohmann::json{
                {"rule", "damage"},
                {"severity", "error"},
                {"subject", "9"},
                {"what", "the records of 1 task cannot be read, and are set aside: 9"},
                {"remedy", "stop the broker, then look at its store: `baton doctor --data-dir /var/lib/baton`"}}));
}

TEST_F(DoctorTest, ManyOfAKindAreSummedUp) {
  const auto add = [this](int count) {
    for (int i = 0; i < count; ++i) {
      v1::TypeInfo* type = types.add_types();
      type->set_type(absl::StrCat("t", types.types_size()));
      type->set_unservable(1);
    }
  };
  add(11);
  v1::TypeInfo* paused = types.add_types();
  paused->set_type("paused");
  paused->mutable_counts()->set_pending(1);
  paused->mutable_pause()->set_actor("ann");
  EXPECT_EQ(Run({"doctor"}), ExitCode::kFinding);
  EXPECT_THAT(out.str(), HasSubstr("type t11 waits")) << "a line about one would take the place of that one";
  EXPECT_THAT(out.str(), Not(HasSubstr(" more ")));
  add(14'994);
  EXPECT_EQ(Run({"doctor"}), ExitCode::kFinding);
  EXPECT_THAT(out.str(), HasSubstr("type t10 waits"));
  EXPECT_THAT(out.str(), Not(HasSubstr("type t11 waits")));
  EXPECT_THAT(out.str(),
              HasSubstr("\n         and 14995 more types: `baton types --unservable`\nwarning  type paused"));
  EXPECT_THAT(out.str(), HasSubstr("broker at 127.0.0.1:7461: 15005 errors of 1 kind, 1 warning\n"));
  EXPECT_EQ(Run({"doctor", "--json"}), ExitCode::kFinding);
  EXPECT_THAT(nlohmann::json::parse(out.str())["findings"], SizeIs(15'006)) << "programs are told all";
}

TEST_F(DoctorTest, WhatOthersWroteCannotSteerTheTerminal) {
  v1::TypeInfo* type = types.add_types();
  type->set_type("resize");
  type->mutable_counts()->set_pending(1);
  type->mutable_pause()->set_reason("\x1b]0;owned\x07");
  EXPECT_EQ(Run({"doctor"}), ExitCode::kFinding);
  EXPECT_THAT(out.str(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(out.str(), HasSubstr("\\x1b]0;owned\\x07"));
}

TEST_F(DoctorTest, OnlyThoseThatWaitForLongAreUndecided) {
  const absl::Time limit = now - doctor::kDecisionWait;
  for (const absl::Duration age : {absl::Hours(-1), absl::Hours(5), absl::Hours(9)}) {
    undecided.push_back(MakeTask(undecided.size() + 1, v1::TASK_STATE_SUSPENDED));
    undecided.back().set_suspended_at_us(absl::ToUnixMicros(limit - age));
  }
  EXPECT_EQ(Run({"doctor"}), ExitCode::kFinding);
  EXPECT_THAT(out.str(), HasSubstr("2 tasks have waited for a decision for more than 1d, task 3 for 1d9h"));
  EXPECT_EQ(lists.back().filter().created_before().seconds(), absl::ToUnixSeconds(limit));
}

TEST_F(DoctorTest, DrainingWorkersAreAskedAbout) {
  v1::Worker* worker = workers.add_workers();
  worker->set_worker_id("w1");
  worker->set_state(v1::WORKER_STATE_DRAINING);
  worker->set_attempts(2);
  for (const int minutes : {3, 9}) {
    held.push_back(MakeTask(minutes, v1::TASK_STATE_RUNNING));
    held.back().set_started_at_us(absl::ToUnixMicros(now - absl::Minutes(minutes)));
  }
  EXPECT_EQ(Run({"doctor"}), ExitCode::kFinding);
  EXPECT_THAT(out.str(), HasSubstr("worker w1 is draining, and still holds 2 tasks: task 9 for 9m"));
}

TEST_F(DoctorTest, WhatCannotBeAskedIsTold) {
  broker.list_types = []() -> absl::StatusOr<v1::ListTypesResponse> {
    return absl::ResourceExhaustedError("too busy");
  };
  free_bytes.reset();
  endless = true;
  live.push_back(Live(1));
  EXPECT_EQ(Run({"doctor"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "not checked: types (too busy)\n"
            "not checked: damage of older live tasks (they are behind 10 pages of newer ones)\n"
            "not checked: the disk (/var/lib/baton cannot be seen from here)\n"
            "broker at 127.0.0.1:7461: nothing is wrong\n");
  EXPECT_THAT(lists, SizeIs(doctor::kMostPages + 1));
  EXPECT_EQ(Run({"--broker", "tls://localhost:1", "doctor"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("the disk (/var/lib/baton cannot be seen from here)"));
  EXPECT_EQ(Run({"--broker", "far:1", "doctor", "--json"}), ExitCode::kOk);
  EXPECT_EQ(nlohmann::json::parse(out.str())["not_checked"][2],
            (nlohmann::json{{"what", "the disk"}, {"why", "the broker is on another machine"}}));
}

TEST_F(DoctorTest, ABrokerThatIsNotThere) {
  broker.info = []() -> absl::StatusOr<v1::GetServerInfoResponse> {
    return absl::UnavailableError("last error: UNKNOWN: ipv4:127.0.0.1:7461: Connection refused");
  };
  EXPECT_EQ(Run({"doctor"}), ExitCode::kUnavailable);
  EXPECT_THAT(out.str(), HasSubstr("error    the machine answers, and nothing listens at 127.0.0.1:7461\n"));
  EXPECT_THAT(out.str(), HasSubstr("broker at 127.0.0.1:7461: 1 error\n"));
}

TEST_F(DoctorTest, AStoreIsVerified) {
  batond = ProgramOutput{.exit_code = 0, .out = "No damage was found.\n"};
  EXPECT_EQ(Run({"doctor", "--data-dir", "/data"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "store /data: nothing is wrong\n");
  EXPECT_THAT(batond_arguments, ElementsAre("verify", "/data"));
  batond =
      ProgramOutput{.exit_code = 1,
                    .out =
                        "state: task 71: the live table says PENDING\n1 finding: 1 state\nverified as of commit 3\n"
                        "Nothing is lost: all of it can be rebuilt by batond verify /my data --repair\n"};
  EXPECT_EQ(Run({"doctor", "--data-dir", "/my data"}), ExitCode::kFinding);
  EXPECT_EQ(
      out.str(),
      "error    the store is damaged, 1 finding: 1 state, the first one state: task 71: the live table says PENDING\n"
      "      -> nothing is lost, all of it can be rebuilt: `batond verify '/my data' --repair`\n"
      "store /my data: 1 error\n");
  batond->out = "end (lost): task 7\n1 finding: 1 end\n1 of the findings cannot be made good.\n";
  EXPECT_EQ(Run({"doctor", "--data-dir", "/data"}), ExitCode::kFinding);
  EXPECT_THAT(out.str(), HasSubstr("`batond verify /data --repair --drop-lost`"));
  EXPECT_THAT(out.str(), HasSubstr("`mv /data /data-damaged && cp -a BACKUP /data`"));
  batond =
      ProgramOutput{.exit_code = 2, .out = "", .err = "batond: data directory /data is in use by another batond: x\n"};
  EXPECT_EQ(Run({"doctor", "--data-dir", "/data"}), ExitCode::kFinding);
  EXPECT_THAT(out.str(), HasSubstr("systemctl stop batond"));
  batond = absl::NotFoundError("batond is neither beside this program nor on PATH");
  EXPECT_EQ(Run({"doctor", "--data-dir", "/data"}), ExitCode::kNotFound);
  EXPECT_THAT(err.str(), HasSubstr("neither beside this program"));
  EXPECT_EQ(connected_to, "");
}

TEST_F(DoctorTest, AStoreThatDoesNotOpenIsToldInTheWordsOfTheBroker) {
  batond = ProgramOutput{.exit_code = 1,
                         .out = "",
                         .err = "[ERROR] [db/version_set.cc:42] Corruption\n"
                                "batond: data directory /my data/ is damaged: 000012.sst\n"};
  EXPECT_EQ(Run({"doctor", "--data-dir", "/my data/"}), ExitCode::kFinding);
  EXPECT_EQ(out.str(),
            "error    data directory /my data/ is damaged: 000012.sst\n"
            "      -> restore a backup (deploy/README.md, Restore): `mv '/my data' '/my data-damaged' && cp -a BACKUP "
            "'/my data'`\n"
            "store /my data/: 1 error\n");
  batond->err = "Killed\nfor lack of memory\n";
  EXPECT_EQ(Run({"doctor", "--data-dir", "/data"}), ExitCode::kFinding);
  EXPECT_THAT(out.str(), HasSubstr("error    Killed\n"));
}

TEST_F(DoctorTest, ADirectoryThatIsNoStoreIsNotToBeRestored) {
  struct Case {
    int exit_code;
    const char* complaint;
  };
  for (const Case& c : {Case{2, "data directory /dta does not exist"},
                        {2, "data directory /dta holds no store"},
                        {2, "data directory /dta: Not a directory: name a directory"},
                        {1,
                         "data directory /dta is damaged: it has the table or log file dpkg.log but no file CURRENT. "
                         "Restore a backup, or name another directory"}}) {
    batond = ProgramOutput{.exit_code = c.exit_code, .out = "", .err = absl::StrCat("batond: ", c.complaint, "\n")};
    EXPECT_EQ(Run({"doctor", "--data-dir", "/dta"}), ExitCode::kFinding);
    EXPECT_THAT(out.str(), HasSubstr(c.complaint));
    EXPECT_THAT(out.str(), HasSubstr("-> correct --data-dir")) << c.complaint;
    EXPECT_THAT(out.str(), Not(HasSubstr("cp -a"))) << c.complaint;
  }
}

}  // namespace
}  // namespace baton::cli
