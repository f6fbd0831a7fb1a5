#include "broker/service/submit.h"

#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "broker/service/task_decoder.h"
#include "broker/storage/memory_store.h"
#include "tests/unit/service/decoding_fixture.h"

namespace baton::service {
namespace {

constexpr char kTraceParent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class NoAnswer final : public engine::SubmitCommand {
 public:
  void Answer() override {}
};

class SubmitTest : public DecodingTest {
 protected:
  SubmitTest() { command_.actor = "local"; }

  static v1::NewTask* AddTask(v1::SubmitRequest* request) {
    v1::NewTask* task = request->add_tasks();
    task->set_type("render");
    return task;
  }
  // What a task is refused for after `change` was made to a good one.
  Error ErrorOf(const std::function<void(v1::NewTask*)>& change) {
    v1::SubmitRequest request;
    change(AddTask(&request));
    NoAnswer command;
    EXPECT_THAT(DecodeSubmit(decoding_, request, &command), IsOk());
    EXPECT_EQ(command.tasks.size(), 1u);
    return command.tasks[0].error;
  }

  v1::SubmitRequest request_;
  NoAnswer command_;
};

TEST_F(SubmitTest, DecodesEveryFieldOfATask) {
  v1::NewTask* task = AddTask(&request_);
  task->mutable_payload()->set_json("{\"n\": 1}");
  task->set_tag("nightly");
  task->mutable_options()->set_priority(-20);
  task->mutable_options()->set_retry_backoff(v1::RETRY_BACKOFF_EXPONENTIAL);
  for (const char* name : {"b", "a", "b"}) task->mutable_options()->mutable_required_capabilities()->add_names(name);
  task->set_delay_us(5);
  task->set_unique_key("k");
  task->set_unique_policy(v1::UNIQUE_POLICY_REJECT);
  task->set_trace_parent(kTraceParent);
  task->set_trace_state("rojo=1");
  ASSERT_THAT(DecodeSubmit(decoding_, request_, &command_), IsOk());
  const engine::NewTask& decoded = command_.tasks.at(0);
  ASSERT_THAT(decoded.error, IsOk());
  EXPECT_EQ(decoded.type, "render");
  EXPECT_EQ(decoded.delay, 5);
  EXPECT_EQ(decoded.options->priority, -20);
  EXPECT_EQ(decoded.options->retry_backoff, engine::Backoff::kExponential);
  EXPECT_EQ(decoded.options->required_capabilities, (engine::Capabilities{"a", "b"}));
  EXPECT_EQ(decoded.unique, HashOf(absl::string_view("render\0k", 8)));
  EXPECT_EQ(decoded.policy, engine::UniquePolicy::kReject);
  EXPECT_EQ(decoded.tag_hash, engine::TagHash("nightly"));
  records::v1::TaskRow row;
  ASSERT_TRUE(row.ParseFromString(decoded.row));
  EXPECT_EQ(row.payload().json(), "{\"n\": 1}");
  EXPECT_EQ(row.tag(), "nightly");
  EXPECT_EQ(row.options().priority(), -20);
  EXPECT_EQ(row.unique_key(), "k");
  EXPECT_EQ(row.actor(), "local");
  EXPECT_EQ(row.trace_parent(), kTraceParent);
  EXPECT_EQ(row.trace_state(), "rojo=1");
  EXPECT_EQ(decoded.trace->parent, kTraceParent);
  EXPECT_EQ(decoded.trace->state, "rojo=1");
}

TEST_F(SubmitTest, TasksThatNameNoTraceHaveThatOfTheCall) {
  constexpr char kOfTheCall[] = "00-0af7651916cd43dd8448eb211c80319c-00000000000000ca-01";
  Decoding decoding = decoding_;
  decoding.trace = std::make_shared<const engine::TraceContext>(engine::TraceContext{kOfTheCall, "congo=2"});
  AddTask(&request_);
  AddTask(&request_)->set_trace_parent(kTraceParent);
  AddTask(&request_)->set_trace_parent("malformed");
  ASSERT_THAT(DecodeSubmit(decoding, request_, &command_), IsOk());
  std::vector<records::v1::TaskRow> rows(2);
  for (size_t i = 0; i < rows.size(); ++i) ASSERT_TRUE(rows[i].ParseFromString(command_.tasks[i].row));
  EXPECT_EQ(rows[0].trace_parent(), kOfTheCall);
  EXPECT_EQ(rows[0].trace_state(), "congo=2");
  EXPECT_EQ(command_.tasks[0].trace->parent, kOfTheCall);
  EXPECT_EQ(rows[1].trace_parent(), kTraceParent);
  EXPECT_EQ(rows[1].trace_state(), "") << "that of the call belongs to another parent";
  EXPECT_THAT(command_.tasks[2].error, Refuses("BAD_TRACE_CONTEXT", "tasks[2].trace_parent is 'malformed'"));
}

TEST_F(SubmitTest, RefusesBadFieldsByName) {  // B5, B12, B58, B259, S70
  const struct {
    const char* reason;
    const char* named;
    std::function<void(v1::NewTask*)> change;
  } kBad[] = {
      {"FIELD_REQUIRED", "tasks[0].type", [](auto* t) { t->clear_type(); }},
      {"BAD_NAME", "tasks[0].type", [](auto* t) { t->set_type("no spaces"); }},
      {"FIELD_TOO_LONG", "tasks[0].tag", [](auto* t) { t->set_tag(std::string(129, 'a')); }},
      {"PAYLOAD_TOO_LARGE", "1048577",
       [](auto* t) { t->mutable_payload()->set_data(std::string((1 << 20) + 1, 'x')); }},
      {"MALFORMED_JSON", "tasks[0].payload.json", [](auto* t) { t->mutable_payload()->set_json("{"); }},
      {"FIELD_TOO_LONG", "tasks[0].payload.content_type",
       [](auto* t) { t->mutable_payload()->set_content_type(std::string(129, 'a')); }},
      {"OUT_OF_RANGE", "tasks[0].options.priority is 21", [](auto* t) { t->mutable_options()->set_priority(21); }},
      {"OUT_OF_RANGE", "tasks[0].options.timeout_us is 999",
       [](auto* t) { t->mutable_options()->set_timeout_us(999); }},
      {"OUT_OF_RANGE", "30d", [](auto* t) { t->mutable_options()->set_timeout_us(31 * kDay); }},
      {"OUT_OF_RANGE", "tasks[0].options.max_retries", [](auto* t) { t->mutable_options()->set_max_retries(0); }},
      {"OUT_OF_RANGE", "retry_interval_us", [](auto* t) { t->mutable_options()->set_retry_interval_us(-1); }},
      {"OUT_OF_RANGE", "retry_interval_cap_us",
       [](auto* t) { t->mutable_options()->set_retry_interval_cap_us(31 * kDay); }},
      {"OUT_OF_RANGE", "retry_jitter", [](auto* t) { t->mutable_options()->set_retry_jitter(1.1); }},
      {"OUT_OF_RANGE", "retry_jitter is nan",
       [](auto* t) { t->mutable_options()->set_retry_jitter(std::numeric_limits<double>::quiet_NaN()); }},
      {"OUT_OF_RANGE", "retry_backoff is 9",
       [](auto* t) { t->mutable_options()->set_retry_backoff(static_cast<v1::RetryBackoff>(9)); }},
      {"TOO_MANY_ITEMS", "required_capabilities",
       [](auto* t) {
         for (int i = 0; i < 17; ++i) t->mutable_options()->mutable_required_capabilities()->add_names("c");
       }},
      {"FIELD_REQUIRED", "required_capabilities",
       [](auto* t) { t->mutable_options()->mutable_required_capabilities()->add_names(""); }},
      {"OUT_OF_RANGE", "tasks[0].delay_us", [](auto* t) { t->set_delay_us(-1); }},
      {"OUT_OF_RANGE", "tasks[0].run_at_us", [](auto* t) { t->set_run_at_us(kNow + 3651 * kDay); }},
      {"FIELDS_EXCLUDE_EACH_OTHER", "run_at_us", [](auto* t) { t->set_run_at_us(0), t->set_delay_us(0); }},
      {"FIELD_TOO_LONG", "tasks[0].unique_key", [](auto* t) { t->set_unique_key(std::string(257, 'k')); }},
      {"OUT_OF_RANGE", "unique_policy is 9",
       [](auto* t) { t->set_unique_key("k"), t->set_unique_policy(static_cast<v1::UniquePolicy>(9)); }},
      {"FIELD_REQUIRED", "tasks[0].unique_policy is set without unique_key, to which it belongs: set both, or neither",
       [](auto* t) { t->set_unique_policy(v1::UNIQUE_POLICY_RETURN_EXISTING); }},
      {"BAD_TRACE_CONTEXT", "tasks[0].trace_parent is '00-1-2-3'", [](auto* t) { t->set_trace_parent("00-1-2-3"); }},
      {"FIELD_REQUIRED", "tasks[0].trace_state", [](auto* t) { t->set_trace_state("rojo=1"); }},
  };
  for (const auto& bad : kBad) EXPECT_THAT(ErrorOf(bad.change), Refuses(bad.reason, bad.named)) << bad.named;
}

TEST_F(SubmitTest, TakesTheLimitsThemselves) {
  EXPECT_THAT(ErrorOf([](auto* t) { t->set_type(std::string(128, 't')); }), IsOk());
  EXPECT_THAT(ErrorOf([](auto* t) { t->mutable_payload()->set_data(std::string(1 << 20, 'x')); }), IsOk());
  EXPECT_THAT(ErrorOf([](auto* t) { t->mutable_options()->set_timeout_us(30 * kDay); }), IsOk());
  EXPECT_THAT(ErrorOf([](auto* t) { t->set_delay_us(3650 * kDay); }), IsOk());
  EXPECT_THAT(ErrorOf([](auto* t) { t->set_run_at_us(kNow + 3650 * kDay); }), IsOk());
}

TEST_F(SubmitTest, AStartInThePastIsNow) {  // B58
  AddTask(&request_)->set_run_at_us(kNow - 1);
  AddTask(&request_)->set_run_at_us(-5);
  AddTask(&request_)->set_run_at_us(kNow + 1);
  ASSERT_THAT(DecodeSubmit(decoding_, request_, &command_), IsOk());
  EXPECT_EQ(command_.tasks[0].due, 0);
  EXPECT_EQ(command_.tasks[1].due, 0);
  EXPECT_EQ(command_.tasks[2].due, kNow + 1);
}

TEST_F(SubmitTest, OneBadTaskLeavesItsNeighboursAlone) {  // B62
  AddTask(&request_);
  AddTask(&request_)->set_type("");
  AddTask(&request_);
  ASSERT_THAT(DecodeSubmit(decoding_, request_, &command_), IsOk());
  EXPECT_THAT(command_.tasks[0].error, IsOk());
  EXPECT_THAT(command_.tasks[1].error, Refuses("FIELD_REQUIRED", "tasks[1].type"));
  EXPECT_TRUE(command_.tasks[1].row.empty());
  EXPECT_THAT(command_.tasks[2].error, IsOk());
}

TEST_F(SubmitTest, RefusesWholeCallsThatAreEmptyOrTooLong) {
  EXPECT_THAT(DecodeSubmit(decoding_, request_, &command_), Refuses("FIELD_REQUIRED", "tasks"));
  for (int i = 0; i < 1001; ++i) AddTask(&request_);
  EXPECT_THAT(DecodeSubmit(decoding_, request_, &command_), Refuses("TOO_MANY_ITEMS", "1001"));
  v1::SubmitRequest long_id;
  AddTask(&long_id);
  long_id.set_request_id(std::string(129, 'r'));
  EXPECT_THAT(DecodeSubmit(decoding_, long_id, &command_), Refuses("FIELD_TOO_LONG", "request_id"));
}

TEST_F(SubmitTest, TheBodyHashTellsBodiesApart) {
  AddTask(&request_);
  request_.set_request_id("r");
  NoAnswer same, other;
  ASSERT_THAT(DecodeSubmit(decoding_, request_, &command_), IsOk());
  ASSERT_THAT(DecodeSubmit(decoding_, request_, &same), IsOk());
  request_.mutable_tasks(0)->set_tag("t");
  ASSERT_THAT(DecodeSubmit(decoding_, request_, &other), IsOk());
  EXPECT_EQ(command_.body, same.body);
  EXPECT_NE(command_.body, other.body);
  EXPECT_EQ(command_.request, other.request);
}

TEST_F(SubmitTest, ChildrenCannotHaveUniqueKeys) {  // B146
  v1::NewTask child;
  child.set_type("render");
  child.set_unique_key("k");
  engine::NewTask task;
  EXPECT_THAT(DecodeNewTask(decoding_, Field("children", 0), TaskRole::kChild, "w", child, &task),
              Refuses("UNIQUE_KEY_OF_CHILD", "children[0].unique_key"));
  child.clear_unique_key();
  child.set_unique_policy(v1::UNIQUE_POLICY_REJECT);
  EXPECT_THAT(DecodeNewTask(decoding_, Field("children", 0), TaskRole::kChild, "w", child, &task),
              Refuses("FIELD_REQUIRED", "children[0].unique_policy is set without unique_key"));
}

class LookUpTest : public SubmitTest {
 protected:
  void Store(const engine::Key& key, const records::v1::KeyRow& row) {
    storage::WriteBatch batch;
    batch.Put(storage::Family::kKey, key, row.SerializeAsString());
    std::string error;
    ASSERT_EQ(store_->Commit(batch, store_->number() + 1, &error), storage::CommitResult::kDone) << error;
  }

