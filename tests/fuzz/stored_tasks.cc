#include "tests/fuzz/stored_tasks.h"

#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "baton/v1/admin.pb.h"
#include "baton/v1/broker.pb.h"
#include "broker/base/check.h"
#include "broker/engine/routing_commands.h"
#include "broker/service/attempt_token.h"
#include "broker/service/outcomes.h"
#include "broker/service/routing.h"
#include "broker/service/schedules.h"
#include "broker/service/sessions.h"
#include "broker/service/submit.h"
#include "tests/fuzz/live_broker.h"

namespace baton::fuzz {
namespace {

using storage::Family;

// A worker with room for all, and an operator.
class Author {
 public:
  Author() : broker_({}, disk_) {
    const absl::Status opened = broker_.Open();
    BATON_CHECK(opened.ok(), opened.ToString());
    broker_.on_output = [this](const engine::SessionOutput& output) {
      for (const engine::Delivery& delivery : output.deliveries) attempts_[delivery.attempt.task] = delivery.attempt;
    };
    Connect();
  }

  void Write() {
    Submit(3, "work");
    Finish(1, [](v1::Outcome& outcome) { outcome.mutable_succeeded()->mutable_result()->set_json("{}"); });
    Finish(2, [](v1::Outcome& outcome) { outcome.mutable_failed()->set_error("it broke"); });
    Finish(3, [](v1::Outcome& outcome) {
      outcome.mutable_failed()->set_error("it broke");
      outcome.mutable_failed()->set_retryable(true);
    });
    Submit(2, "later");
    const engine::TaskId suspended = Submit(1, "work");
    Finish(suspended, [](v1::Outcome& outcome) { outcome.mutable_suspended()->set_reason("approval"); });
    const engine::TaskId parent = Submit(1, "work");
    Finish(parent, [](v1::Outcome& outcome) {
      outcome.mutable_spawned()->add_children()->set_type("work");
      outcome.mutable_spawned()->add_children()->set_type("later");
      outcome.mutable_spawned()->mutable_context()->set_data("context");
    });
    Finish(parent + 1, [](v1::Outcome& outcome) { outcome.mutable_succeeded(); });
    Submit(1, "work");
    StageChildren(Submit(1, "work"));
    CreateSchedule();
    LimitType();
    broker_.Advance(10 * kSecond);
    broker_.CheckEverything();
  }

  std::vector<StoredRow> Rows() {
    std::vector<StoredRow> rows;
    const std::shared_ptr<const storage::Snapshot> snapshot = broker_.Snapshot();
    for (int family = 0; family < storage::kFamilyCount; ++family) {
      const absl::Status read =
          snapshot->Scan(static_cast<Family>(family), "", "", [&](absl::string_view key, absl::string_view value) {
            rows.push_back({static_cast<Family>(family), std::string(key), std::string(value)});
            return true;
          });
      BATON_CHECK(read.ok(), read.ToString());
    }
    return rows;
  }

 private:
  service::Decoding Decoding() { return {limits_, broker_.incarnation(), broker_.clock().Read().wall}; }

  template <typename Command>
  void Do(const Error& error, std::unique_ptr<Asking<Command>> command, std::function<void(Command&)> then) {
    BATON_CHECK(error.ok(), error.message);
    command->on_answer = [then = std::move(then)](Command& answered) {
      BATON_CHECK(answered.error.ok(), answered.error.message);
      then(answered);
    };
    broker_.Queue(std::move(command));
    broker_.Settle();
  }

  void Connect() {
    v1::Hello hello;
    hello.set_protocol_version(1);
    hello.set_worker_id("worker");
    hello.set_instance_id("instance");
    hello.mutable_worker()->set_slots(20);
    v1::Handler& handler = *hello.mutable_worker()->add_handlers();
    handler.set_type("work");
    handler.mutable_options()->set_retry_interval_us(kHour);
    handler.mutable_options()->set_timeout_us(kDay);
    auto command = std::make_unique<Asking<engine::HelloCommand>>();
    command->actor = "worker";
    const Error error = service::DecodeHello(Decoding(), hello, command.get());
    Do<engine::HelloCommand>(error, std::move(command), [](auto&) {});
  }

