// What workers send, with every kind of wrong argument. What of the catalogue of errors this covers:
// wrong_arguments_test.cc.
#include "absl/strings/str_cat.h"
#include "tests/integration/wrong_request.h"

namespace baton {
namespace {

using grpc::StatusCode;

// A hello that is right but for what is left out or set.
std::string Hello(const std::string& set, const std::string& worker = "w2") {
  return absl::StrCat("hello { protocol_version: 1 worker_id: '", worker, "' instance_id: 'i' ", set, " }");
}
std::string Declares(const std::string& set) { return Hello(absl::StrCat("worker { ", set, " }")); }
std::string Handles(const std::string& set) { return Declares(absl::StrCat("handlers { ", set, " }")); }
std::string Beat(const std::string& held, int number = 1) {
  return absl::StrCat("session: <session> instance_id: 'w1-instance' number: ", number, " stream_open: true ", held);
}
std::string OutcomeOf(const std::string& token, const std::string& set) {
  return absl::StrCat("session: <session> outcomes { attempt_token: '<token ", token, ">' ", set, " }");
}
std::string Running(const std::string& set) { return OutcomeOf("of running", set); }
std::string ItemOf(const std::string& token, const std::string& set) {
  return absl::StrCat("items { attempt_token: '<token ", token, ">' ", set, " }");
}
std::string Item(const std::string& set) { return ItemOf("of running", set); }
std::string Part(const std::string& token, int part, const std::string& children = "children { type: 'idle' }") {
  return absl::StrCat("attempt_token: '<token ", token, ">' part: ", part, " ", children);
}

TEST_F(WrongRequestTest, Hellos) {  // B103, B260, S34
  const char* kClaim = "TaskBroker.Claim";
  SendAll({
      Row("no hello", kClaim, "", kInvalid, "HELLO_EXPECTED", {"`hello`", "send it first"}),
      Row("an update first", kClaim, "update {}", kInvalid, "HELLO_EXPECTED", {"`hello`"}),
      Row("another protocol", kClaim, "hello { protocol_version: 2 }", kPrecondition, "PROTOCOL_VERSION",
          {"hello.protocol_version is 2", "speaks 1", "matching version"}),
      Row("no worker id", kClaim, "hello { protocol_version: 1 instance_id: 'i' }", kInvalid, "FIELD_REQUIRED",
          {"hello.worker_id is required"}),
      Row("a blank worker id", kClaim, Hello("", "  "), kInvalid, "BAD_NAME", {"hello.worker_id is '  '"}),
      Row("an overlong worker id", kClaim, Hello("", "<129 letters>"), kInvalid, "FIELD_TOO_LONG",
          {"hello.worker_id has 129", "128"}),
      Row("no instance id", kClaim, "hello { protocol_version: 1 worker_id: 'w2' }", kInvalid, "FIELD_REQUIRED",
          {"hello.instance_id is required"}),
      Row("an overlong instance id", kClaim,
          "hello { protocol_version: 1 worker_id: 'w2' instance_id: '<65 letters>' }", kInvalid, "FIELD_TOO_LONG",
          {"hello.instance_id has 65", "64"}),
      Row("a badly spelt pod id", kClaim, Hello("pod_id: 'a b'"), kInvalid, "BAD_NAME", {"hello.pod_id is 'a b'"}),
      Row("an overlong client", kClaim, Hello("client: '<1025 letters>'"), kInvalid, "FIELD_TOO_LONG",
          {"hello.client has 1025", "1024"}),
      Row("too many types", kClaim, Hello("held_types: 'work'"), kInvalid, "COUNT_MISMATCH",
          {"hello.held_types has 1", "held_attempt_tokens 0", "one for each"}),
      Row("a short token", kClaim, Hello("held_attempt_tokens: 'short'"), kInvalid, "BAD_ATTEMPT_TOKEN",
          {"hello.held_attempt_tokens[0] has 5 bytes", "20"}),
      Row("the worker id of another process", kClaim, Hello("", "w1"), StatusCode::ALREADY_EXISTS, "WORKER_ID_IN_USE",
          {"'w1'", "w1-instance", "choose another"}),
      Row("an older generation of a pod", kClaim, Hello("pod_id: 'node' pod_generation: 4"), kPrecondition,
          "SUPERSEDED", {"pod 'node'", "generation 5", "(4)", "exit"}),
  });
}

TEST_F(WrongRequestTest, DeclarationsOfWorkers) {  // B103
  const char* kClaim = "TaskBroker.Claim";
  SendAll({
      Row("negative slots", kClaim, Declares("slots: -1"), kInvalid, "OUT_OF_RANGE",
          {"hello.worker.slots is -1", "0 to 10000"}),
      Row("too many slots", kClaim, Declares("slots: 10001"), kInvalid, "OUT_OF_RANGE",
          {"hello.worker.slots is 10001"}),
      Row("a badly spelt capability", kClaim, Declares("capabilities: 'a b'"), kInvalid, "BAD_NAME",
          {"hello.worker.capabilities is 'a b'"}),
      Row("too many capabilities", kClaim, Declares("<65 capabilities>"), kInvalid, "TOO_MANY_ITEMS",
          {"hello.worker.capabilities has 65", "64"}),
      Row("a handler of no type", kClaim, Handles(""), kInvalid, "FIELD_REQUIRED", {"hello.worker.handlers[0].type"}),
      Row("a handler of a badly spelt type", kClaim, Handles("type: 'a b'"), kInvalid, "BAD_NAME",
          {"hello.worker.handlers[0].type is 'a b'"}),
      Row("two handlers of a type", kClaim, Declares("handlers { type: 'work' } handlers { type: 'work' }"), kInvalid,
          "DUPLICATE_HANDLER", {"hello.worker.handlers[1].type is 'work'", "each type once"}),
      Row("an overlong description", kClaim, Handles("type: 'new' description: '<1025 letters>'"), kInvalid,
          "FIELD_TOO_LONG", {"hello.worker.handlers[0].description has 1025", "1024"}),
      Row("a handler's timeout out of range", kClaim, Handles("type: 'new' options { timeout_us: 1 }"), kInvalid,
          "OUT_OF_RANGE", {"hello.worker.handlers[0].options.timeout_us is 1"}),
      Row("a worker's attempts out of range", kClaim, Declares("default_options { max_retries: 0 }"), kInvalid,
          "OUT_OF_RANGE", {"hello.worker.default_options.max_retries is 0"}),
  });
}

TEST_F(WrongRequestTest, Updates) {
  const std::vector<std::pair<std::string, std::string>> kRows = {
      {"slots: -1", "update.slots is -1"},
      {"capabilities: 'a b'", "update.capabilities is 'a b'"},
      {"handlers {}", "update.handlers[0].type is required"},
      {"handlers { type: 'work' options { priority: 21 } }", "update.handlers[0].options.priority is 21"},
  };
  const Stored before = Store();
  for (const auto& [update, named] : kRows) {
    SCOPED_TRACE(update);
    const auto worker = Connect("w2", "work", 0);
    ASSERT_TRUE(worker->Update(Parsed<v1::WorkerUpdate>(update)));
    EXPECT_FALSE(worker->NextDelivery().has_value());
    const grpc::Status status = worker->Finish();
    EXPECT_EQ(status.error_code(), kInvalid);
    EXPECT_THAT(status.error_message(), ::testing::HasSubstr(named));
    EXPECT_TRUE(Store() == before);
  }
}

TEST_F(WrongRequestTest, Heartbeats) {
  const char* kHeartbeat = "TaskBroker.Heartbeat";
  SendAll({
      Row("no session", kHeartbeat, "instance_id: 'w1-instance' number: 1", kInvalid, "FIELD_REQUIRED",
          {"session is required", "welcome"}),
      Row("no instance id", kHeartbeat, "session: <session> number: 1", kInvalid, "FIELD_REQUIRED",
          {"instance_id is required"}),
      Row("a badly spelt instance id", kHeartbeat, "session: <session> instance_id: 'a b' number: 1", kInvalid,
          "BAD_NAME", {"instance_id is 'a b'"}),
      Row("no number", kHeartbeat, "session: <session> instance_id: 'w1-instance'", kInvalid, "FIELD_REQUIRED",
          {"number is required", "from 1"}),
      Row("no token", kHeartbeat, Beat("held {}"), kInvalid, "BAD_ATTEMPT_TOKEN",
          {"held[0].attempt_token is required"}),
      Row("a short token", kHeartbeat, Beat("held { attempt_token: 'short' }"), kInvalid, "BAD_ATTEMPT_TOKEN",
          {"held[0].attempt_token has 5 bytes", "20"}),
      Row("more than a worker can hold", kHeartbeat, Beat("<20001 held>"), kInvalid, "TOO_MANY_ITEMS",
          {"held has 20001", "20000"}),
  });
}

// A heartbeat is no proof of anything: it is answered with what is over, and a stranger is told to say hello.
TEST_F(WrongRequestTest, HeartbeatsOfWhatIsOver) {
  const Stored before = Store();
  int number = 0;
  for (const char* token : {"<token void>", "<token unknown>", "<token foreign>", "<token of completed>"}) {
    TestContext context;
    v1::HeartbeatResponse response;
    const auto request = Parsed<v1::HeartbeatRequest>(
        Beat(absl::StrCat("held { attempt_token: '", token, "' } held { attempt_token: '<token of running>' }",
                          "held { attempt_token: '<token of deep>' } held { attempt_token: '<token of staging>' }"),
             ++number));
    ASSERT_THAT(tasks().Heartbeat(&context, request, &response), IsOk());
    EXPECT_THAT(response.over(), ::testing::ElementsAre(request.held(0).attempt_token())) << token;
    EXPECT_FALSE(response.reconnect()) << token;
    EXPECT_TRUE(Store() == before) << token;
  }
  for (const char* stranger :
       {"session: 999 instance_id: 'w1-instance' number: 1", "session: <session> instance_id: 'another' number: 1"}) {
    TestContext context;
    v1::HeartbeatResponse response;
    ASSERT_THAT(tasks().Heartbeat(&context, Parsed<v1::HeartbeatRequest>(stranger), &response), IsOk());
    EXPECT_TRUE(response.reconnect()) << stranger;
    EXPECT_TRUE(Store() == before) << stranger;
  }
}

TEST_F(WrongRequestTest, OutcomesOfWrongAttempts) {  // B95, B194, B260, S138
  const char* kComplete = "TaskBroker.Complete";
  std::vector<WrongRequest> rows = {
      Row("too many outcomes", kComplete, "<1001 outcomes>", kInvalid, "TOO_MANY_ITEMS",
          {"outcomes has 1001", "1000", "cut"}),
      Row("no token", kComplete, "outcomes { succeeded {} }", kInvalid, "BAD_ATTEMPT_TOKEN",
          {"outcomes[0].attempt_token is required", "of the delivery"}),
      Row("a short token", kComplete, "outcomes { attempt_token: 'short' succeeded {} }", kInvalid, "BAD_ATTEMPT_TOKEN",
          {"outcomes[0].attempt_token has 5 bytes", "20", "unchanged"}),
  };
  for (const char* outcome :
       {"succeeded {}", "spawned { children { type: 'idle' } }", "suspended { reason: 'x' }", "released {}"}) {
    rows.push_back(Row("an attempt before the present one", kComplete, OutcomeOf("void", outcome), kAborted,
                       "ATTEMPT_OVER", {"attempt 1 of task <running>", "drop its outcome"}));
    rows.push_back(Row("a store before the present one", kComplete, OutcomeOf("foreign", outcome), kAborted,
                       "ATTEMPT_OVER", {"outcomes[0].attempt_token", "another store"}));
    rows.push_back(Row("a task that does not exist", kComplete, OutcomeOf("unknown", outcome), StatusCode::NOT_FOUND,
                       "TASK_NOT_FOUND", {"task <unknown>", "of the delivery"}));
  }
  for (const char* ended : {"of completed", "of failed", "of waiting"}) {
    rows.push_back(Row("an attempt that has ended otherwise", kComplete, OutcomeOf(ended, "suspended { reason: 'x' }"),
                       kAborted, "ATTEMPT_OVER", {"attempt 1 of task"}));
  }
  SendAll(rows);
}

TEST_F(WrongRequestTest, WrongOutcomes) {  // B143, B260
  const char* kComplete = "TaskBroker.Complete";
  SendAll({
      Row("no outcome", kComplete, Running(""), kInvalid, "FIELD_REQUIRED",
          {"outcomes[0] says no outcome", "succeeded"}),
      Row("a result that is not JSON", kComplete, Running("succeeded { result { json: '{' } }"), kInvalid,
          "MALFORMED_JSON", {"outcomes[0].succeeded.result.json is '{'"}),
      Row("too large a result", kComplete, Running("succeeded { result { data: '<1 MiB and a byte>' } }"), kInvalid,
          "PAYLOAD_TOO_LARGE", {"outcomes[0].succeeded.result has 1048577", "1048576"}),
      Row("a failure without a text", kComplete, Running("failed { error: ' ' }"), kInvalid, "FIELD_REQUIRED",
          {"outcomes[0].failed.error is required"}),
      Row("a suspension without a reason", kComplete, Running("suspended {}"), kInvalid, "FIELD_REQUIRED",
          {"outcomes[0].suspended.reason is required"}),
      Row("a suspension with a blank reason", kComplete, Running("suspended { reason: ' \\t' }"), kInvalid,
          "FIELD_REQUIRED", {"outcomes[0].suspended.reason is required"}),
      Row("an overlong reason", kComplete, Running("suspended { reason: '<1025 letters>' }"), kInvalid,
          "FIELD_TOO_LONG", {"outcomes[0].suspended.reason has 1025", "1024"}),
      Row("a context that is not JSON", kComplete, Running("suspended { reason: 'x' context { json: '' } }"), kInvalid,
          "MALFORMED_JSON", {"outcomes[0].suspended.context.json is ''"}),
      Row("no time to decide", kComplete, Running("suspended { reason: 'x' timeout_us: 0 }"), kInvalid, "OUT_OF_RANGE",
          {"outcomes[0].suspended.timeout_us is 0", "1ms to 3650d"}),
      Row("an unknown default", kComplete, Running("suspended { reason: 'x' timeout_us: 1000 when_undecided: 9 }"),
          kInvalid, "OUT_OF_RANGE", {"outcomes[0].suspended.when_undecided is 9", "CANCEL"}),
      Row("a default that never comes", kComplete,
          Running("suspended { reason: 'x' when_undecided: WHEN_UNDECIDED_FAIL }"), kInvalid, "FIELD_REQUIRED",
          {"outcomes[0].suspended.when_undecided", "timeout_us", "how long"}),
      Row("a decision that nobody reads", kComplete,
          Running("suspended { reason: 'x' timeout_us: 1000 default_decision { json: '1' } }"), kInvalid,
          "FIELDS_EXCLUDE_EACH_OTHER", {"outcomes[0].suspended.default_decision", "RESUME"}),
      Row("an overlong reason of a release", kComplete, Running("released { reason: '<1025 letters>' }"), kInvalid,
          "FIELD_TOO_LONG", {"outcomes[0].released.reason has 1025"}),
      Row("a child without a type", kComplete, Running("spawned { children { type: 'idle' } children {} }"), kInvalid,
          "FIELD_REQUIRED", {"outcomes[0].spawned.children[1].type is required"}),
      Row("a child of a badly spelt type", kComplete, Running("spawned { children { type: 'a b' } }"), kInvalid,
          "BAD_NAME", {"outcomes[0].spawned.children[0].type is 'a b'"}),
      Row("a child with a unique key", kComplete, Running("spawned { children { type: 'idle' unique_key: 'k' } }"),
          kInvalid, "UNIQUE_KEY_OF_CHILD", {"outcomes[0].spawned.children[0].unique_key", "leave it empty"}),
      Row("a child with a malformed trace parent", kComplete,
          Running("spawned { children { type: 'idle' trace_parent: 'x' } }"), kInvalid, "BAD_TRACE_CONTEXT",
          {"outcomes[0].spawned.children[0].trace_parent is 'x'"}),
      Row("too many children in one message", kComplete, Running("spawned { <1001 children> }"), kInvalid,
          "TOO_MANY_ITEMS", {"outcomes[0].spawned.children has 1001", "1000", "SpawnChildren"}),
      Row("a context of the children that is too large", kComplete,
          Running("spawned { context { data: '<1 MiB and a byte>' } }"), kInvalid, "PAYLOAD_TOO_LARGE",
          {"outcomes[0].spawned.context has 1048577"}),
      Row("a part that was never staged", kComplete, Running("spawned { parts: 1 }"), kPrecondition, "PART_MISSING",
          {"1 staged parts", "0 are there", "SpawnChildren"}),
      Row("a staged part that is left out", kComplete, OutcomeOf("of staging", "spawned { children { type: 'idle' } }"),
          kPrecondition, "PART_MISSING", {"0 staged parts", "1 are there"}),
      Row("more children than a spawn may have", kComplete,
          OutcomeOf("of staging", "spawned { parts: 1 children { type: 'idle' } children { type: 'idle' } }"), kInvalid,
          "TOO_MANY_CHILDREN", {"at most 3", "not 4", "next stage"}),
      Row("children below the deepest level", kComplete, OutcomeOf("of deep", "spawned { children { type: 'idle' } }"),
          kInvalid, "TOO_DEEP", {"task <deep>", "1 levels"}),
      Row("a checkpoint without a code", kComplete, Running("succeeded {} checkpoints {}"), kInvalid, "FIELD_REQUIRED",
          {"outcomes[0].checkpoints[0].code is required"}),
      Row("an empty progress", kComplete, Running("succeeded {} progress {}"), kInvalid, "PROGRESS_EMPTY",
          {"outcomes[0].progress", "set text, stage_name or percent"}),
      Row("too much to report", kComplete,
          Running("succeeded {} checkpoints { code: 'a' metadata_json: '{}' } <300 KiB of checkpoints>"), kInvalid,
          "REPORTS_TOO_LARGE", {"outcomes[0].checkpoints and progress", "262144", "Audit"}),
  });
}

// Audit and Progress refuse attempts alike.
TEST_F(WrongRequestTest, ReportsOfWrongAttempts) {  // B194, B216, S138
  std::vector<WrongRequest> rows;
  for (const auto& [method, report] : {std::pair("TaskBroker.Audit", "checkpoint { code: 'a' }"),
                                       std::pair("TaskBroker.Progress", "progress { text: 'a' }")}) {
    rows.push_back(
        {"too many items", method, "<1001 items>", kInvalid, "TOO_MANY_ITEMS", {"items has 1001", "1000", "cut"}});
    rows.push_back(Row("no token", method, absl::StrCat("items { ", report, " }"), kInvalid, "BAD_ATTEMPT_TOKEN",
                       {"items[0].attempt_token is required"}));
    rows.push_back(Row("an attempt before the present one", method, ItemOf("void", report), kAborted, "ATTEMPT_OVER",
                       {"attempt 1 of task <running>"}));
    rows.push_back(Row("an ended task", method, ItemOf("of completed", report), kAborted, "ATTEMPT_OVER",
                       {"attempt 1 of task <completed>"}));
    rows.push_back(Row("a task that waits for a decision", method, ItemOf("of suspended", report), kAborted,
                       "ATTEMPT_OVER", {"attempt 1 of task <suspended>"}));
    rows.push_back(Row("a store before the present one", method, ItemOf("foreign", report), kAborted, "ATTEMPT_OVER",
                       {"items[0].attempt_token", "another store"}));
    rows.push_back(Row("a task that does not exist", method, ItemOf("unknown", report), StatusCode::NOT_FOUND,
                       "TASK_NOT_FOUND", {"task <unknown>"}));
  }
  SendAll(rows);
}

TEST_F(WrongRequestTest, WrongReports) {  // B211, B214, B260, S53
  const char *kAudit = "TaskBroker.Audit", *kProgress = "TaskBroker.Progress";
  SendAll({
      Row("no checkpoint", kAudit, Item(""), kInvalid, "FIELD_REQUIRED", {"items[0].checkpoint.code is required"}),
      Row("a blank code", kAudit, Item("checkpoint { code: ' ' }"), kInvalid, "FIELD_REQUIRED",
          {"items[0].checkpoint.code is required"}),
      Row("an overlong code", kAudit, Item("checkpoint { code: '<129 letters>' }"), kInvalid, "FIELD_TOO_LONG",
          {"items[0].checkpoint.code has 129", "128"}),
      Row("an overlong message", kAudit, Item("checkpoint { code: 'a' message: '<1025 letters>' }"), kInvalid,
          "FIELD_TOO_LONG", {"items[0].checkpoint.message has 1025", "1024"}),
      Row("metadata that is not JSON", kAudit, Item("checkpoint { code: 'a' metadata_json: '{' }"), kInvalid,
          "MALFORMED_JSON", {"items[0].checkpoint.metadata_json is '{'"}),
      Row("metadata that is a list", kAudit, Item("checkpoint { code: 'a' metadata_json: '[1]' }"), kInvalid,
          "MALFORMED_JSON", {"items[0].checkpoint.metadata_json is '[1]'", "not a JSON object"}),
      Row("too large metadata", kAudit, Item("checkpoint { code: 'a' metadata_json: '<64 KiB of JSON and more>' }"),
          kInvalid, "FIELD_TOO_LONG", {"items[0].checkpoint.metadata_json has", "65536"}),
      Row("no progress", kProgress, Item(""), kInvalid, "PROGRESS_EMPTY",
          {"items[0].progress", "set text, stage_name or percent"}),
      Row("a blank progress", kProgress, Item("progress { text: ' ' stage_name: '\\t' }"), kInvalid, "PROGRESS_EMPTY",
          {"items[0].progress"}),
      Row("metadata alone", kProgress, Item("progress { metadata_json: '{}' }"), kInvalid, "PROGRESS_EMPTY",
          {"items[0].progress"}),
      Row("less than nothing", kProgress, Item("progress { percent: -0.5 }"), kInvalid, "OUT_OF_RANGE",
          {"items[0].progress.percent is -0.5", "0 to 100"}),
      Row("more than all", kProgress, Item("progress { percent: 100.5 }"), kInvalid, "OUT_OF_RANGE",
          {"items[0].progress.percent is 100.5"}),
      Row("a percentage that is no number", kProgress, Item("progress { percent: nan }"), kInvalid, "OUT_OF_RANGE",
          {"items[0].progress.percent is nan"}),
      Row("an overlong text", kProgress, Item("progress { text: '<1025 letters>' }"), kInvalid, "FIELD_TOO_LONG",
          {"items[0].progress.text has 1025", "1024"}),
      Row("an overlong stage name", kProgress, Item("progress { stage_name: '<129 letters>' }"), kInvalid,
          "FIELD_TOO_LONG", {"items[0].progress.stage_name has 129", "128"}),
      Row("metadata that is null", kProgress, Item("progress { text: 'a' metadata_json: 'null' }"), kInvalid,
          "MALFORMED_JSON", {"items[0].progress.metadata_json is 'null'", "not a JSON object"}),
  });
}

TEST_F(WrongRequestTest, SpawnChildren) {  // B260, S138
  const char* kSpawn = "TaskBroker.SpawnChildren";
  SendAll({
      Row("no token", kSpawn, "part: 1 children { type: 'idle' }", kInvalid, "BAD_ATTEMPT_TOKEN",
          {"attempt_token is required", "of the delivery"}),
      Row("a short token", kSpawn, "attempt_token: 'short' part: 1", kInvalid, "BAD_ATTEMPT_TOKEN", {"5 bytes", "20"}),
      Row("an attempt before the present one", kSpawn, Part("void", 1), kAborted, "ATTEMPT_OVER",
          {"attempt 1 of task <running>", "stop working"}),
      Row("an ended task", kSpawn, Part("of completed", 1), kAborted, "ATTEMPT_OVER", {"task <completed>"}),
      Row("a parent that waits already", kSpawn, Part("of waiting", 1), kAborted, "ATTEMPT_OVER", {"task <waiting>"}),
      Row("a store before the present one", kSpawn, Part("foreign", 1), kAborted, "ATTEMPT_OVER", {"another store"}),
      Row("a parent that does not exist", kSpawn, Part("unknown", 1), StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>", "of the delivery"}),
      Row("no part", kSpawn, Part("of running", 0), kInvalid, "FIELD_REQUIRED", {"part is 0", "from 1"}),
      Row("no children", kSpawn, Part("of running", 1, ""), kInvalid, "FIELD_REQUIRED",
          {"children is required", "at least one"}),
      Row("too many children in a part", kSpawn, Part("of running", 1, "<1001 children>"), kInvalid, "TOO_MANY_ITEMS",
          {"children has 1001", "1000", "several parts"}),
      Row("a part before the one before it", kSpawn, Part("of running", 2), kPrecondition, "PART_MISSING",
          {"part 2", "part 1", "in order"}),
      Row("more children than a spawn may have", kSpawn,
          Part("of staging", 2, "children { type: 'idle' } children { type: 'idle' }"), kInvalid, "TOO_MANY_CHILDREN",
          {"at most 3", "not 4"}),
      Row("children below the deepest level", kSpawn, Part("of deep", 1), kInvalid, "TOO_DEEP",
          {"task <deep>", "1 levels"}),
      Row("a child without a type", kSpawn, Part("of running", 1, "children { type: 'idle' } children {}"), kInvalid,
          "FIELD_REQUIRED", {"children[1].type is required"}),
      Row("a child with a unique key", kSpawn, Part("of running", 1, "children { type: 'idle' unique_key: 'k' }"),
          kInvalid, "UNIQUE_KEY_OF_CHILD", {"children[0].unique_key"}),
      Row("a child with an option out of range", kSpawn,
          Part("of running", 1, "children { type: 'idle' options { priority: 21 } }"), kInvalid, "OUT_OF_RANGE",
          {"children[0].options.priority is 21"}),
  });
}

TEST_F(WrongRequestTest, ListChildOutcomes) {
  const char* kList = "TaskBroker.ListChildOutcomes";
  SendAll({
      Row("no token", kList, "", kInvalid, "BAD_ATTEMPT_TOKEN", {"attempt_token is required"}),
      Row("a short token", kList, "attempt_token: 'short'", kInvalid, "BAD_ATTEMPT_TOKEN", {"5 bytes", "20"}),
      Row("an attempt before the present one", kList, "attempt_token: '<token void>'", kAborted, "ATTEMPT_OVER",
          {"attempt 1 of task <running>"}),
      Row("a parent that still waits", kList, "attempt_token: '<token of waiting>'", kAborted, "ATTEMPT_OVER",
          {"task <waiting>"}),
      Row("a store before the present one", kList, "attempt_token: '<token foreign>'", kAborted, "ATTEMPT_OVER",
          {"another store"}),
      Row("a parent that does not exist", kList, "attempt_token: '<token unknown>'", StatusCode::NOT_FOUND,
          "TASK_NOT_FOUND", {"task <unknown>", "check the id"}),
      Row("a negative page size", kList, "attempt_token: '<token of running>' page_size: -1", kInvalid, "PAGE_SIZE",
          {"page_size is -1"}),
      Row("too large a page size", kList, "attempt_token: '<token of running>' page_size: 1001", kInvalid, "PAGE_SIZE",
          {"page_size is 1001", "1 to 1000"}),
      Row("the token of another list", kList, "attempt_token: '<token of running>' page_token: '<page of tasks>'",
          kInvalid, "BAD_PAGE_TOKEN", {"<page of tasks>"}),
  });
}

}  // namespace
}  // namespace baton
