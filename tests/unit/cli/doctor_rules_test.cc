// What `baton doctor` makes of what it knows: each rule at its limit.
#include <set>

#include "absl/strings/str_cat.h"
#include "client_cli/doctor/examine.h"
#include "client_cli/doctor/rules.h"
#include "client_cli/doctor/thresholds.h"
#include "client_cli/status_details.h"
#include "client_cli/text/proto_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::cli::doctor {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

google::protobuf::Timestamp Ago(absl::Duration age) { return FromMicroseconds(absl::ToUnixMicros(kNow - age)); }

// A broker that is well.
class DoctorRulesTest : public testing::Test {
 protected:
  DoctorRulesTest() {
    facts.address = "127.0.0.1:7461";
    facts.version = "1.2.3";
    facts.now = kNow;
    facts.info.set_version("1.2.3");
    facts.info.set_data_dir("/var/lib/baton");
    facts.free_bytes = uint64_t{100} << 30;
    facts.statistics.set_slots(8);
    AddType("resize", 5, 2);
    AddWorker("w1");
  }

  v1::TypeInfo& AddType(const std::string& name, uint64_t pending, uint64_t due) {
    v1::TypeInfo& type = facts.types.emplace_back();
    type.set_type(name);
    type.set_workers(1);
    type.mutable_counts()->set_pending(pending);
    v1::TypeStatistics* counted = facts.statistics.add_types();
    counted->set_type(name);
    counted->set_due(due);
    counted->mutable_oldest_due()->set_seconds(1);
    return type;
  }

  v1::Worker& AddWorker(const std::string& name) {
    v1::Worker& worker = facts.workers.emplace_back();
    worker.set_worker_id(name);
    worker.set_state(v1::WORKER_STATE_CONNECTED);
    worker.mutable_last_seen()->set_seconds(1);
    return worker;
  }

  v1::TypeStatistics& counted() { return *facts.statistics.mutable_types(0); }

  // NOLINTNEXTLINE(readability-identifier-naming): tests read like sentences
  Facts facts;
};

auto Is(const char* rule, Severity severity, const char* subject, const std::string& what, const std::string& remedy) {
  return AllOf(Field(&Finding::rule, rule), Field(&Finding::severity, severity), Field(&Finding::subject, subject),
               Field(&Finding::what, HasSubstr(what)), Field(&Finding::remedy, HasSubstr(remedy)));
}

TEST_F(DoctorRulesTest, NothingIsWrongWithABrokerThatIsWell) { EXPECT_THAT(Diagnose(facts), IsEmpty()); }

TEST_F(DoctorRulesTest, RulesHaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const Rule& rule : AllRules()) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    EXPECT_EQ(rule.list == nullptr, rule.subjects == nullptr) << rule.name;
  }
}

TEST_F(DoctorRulesTest, AnotherVersionOfTheBroker) {
  facts.info.set_version("1.10.0");
  EXPECT_THAT(Diagnose(facts),
              ElementsAre(Is("version", Severity::kWarning, "", "baton 1.2.3, the broker is batond 1.10.0",
                             "apt install ./baton_1.10.0_*.deb")));
  facts.info.set_version("1.2.0");
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("version", Severity::kWarning, "", "batond 1.2.0",
                                              "upgrade the broker: `apt install ./batond_1.2.3_*.deb`")));
}

TEST_F(DoctorRulesTest, ADiskThatIsNearlyFull) {
  facts.settings.reserve_bytes = uint64_t{2} << 30;
  facts.free_bytes = uint64_t{4} << 30;
  EXPECT_THAT(Diagnose(facts), IsEmpty());
  *facts.free_bytes -= 1;
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("disk", Severity::kWarning, "", "/var/lib/baton has 4.0 GiB left",
                                              "baton retention run --older-than 1h")));
  facts.free_bytes = facts.settings.reserve_bytes - 1;
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("disk", Severity::kError, "", "new tasks are refused", "make room")));
  facts.settings.reserve_bytes = 0;
  EXPECT_THAT(Diagnose(facts), IsEmpty()) << "2 GiB are left";
  facts.free_bytes = kLeastFreeBytes - 1;
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("disk", Severity::kWarning, "", "left", "make room")));
  facts.free_bytes.reset();
  EXPECT_THAT(Diagnose(facts), IsEmpty());
}