  // The first id.
  engine::TaskId Submit(int count, const std::string& type) {
    v1::SubmitRequest request;
    for (int i = 0; i < count; ++i) {
      v1::NewTask& task = *request.add_tasks();
      task.set_type(type);
      task.set_tag("tag");
      task.mutable_payload()->set_json("[1]");
      if (type == "later") task.set_unique_key(absl::StrCat("key", i));
    }
    request.set_request_id(absl::StrCat("request", broker_.next_id()));
    auto command = std::make_unique<Asking<engine::SubmitCommand>>();
    command->actor = "local";
    Error error = service::DecodeSubmit(Decoding(), request, command.get());
    if (error.ok()) error = service::LookUpKeys(*broker_.Snapshot(), Decoding().now, command.get());
    engine::TaskId first = 0;
    Do<engine::SubmitCommand>(error, std::move(command), [&](auto& answered) { first = answered.results.at(0).id; });
    BATON_CHECK(first != 0, "not submitted");
    return first;
  }

  std::string TokenOf(engine::TaskId id) { return service::AttemptTokenOf(broker_.incarnation(), attempts_.at(id)); }

  void Finish(engine::TaskId id, const std::function<void(v1::Outcome&)>& say) {
    v1::CompleteRequest request;
    request.add_outcomes()->set_attempt_token(TokenOf(id));
    say(*request.mutable_outcomes(0));
    auto command = std::make_unique<Asking<engine::CompleteCommand>>();
    command->actor = "worker";
    const Error error = service::DecodeComplete(Decoding(), &request, command.get());
    Do<engine::CompleteCommand>(error, std::move(command), [](auto& answered) {
      BATON_CHECK(answered.results.at(0).ok(), answered.results.at(0).message);
    });
  }

  void StageChildren(engine::TaskId parent) {
    v1::SpawnChildrenRequest request;
    request.set_attempt_token(TokenOf(parent));
    request.set_part(1);
    request.add_children()->set_type("work");
    auto command = std::make_unique<Asking<engine::SpawnChildrenCommand>>();
    command->actor = "worker";
    const Error error = service::DecodeSpawnChildren(Decoding(), request, command.get());
    Do<engine::SpawnChildrenCommand>(error, std::move(command), [](auto&) {});
  }

  void CreateSchedule() {
    v1::CreateScheduleRequest request;
    request.mutable_schedule()->set_name("nightly");
    request.mutable_schedule()->set_cron("*/5 * * * * *");
    request.mutable_schedule()->mutable_task()->set_type("later");
    auto command = std::make_unique<Asking<engine::CreateScheduleCommand>>();
    command->actor = "local";
    const Error error = service::DecodeCreateSchedule(Decoding(), request, command.get());
    Do<engine::CreateScheduleCommand>(error, std::move(command), [](auto&) {});
  }

  void LimitType() {
    v1::SetTypeLimitRequest request;
    request.set_type("later");
    request.set_max_running(3);
    request.set_reason("spare the mail server");
    auto command = std::make_unique<Asking<engine::SetTypeLimitCommand>>();
    command->actor = "local";
    const Error error = service::DecodeSetTypeLimit(request, command.get());
    Do<engine::SetTypeLimitCommand>(error, std::move(command), [](auto&) {});
  }

  const service::WireLimits limits_;
  const std::shared_ptr<storage::MemoryDisk> disk_ = std::make_shared<storage::MemoryDisk>();
  LiveBroker broker_;
  std::map<engine::TaskId, engine::AttemptId> attempts_;
};

}  // namespace

const std::vector<StoredRow>& StoredTasks() {
  static const std::vector<StoredRow>* const rows = [] {
    Author author;
    author.Write();
    return new std::vector<StoredRow>(author.Rows());
  }();
  return *rows;
}

}  // namespace baton::fuzz