  std::unique_ptr<storage::Store> store_ = storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>()).value();
};

TEST_F(LookUpTest, PlainTasksNeedNone) {
  AddTask(&request_);
  ASSERT_THAT(DecodeSubmit(decoding_, request_, &command_), IsOk());
  EXPECT_FALSE(NeedsLookUp(command_));
}

TEST_F(LookUpTest, FindsUniqueKeysOfTheSameType) {
  records::v1::KeyRow row;
  row.set_task(7);
  Store(engine::UniqueKey(UniqueHashOf("render", "k")), row);
  AddTask(&request_)->set_unique_key("k");
  AddTask(&request_)->set_unique_key("other");
  ASSERT_THAT(DecodeSubmit(decoding_, request_, &command_), IsOk());
  ASSERT_TRUE(NeedsLookUp(command_));
  ASSERT_THAT(LookUpKeys(*store_->TakeSnapshot(), kNow, &command_), IsOk());
  EXPECT_EQ(command_.looked_up_at, store_->number());
  EXPECT_EQ(command_.tasks[0].found, 7u);
  EXPECT_EQ(command_.tasks[1].found, 0u);
  EXPECT_FALSE(command_.found_request.has_value());
}

TEST_F(LookUpTest, FindsRequestsOfTheLastThreeWindows) {
  AddTask(&request_);
  request_.set_request_id("r");
  ASSERT_THAT(DecodeSubmit(decoding_, request_, &command_), IsOk());
  records::v1::KeyRow row;
  row.set_body_hash("h");
  Store(engine::RequestKey(engine::RequestWindowOf(kNow) - 2, command_.request), row);
  ASSERT_THAT(LookUpKeys(*store_->TakeSnapshot(), kNow, &command_), IsOk());
  ASSERT_TRUE(command_.found_request.has_value());
  EXPECT_EQ(command_.found_request->body_hash(), "h");
  command_.found_request.reset();
  ASSERT_THAT(LookUpKeys(*store_->TakeSnapshot(), kNow + engine::kRequestWindow, &command_), IsOk());
  EXPECT_FALSE(command_.found_request.has_value());
}

// An id may be used again after a day, and the row from before is still there.
TEST_F(LookUpTest, FindsTheNewestOfSeveralRequestsOfOneId) {
  AddTask(&request_);
  request_.set_request_id("r");
  ASSERT_THAT(DecodeSubmit(decoding_, request_, &command_), IsOk());
  const auto store_as_of = [this](WallMicros time, const std::string& body_hash) {
    records::v1::KeyRow row;
    row.set_time_us(time);
    row.set_body_hash(body_hash);
    Store(engine::RequestKey(engine::RequestWindowOf(time), command_.request), row);
  };
  const WallMicros before = kNow - 30 * kHour;
  ASSERT_EQ(engine::RequestWindowOf(before), engine::RequestWindowOf(kNow) - 2) << "it is not looked for";
  store_as_of(before, "before");
  store_as_of(kNow - kHour, "now");
  ASSERT_THAT(LookUpKeys(*store_->TakeSnapshot(), kNow, &command_), IsOk());
  ASSERT_TRUE(command_.found_request.has_value());
  EXPECT_EQ(command_.found_request->body_hash(), "now");
}

}  // namespace
}  // namespace baton::service