TEST_F(DoctorRulesTest, BackupsThatAreMissingOrOld) {
  facts.backups.emplace();
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("backup", Severity::kWarning, "", "no backup in it", "baton backup ")));
  v1::Backup& newest = facts.backups->emplace_back();
  newest.set_name("nightly-7");
  *newest.mutable_created_at() = Ago(kBackupAge);
  *facts.backups->emplace_back().mutable_created_at() = Ago(absl::Hours(900));
  EXPECT_THAT(Diagnose(facts), IsEmpty()) << "the newest one counts";
  *facts.backups->front().mutable_created_at() = Ago(kBackupAge + absl::Seconds(1));
  EXPECT_THAT(Diagnose(facts),
              ElementsAre(Is("backup", Severity::kWarning, "", "nightly-7, is 1d2h old", "baton backup ")));
}

TEST_F(DoctorRulesTest, RecordsThatCannotBeRead) {
  for (uint64_t id = 1; id <= 12; ++id) facts.damaged.emplace_back().set_id(id);
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("damage", Severity::kError, "1",
                                              "12 tasks cannot be read, and are set aside: 1, 2, 3, 4, 5, 6, "
                                              "7, 8, 9, 10, ...",
                                              "baton doctor --data-dir /var/lib/baton")));
}

TEST_F(DoctorRulesTest, SchedulesThatTheBrokerPaused) {
  v1::Schedule& schedule = facts.schedules.emplace_back();
  schedule.mutable_definition()->set_name("nightly");
  schedule.set_state(v1::SCHEDULE_STATE_PAUSED);
  schedule.set_pause_actor("local");
  schedule.set_pause_reason("task 7 failed");
  schedule.set_last_task_id(7);
  *schedule.mutable_paused_at() = Ago(absl::Hours(2));
  EXPECT_THAT(Diagnose(facts), IsEmpty()) << "somebody wanted it";
  schedule.set_pause_actor("broker");
  EXPECT_THAT(Diagnose(facts),
              ElementsAre(Is("schedule", Severity::kError, "nightly", "because task 7 failed",
                             "`baton get 7` tells why it failed; then `baton schedule unpause nightly`")));
}

TEST_F(DoctorRulesTest, SchedulesThatSkipMoreThanTheyFire) {
  v1::Schedule& schedule = facts.schedules.emplace_back();
  schedule.mutable_definition()->set_name("often");
  schedule.set_state(v1::SCHEDULE_STATE_ACTIVE);
  schedule.set_last_task_id(9);
  schedule.set_last_task_lives(true);
  schedule.set_fired(3);
  schedule.set_skipped(3);
  EXPECT_THAT(Diagnose(facts), IsEmpty());
  schedule.set_skipped(4);
  EXPECT_THAT(Diagnose(facts),
              ElementsAre(Is("schedule-skips", Severity::kWarning, "often", "skipped 4 times", "baton explain 9")));
}

TEST_F(DoctorRulesTest, TasksThatNoWorkerCanRun) {
  v1::TypeInfo& type = facts.types[0];
  type.set_unservable(3);
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("unservable", Severity::kError, "resize",
                                              "3 tasks of type resize wait, and no worker has the capabilities",
                                              "baton workers --type resize")));
  type.set_workers(0);
  type.set_unservable(1);
  facts.unservable["resize"] = 42;
  EXPECT_THAT(
      Diagnose(facts),
      ElementsAre(Is("unservable", Severity::kError, "resize",
                     "1 task of type resize waits, and no connected worker has a handler of it", "baton explain 42")));
}

