#include "tests/integration/wrong_request.h"

#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>

#include <stdexcept>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "broker/storage/rocksdb_store.h"
#include "tests/integration/raw_call.h"

namespace baton {
namespace {

using google::protobuf::Message;
using Stored = std::map<std::pair<int, std::string>, std::string>;

constexpr uint64_t kUnknownTask = 999'999;

// A misspelt name ends the test.
const google::protobuf::MethodDescriptor* MethodOf(const std::string& name) {
  const auto* method = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName("baton.v1." + name);
  if (method == nullptr) throw std::invalid_argument(name);
  return method;
}

std::unique_ptr<Message> NewMessage(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<Message>(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

// The error of the only item of an answer; one of code 0 if there is none.
v1::Error ItemError(const Message& response) {
  const auto* results = response.GetDescriptor()->FindFieldByName("results");
  if (results == nullptr || response.GetReflection()->FieldSize(response, results) == 0) return {};
  EXPECT_EQ(response.GetReflection()->FieldSize(response, results), 1) << "a row has one item";
  const Message& result = response.GetReflection()->GetRepeatedMessage(response, results, 0);
  const auto* error = result.GetDescriptor()->FindFieldByName("error");
  v1::Error found;
  found.CopyFrom(result.GetReflection()->GetMessage(result, error));
  return found;
}

std::string Repeated(int count, const std::string& text) {
  std::string repeated;
  for (int i = 0; i < count; ++i) repeated += text;
  return repeated;
}

// The difference of two stores, for people.
std::string Difference(const Stored& before, const Stored& after) {
  std::string text;
  for (const auto& [key, value] : after) {
    const auto known = before.find(key);
    if (known != before.end() && known->second == value) continue;
    absl::StrAppend(&text, known == before.end() ? "new " : "changed ", key.first, " ", absl::CHexEscape(key.second),
                    " = ", absl::CHexEscape(value), "\n");
  }
  for (const auto& [key, value] : before) {
    if (after.count(key) == 0) absl::StrAppend(&text, "gone ", key.first, " ", absl::CHexEscape(key.second), "\n");
  }
  return text;
}

v1::Outcome Spawning(const std::string& type) {
  v1::Outcome outcome;
  outcome.mutable_spawned()->add_children()->set_type(type);
  return outcome;
}

}  // namespace

WrongRequestTest::WrongRequestTest() {
  // Nothing happens by itself, however slow the machine is: what is stored changes by calls alone.
  settings_.engine.page_interval = kDay;
  settings_.engine.beat_window = kDay;
  settings_.engine.grace = kDay;
  settings_.engine.defaults.timeout = kDay;
  settings_.engine.max_depth = 1;
  settings_.engine.max_children = 3;
  settings_.engine.max_schedules = 3;
}

void WrongRequestTest::SetUp() {
  BrokerTest::SetUp();
  v1::Hello hello = HelloOf("w1", "work");
  hello.set_pod_id("node");
  hello.set_pod_generation(5);
  worker_ = Say(hello);
  ASSERT_TRUE(worker_->ReadWelcome());
  things_["<session>"] = std::to_string(worker_->session());
  things_["<unknown>"] = std::to_string(kUnknownTask);
  SubmitTasks();
  EndTasks();
  RunTasks();
  MakeSchedules();
  ReadPages();
  NameSizes();
}

void WrongRequestTest::SubmitTasks() {
  v1::NewTask once;
  once.set_type("idle");
  once.set_unique_key("once");
  things_["<pending>"] = std::to_string(Submit(once));
  for (const char* name : {"<paused>", "<cancelled>"}) things_[name] = std::to_string(Submit("idle"));
  Do("TaskAdmin.PauseTask", "task_id: <paused>");
  Do("TaskBroker.Cancel", "task_id: <cancelled>");
  Do("TaskAdmin.PauseType", "type: 'held'");
  Do("TaskBroker.Submit", "request_id: 'used' tasks { type: 'idle' }");
}

v1::Delivery WrongRequestTest::Run(const std::string& task) {
  const std::optional<v1::Delivery> delivery = worker_->NextDelivery();
  EXPECT_TRUE(delivery.has_value());
  if (!delivery.has_value()) return {};
  things_["<" + task + ">"] = std::to_string(delivery->task_id());
  things_["<token of " + task + ">"] = absl::CEscape(delivery->attempt_token());
  return *delivery;
}

void WrongRequestTest::End(const std::string& task, v1::Outcome outcome) {
  Submit("work");
  outcome.set_attempt_token(Run(task).attempt_token());
  EXPECT_EQ(Complete(*worker_, outcome).code(), 0) << task;
}

void WrongRequestTest::EndTasks() {
  v1::Outcome outcome;
  outcome.mutable_succeeded();
  End("completed", outcome);
  outcome.mutable_failed()->set_error("it broke");
  End("failed", outcome);
  outcome.mutable_suspended()->set_reason("approval");
  End("suspended", outcome);
  End("waiting", Spawning("work"));
}

void WrongRequestTest::RunTasks() {
  Run("deep");
  Submit("work");
  v1::Outcome failure;
  failure.mutable_failed()->set_error("try again");
  failure.mutable_failed()->set_retryable(true);
  failure.set_attempt_token(Run("running").attempt_token());
  things_["<token void>"] = things_["<token of running>"];
  EXPECT_EQ(Complete(*worker_, failure).code(), 0);
  const std::string token = Run("running").attempt_token();
  std::string foreign = token;
  foreign[0] ^= 1;
  things_["<token foreign>"] = absl::CEscape(foreign);
  // The id comes after the incarnation, eight bytes each.
  things_["<token unknown>"] =
      absl::CEscape(token.substr(0, 8) + std::string("\0\0\0\0\0\x0f\x42\x3f", 8) + token.substr(16));
  Submit("work");
  // No other id is drawn between.
  things_["<staged child>"] = std::to_string(Run("staging").task_id() + 1);
  Do("TaskBroker.SpawnChildren",
     "attempt_token: '<token of staging>' part: 1 children { type: 'idle' } children { type: 'idle' }");
}

void WrongRequestTest::MakeSchedules() {
  for (const char* name : {"nightly", "held", "busy"}) {
    Do("TaskAdmin.CreateSchedule",
       absl::StrCat("schedule { name: '", name, "' cron: '0 0 29 2 *' task { type: 'idle' } }"));
  }
  Do("TaskAdmin.PauseSchedule", "name: 'held'");
  TestContext context;
  v1::TriggerScheduleRequest trigger;
  v1::TriggerScheduleResponse triggered;
  trigger.set_name("busy");
  EXPECT_THAT(admin().TriggerSchedule(&context, trigger, &triggered), IsOk());
  things_["<firing>"] = std::to_string(triggered.task_id());
}

void WrongRequestTest::ReadPages() {
  const auto read = [this](const std::string& method, const std::string& request) {
    std::unique_ptr<Message> response;
    EXPECT_THAT(Call(method, request, &response), IsOk());
    const auto* token = response->GetDescriptor()->FindFieldByName("next_page_token");
    std::string next = response->GetReflection()->GetString(*response, token);
    EXPECT_NE(next, "") << method << " has a second page";
    return next;
  };
  things_["<page of tasks>"] = read("TaskAdmin.ListTasks", "page_size: 1");
  things_["<page of events>"] = read("TaskAdmin.ListEvents", "task_id: <running> page_size: 1");
  things_["<page of attempts>"] = read("TaskAdmin.ListAttempts", "task_id: <running> page_size: 1");
  things_["<page of schedules>"] = read("TaskAdmin.ListSchedules", "page_size: 1");
}

void WrongRequestTest::NameSizes() {
  for (const int size : {65, 129, 257, 513, 1025, 16'000})
    things_[absl::StrCat("<", size, " letters>")] = std::string(size, 'x');
  things_["<100 odd letters>"] = Repeated(100, "ü");
  things_["<1 MiB and a byte>"] = std::string((1 << 20) + 1, 'x');
  things_["<64 KiB of JSON and more>"] = absl::StrCat("{\"a\": \"", std::string(64 << 10, 'x'), "\"}");
  things_["<300 KiB of checkpoints>"] =
      Repeated(300, absl::StrCat("checkpoints { code: 'a' message: '", std::string(1024, 'x'), "' } "));
  things_["<1001 tasks>"] = Repeated(1001, "tasks { type: 'idle' } ");
  things_["<1001 children>"] = Repeated(1001, "children { type: 'idle' } ");
  things_["<1001 outcomes>"] = Repeated(1001, "outcomes {} ");
  things_["<1001 items>"] = Repeated(1001, "items {} ");
  things_["<65 capabilities>"] = Repeated(65, "capabilities: 'gpu' ");
  things_["<17 names>"] = Repeated(17, "names: 'gpu' ");
  things_["<20001 held>"] = Repeated(20'001, "held {} ");
}

std::string WrongRequestTest::Filled(const std::string& text) const { return absl::StrReplaceAll(text, things_); }

grpc::Status WrongRequestTest::Call(const std::string& method, const std::string& request,
                                    std::unique_ptr<Message>* response) {
  const google::protobuf::MethodDescriptor* called = MethodOf(method);
  const std::unique_ptr<Message> message = NewMessage(called->input_type());
  *response = NewMessage(called->output_type());
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(Filled(request), message.get())) << request;
  const std::string path = absl::StrCat("/", called->service()->full_name(), "/", called->name());
  const RawAnswer answer = RawCall(channel(), path, message->SerializeAsString());
  if (!answer.status.ok()) return answer.status;
  EXPECT_TRUE((*response)->ParseFromString(answer.messages.at(0))) << method;
  return grpc::Status::OK;
}

v1::Error WrongRequestTest::Send(const std::string& method, const std::string& request) {
  std::unique_ptr<Message> response;
  const grpc::Status status = Call(method, request, &response);
  if (status.ok()) return ItemError(*response);
  v1::Error error;
  error.set_code(status.error_code());
  error.set_reason(ReasonOf(status));
  error.set_message(status.error_message());
  return error;
}

void WrongRequestTest::Do(const std::string& method, const std::string& request) {
  const v1::Error error = Send(method, request);
  EXPECT_EQ(error.code(), 0) << method << ": " << error.message();
}

WrongRequestTest::Stored WrongRequestTest::Store() {
  TestContext context;
  v1::GetServerInfoResponse info;
  EXPECT_THAT(admin().GetServerInfo(&context, v1::GetServerInfoRequest(), &info), IsOk());
  Stored stored;
  const auto snapshot = broker().store().TakeSnapshot();
  for (int family = 0; family < storage::kFamilyCount; ++family) {
    const absl::Status status = snapshot->Scan(static_cast<storage::Family>(family), "", "",
                                               [&](absl::string_view key, absl::string_view value) {
                                                 stored[{family, std::string(key)}] = std::string(value);
                                                 return true;
                                               });
    EXPECT_TRUE(status.ok()) << status;
  }
  stored[{storage::kFamilyCount, "commit"}] = std::to_string(snapshot->number());
  stored[{storage::kFamilyCount, "next task"}] = std::to_string(info.next_task_id());
  return stored;
}

void WrongRequestTest::Tamper(const std::function<void(const storage::Snapshot&, storage::WriteBatch*)>& change) {
  Stop();
  {
    const auto store = storage::OpenRocksDbStore(settings_.store);
    ASSERT_TRUE(store.ok()) << store.status();
    storage::WriteBatch batch;
    change(*(*store)->TakeSnapshot(), &batch);
    std::string error;
    ASSERT_EQ((*store)->Commit(batch, (*store)->number() + 1, &error), storage::CommitResult::kDone) << error;
  }
  Start();
}

void WrongRequestTest::SendAll(const std::vector<WrongRequest>& rows) {
  const Stored before = Store();
  ASSERT_GT(before.size(), 20u) << "there is something to be changed";
  for (const WrongRequest& row : rows) {
    SCOPED_TRACE(absl::StrCat(row.method, ": ", row.wrong));
    const v1::Error error = Send(row.method, row.request);
    EXPECT_EQ(error.code(), row.code) << error.message();
    EXPECT_EQ(error.reason(), row.reason) << error.message();
    for (const std::string& named : row.named) EXPECT_THAT(error.message(), ::testing::HasSubstr(Filled(named)));
    const Stored after = Store();
    ASSERT_TRUE(after == before) << Difference(before, after);
  }
}

}  // namespace baton
