#include "tests/integration/sdk/reload_fixture.h"

#include <utility>

#include "absl/time/clock.h"

namespace baton {
namespace {

// Reached only by a test that fails.
constexpr absl::Duration kPatience = absl::Seconds(20);

uint64_t VersionIn(const v1::Worker& worker, const std::string& type) {
  for (const v1::Handler& handler : worker.handlers()) {
    if (handler.type() == type) return handler.version();
  }
  return 0;
}

}  // namespace

void Gate::Pass() {
  absl::MutexLock lock(&mutex_);
  waiting_ = true;
  mutex_.Await(absl::Condition(&open_));
}

void Gate::AwaitHandler() {
  absl::MutexLock lock(&mutex_);
  EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&waiting_), kPatience)) << "no handler came";
}

void Gate::Open() {
  absl::MutexLock lock(&mutex_);
  open_ = true;
}

bool Gate::open() {
  absl::MutexLock lock(&mutex_);
  return open_;
}

ReloadTest::~ReloadTest() {
  gate_.Open();
  if (worker_ != nullptr) worker_->Shutdown();
  if (runner_.joinable()) runner_.join();
}

sdk::Worker& ReloadTest::worker() {
  if (worker_ == nullptr) {
    sdk::WorkerIdentity identity;
    identity.broker = broker().address();
    identity.worker_id = "reloading";
    identity.log = [](sdk::LogLevel, const std::string&) {};
    worker_ = std::make_unique<sdk::Worker>(std::move(identity));
  }
  return *worker_;
}

void ReloadTest::Run() {
  runner_ = std::thread([&running = worker()] { EXPECT_TRUE(running.Run().ok()); });
}

sdk::HandlerFunction ReloadTest::Behind(Gate& gate, sdk::Outcome outcome) {
  return [&gate, outcome = std::move(outcome)](sdk::Task&) {
    gate.Pass();
    return outcome;
  };
}

sdk::HandlerFunction ReloadTest::Returning(std::string result) {
  return [result = std::move(result)](sdk::Task&) { return result; };
}

v1::Worker ReloadTest::Seen() {
  const auto workers = Ask(&v1::TaskAdmin::Stub::ListWorkers, v1::ListWorkersRequest());
  return workers.workers_size() == 1 ? workers.workers(0) : v1::Worker();
}

void ReloadTest::AwaitVersion(const std::string& type, uint64_t version) {
  const absl::Time patience = absl::Now() + kPatience;
  v1::Worker seen = Seen();
  while ((seen.session() == 0 || VersionIn(seen, type) != version) && absl::Now() < patience) seen = Seen();
  EXPECT_EQ(VersionIn(seen, type), version) << type;
}

v1::TypeInfo ReloadTest::Type(const std::string& type) {
  const auto response = Ask(&v1::TaskAdmin::Stub::ListTypes, v1::ListTypesRequest());
  for (const v1::TypeInfo& info : response.types()) {
    if (info.type() == type) return info;
  }
  return {};
}

void ReloadTest::AwaitState(uint64_t task_id, v1::TaskState state) {
  v1::Task task = Get(task_id);
  while (task.state() != state && !HasFailure()) task = WaitForChange(task);
}

std::string ReloadTest::ResultOf(uint64_t task_id) {
  const v1::Task task = WaitForEnd(task_id);
  EXPECT_EQ(task.state(), v1::TASK_STATE_COMPLETED) << task.last_error();
  return task.result().data();
}

std::vector<v1::Attempt> ReloadTest::AttemptsOf(uint64_t task_id) {
  v1::ListAttemptsRequest request;
  request.set_task_id(task_id);
  const auto response = Ask(&v1::TaskAdmin::Stub::ListAttempts, request);
  return {response.attempts().begin(), response.attempts().end()};
}

std::vector<uint64_t> ReloadTest::VersionsOf(uint64_t task_id) {
  std::vector<uint64_t> versions;
  for (const v1::Attempt& attempt : AttemptsOf(task_id)) versions.push_back(attempt.handler_version());
  return versions;
}

}  // namespace baton