TEST_F(DoctorRulesTest, PausedTypesWithTasks) {
  v1::TypeInfo& type = facts.types[0];
  type.mutable_pause()->set_actor("local");
  type.mutable_pause()->set_reason("the mail server is down");
  *type.mutable_pause()->mutable_paused_at() = Ago(absl::Hours(3));
  type.set_unservable(3);
  counted().mutable_oldest_due()->set_seconds(100'000);
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("paused", Severity::kWarning, "resize",
                                              "paused by local 3h ago, and 5 tasks wait: the mail server is down",
                                              "baton types unpause resize")))
      << "and nothing else is said of it";
  type.mutable_counts()->set_pending(0);
  type.set_unservable(0);
  EXPECT_THAT(Diagnose(facts), IsEmpty());
}

TEST_F(DoctorRulesTest, LimitsThatAreReached) {
  v1::TypeInfo& type = facts.types[0];
  type.mutable_limit()->set_max_running(5);
  type.mutable_limit()->set_actor("local");
  type.mutable_counts()->set_running(4);
  EXPECT_THAT(Diagnose(facts), IsEmpty());
  type.mutable_counts()->set_running(5);
  EXPECT_THAT(Diagnose(facts),
              ElementsAre(Is("limit", Severity::kWarning, "resize", "limit of 5, set by local, and 2 tasks wait",
                             "baton types limit resize 10")));
  counted().set_due(0);
  EXPECT_THAT(Diagnose(facts), IsEmpty()) << "nobody waits";
}

TEST_F(DoctorRulesTest, WaitsThatAreTooLong) {
  counted().mutable_oldest_due()->set_seconds(599);
  EXPECT_THAT(Diagnose(facts), IsEmpty());
  counted().mutable_oldest_due()->set_seconds(600);
  EXPECT_THAT(Diagnose(facts),
              ElementsAre(Is("waits", Severity::kWarning, "resize", "2 tasks of type resize wait, the oldest for 10m",
                             "start more workers")));
  facts.statistics.set_slots_taken(8);
  EXPECT_THAT(Diagnose(facts)[0].what, HasSubstr(": all slots of all workers are taken"));
}

TEST_F(DoctorRulesTest, FailuresThatRise) {
  counted().mutable_counts()->set_completed(980);
  counted().mutable_counts()->set_permanently_failed(20);
  v1::Activity& activity = *counted().mutable_activity();
  activity.set_completed_per_second(0.91);
  activity.set_failed_per_second(0.09);
  EXPECT_THAT(Diagnose(facts), IsEmpty()) << "9 % are below the share";
  activity.set_failed_per_second(0.2);
  EXPECT_THAT(Diagnose(facts),
              ElementsAre(Is("failures", Severity::kWarning, "resize",
                             "18 % of the tasks of type resize that ended in the last minute failed for "
                             "good (of all that are kept: 2 %)",
                             "baton list --type resize --state permanently-failed")));
  activity.set_failed_per_second(0.91);
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("failures", Severity::kError, "resize", "50 %", "baton bulk retry")));
  activity.set_completed_per_second(0.001);
  activity.set_failed_per_second(0.04);
  EXPECT_THAT(Diagnose(facts), IsEmpty()) << "2.4 of them in a minute are too few to tell";
  activity.set_completed_per_second(0.7);
  activity.set_failed_per_second(0.3);
  counted().mutable_counts()->set_permanently_failed(400);
  EXPECT_THAT(Diagnose(facts), IsEmpty()) << "that is how it usually is";
}

TEST_F(DoctorRulesTest, OneFailureOfABrokerThatHasJustBeenStartedIsNone) {
  counted().mutable_activity()->set_failed_per_second(0.5);
  *facts.info.mutable_started_at() = Ago(absl::Seconds(2));
  EXPECT_THAT(Diagnose(facts), IsEmpty());
  *facts.info.mutable_started_at() = Ago(absl::Seconds(-5));
  EXPECT_THAT(Diagnose(facts), IsEmpty()) << "its clock is ahead";
  *facts.info.mutable_started_at() = Ago(absl::Seconds(6));
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("failures", Severity::kError, "resize", "100 %", "baton bulk retry")));
}

TEST_F(DoctorRulesTest, PeopleWhoDoNotDecide) {
  facts.undecided = 2;
  facts.oldest_undecided.set_id(42);
  facts.oldest_undecided.set_suspend_reason("approval of an order");
  facts.oldest_undecided.set_suspended_at_us(absl::ToUnixMicros(kNow - absl::Hours(72)));
  EXPECT_THAT(Diagnose(facts),
              ElementsAre(Is("undecided", Severity::kWarning, "42",
                             "2 tasks have waited for a decision for more than 1d, task 42 for 3d: approval "
                             "of an order",
                             "baton approve 42")));
}

TEST_F(DoctorRulesTest, WorkersThatAreSilent) {
  facts.settings.beat_window = absl::Seconds(20);
  v1::Worker& worker = facts.workers[0];
  worker.set_attempts(3);
  worker.set_pod_id("pod-7");
  worker.mutable_last_seen()->set_seconds(9);
  EXPECT_THAT(Diagnose(facts), IsEmpty());
  worker.mutable_last_seen()->set_seconds(10);
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("silent-worker", Severity::kWarning, "w1",
                                              "w1 does not beat: seen 10s ago, and holds 3 tasks", "in pod pod-7")));
  worker.mutable_last_seen()->set_seconds(0);
  worker.set_state(v1::WORKER_STATE_DISCONNECTED);
  EXPECT_THAT(Diagnose(facts),
              ElementsAre(Is("silent-worker", Severity::kWarning, "w1", "has lost its connection", "baton workers")));
}

TEST_F(DoctorRulesTest, WorkersThatHoldNothingMayBeSilentForLonger) {
  facts.settings.beat_window = absl::Seconds(20);
  v1::Worker& worker = facts.workers[0];
  worker.mutable_last_seen()->set_seconds(17);
  EXPECT_THAT(Diagnose(facts), IsEmpty()) << "it beats every 15 s, if all is well";
  worker.mutable_last_seen()->set_seconds(18);
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("silent-worker", Severity::kWarning, "w1",
                                              "seen 18s ago, and holds 0 tasks (workers.beat_window is 20s)",
                                              "baton workers")));
}

TEST_F(DoctorRulesTest, WorkersThatDrainForLong) {
  v1::Worker& worker = facts.workers[0];
  worker.set_state(v1::WORKER_STATE_DRAINING);
  worker.set_attempts(1);
  EXPECT_THAT(Diagnose(facts), IsEmpty());
  v1::Task& longest = facts.longest_of_draining["w1"];
  longest.set_id(42);
  longest.set_started_at_us(absl::ToUnixMicros(kNow - absl::Seconds(30)));
  EXPECT_THAT(Diagnose(facts), IsEmpty());
  longest.set_started_at_us(absl::ToUnixMicros(kNow - absl::Seconds(90)));
  EXPECT_THAT(Diagnose(facts), ElementsAre(Is("draining-worker", Severity::kWarning, "w1",
                                              "still holds 1 task: task 42 for 1m30s", "baton explain 42")));
}

TEST_F(DoctorRulesTest, ErrorsComeFirst) {
  facts.info.set_version("9");
  facts.types[0].set_unservable(1);
  EXPECT_THAT(Diagnose(facts), ElementsAre(Field(&Finding::rule, "unservable"), Field(&Finding::rule, "version")));
}

TEST(DoctorSettingsTest, AreReadAsTheBrokerWritesThem) {
  const BrokerSettings settings = ReadSettings(
      "[server]\ndrain_deadline = \"1m30s\"\n[storage]\nreserve_bytes = \"1.5GiB\"\n[workers]\nbeat_window = \"3s\"\n");
  EXPECT_EQ(settings.drain_deadline, absl::Seconds(90));
  EXPECT_EQ(settings.reserve_bytes, uint64_t{3} << 29);
  EXPECT_EQ(settings.beat_window, absl::Seconds(3));
  EXPECT_EQ(ReadSettings("[storage]\nreserve_bytes = \"none\"\n").reserve_bytes, 0u);
  EXPECT_EQ(ReadSettings("[storage]\nreserve_bytes = \"much\"\n").reserve_bytes, uint64_t{1} << 30);
  EXPECT_EQ(ReadSettings("no toml").beat_window, absl::Seconds(15));
}

TEST(DoctorUnreachableTest, CausesAreToldApart) {
  struct Case {
    absl::Status status;
    const char* address;
    const char* rule;
    const char* what;
    const char* remedy;
  };
  const auto unavailable = [](const char* cause) {
    return absl::UnavailableError(absl::StrCat("failed to connect to all addresses; last error: UNKNOWN: ", cause));
  };
  for (const Case& c : {
           Case{
               absl::UnavailableError("DNS resolution failed for h:1: C-ares status is not ARES_SUCCESS qtype=A name=h "
                                      "is_balancer=0: Domain name not found"),
               "h:1", "no-such-host", "the name h is not known", "getent hosts h"},
           {unavailable("ipv4:1.2.3.4:5: Failed to connect to remote host: Connection refused"), "1.2.3.4:5", "refused",
            "nothing listens at 1.2.3.4:5", "systemctl start batond"},
           {unavailable("unix:/s: Failed to connect to remote host: No such file or directory"), "unix:/s", "refused",
            "no socket /s", "ls -l /s"},
           {unavailable("unix:/s: Failed to connect to remote host: Permission denied"), "unix:/s", "socket-permission",
            "may not use the socket /s", "ls -l /s"},
           {unavailable("ipv4:1.2.3.4:5: Trying to connect an http1.x server"), "h:5", "wrong-port", "a web server",
            "server.listen"},
           {unavailable("ipv4:1.2.3.4:5: Failed parsing HTTP/2"), "h:5", "wrong-port", "something else",
            "server.listen"},
           {unavailable("ipv4:1.2.3.4:5: Socket closed"), "h:5", "tls", "it speaks TLS, or is no broker",
            "openssl s_client"},
           {unavailable("Ssl handshake failed: SSL_ERROR_SSL"), "h:5", "tls", "no agreement on TLS",
            "openssl s_client"},
           {unavailable("Ssl handshake failed: SSL_ERROR_SSL"), "tls://h:5", "tls", "with h:5",
            "openssl s_client -connect h:5`"},
           {unavailable("Ssl handshake failed: error:0A00010B:SSL routines::wrong version number"), "tls://h:5", "tls",
            "with h:5", "what listens there does not speak TLS: leave out tls://"},
           {unavailable("Ssl handshake failed: error:0A000086:SSL routines::certificate verify failed"), "tls://h:5",
            "tls", "no agreement on TLS", "--tls-ca"},
           {unavailable("ipv4:1.2.3.4:5: Socket closed"), "h:5", "tls", "it speaks TLS", "write tls://"},
           {unavailable("connection attempt timed out before receiving SETTINGS frame"), "h:5", "no-answer",
            "says nothing", "systemctl status batond"},
           {unavailable("No route to host"), "h:5", "no-route", "no way leads to h", "ip route get h"},
           {absl::UnknownError("Received http2 header with status: 404"), "h:5", "wrong-port", "a proxy",
            "server.listen"},
           {absl::DeadlineExceededError("Deadline Exceeded"), "h:5", "no-answer", "no answer from h:5",
            "--timeout 60s"},
           {absl::UnimplementedError(""), "h:5", "wrong-port", "no Baton broker", "server.listen"},
           {absl::UnauthenticatedError("a token is needed"), "h:5", "no-access", "a token is needed", "role observe"},
           {MakeStatus(absl::StatusCode::kUnauthenticated, "no token", "ACCESS_TOKEN_REQUIRED"), "h:5", "no-access",
            "no token", "--token-file"},
           {MakeStatus(absl::StatusCode::kUnavailable, "draining", "STOPPING"), "h:5", "not-ready",
            "starting or stopping", "journalctl"},
           {absl::UnavailableError("something new"), "h:5", "unreachable", "something new", "systemctl status"},
       }) {
    const Finding finding = DescribeUnreachable(c.status, c.address);
    EXPECT_EQ(finding.rule, c.rule) << c.status;
    EXPECT_EQ(finding.severity, Severity::kError);
    EXPECT_THAT(finding.what, HasSubstr(c.what));
    EXPECT_THAT(finding.remedy, HasSubstr(c.remedy));
  }
}

}  // namespace
}  // namespace baton::cli::doctor
