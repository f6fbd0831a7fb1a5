#include "worker_sdk/test_kit/core.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/service/read/task_finder.h"
#include "worker_sdk/test_kit/in_process_connection.h"

namespace baton::inline sdk {
namespace testing {
namespace {

// Nobody falls silent here but by CutOff, which is told at once. So beats serve only to keep books, and those of
// workers that hold nothing are left out: a month goes by in a moment.
constexpr Micros kBeatInterval = 30 * kMinute;
constexpr Micros kBeatWindow = 3650 * kDay;

engine::EngineSettings MakeSettings() {
  engine::EngineSettings settings;
  settings.beat_interval = kBeatInterval;
  settings.beat_window = kBeatWindow;
  settings.retention = 0;
  return settings;
}

// The same for all, since what looks random to users, the jitter of retries, is drawn from it.
uint64_t Incarnation() { return 1001; }

Now FirstNow(absl::Time start) { return {.wall = absl::ToUnixMicros(start), .steady = kHour}; }

}  // namespace

Core::Core(Options options)
    : options_(options),
      settings_(MakeSettings()),
      driver_(std::make_shared<Driver>(FirstNow(options_.start), options_.patience)) {
  absl::StatusOr<std::unique_ptr<storage::Store>> store = storage::OpenMemoryStore(disk_);
  BATON_CHECK(store.ok(), store.status().ToString());
  store_ = *std::move(store);
  engine::PartitionOptions parts;
  parts.engine = settings_;
  parts.broker_version = "test kit";
  parts.random = Incarnation;
  parts.release = [this](engine::Outbox outbox) { Release(std::move(outbox)); };
  parts.find_matches = [](const engine::View& view, const engine::LoadRequest& request) {
    return service::FindTasks(view, request);
  };
  parts.fatal = [](const std::string& why) { BATON_CHECK(false, why); };
  auto partition = InlinePartition::Open(std::move(parts), store_.get(), &driver_->clock());
  BATON_CHECK(partition.ok(), partition.status().ToString());
  partition_ = *std::move(partition);
  service::ReadSettings reading;
  reading.defaults = settings_.defaults;
  reads_ = std::make_unique<service::ReadService>(partition_.get(), &driver_->clock(), std::move(reading));
  waits_ = std::make_unique<OpenWaits>(driver_.get(), partition_.get(), reads_.get());
}

Core::~Core() { Stop(); }

void Core::Start() {
  driver_->Start({.step = [this] { return Step(); },
                  .next = [this] { return std::min(partition_->next(), waits_->next()); },
                  .idle = [this] { waits_->Idle(); }});
}

void Core::Stop() {
  driver_->Run([this] {
    waits_->Stop();
    for (const auto& [worker_id, worker] : workers_) {
      if (const auto connection = worker.lock()) connection->End();
    }
  });
  driver_->Stop();
}

bool Core::Step() { return partition_->Step() || waits_->Step(); }

void Core::Release(engine::Outbox outbox) {
  for (const std::unique_ptr<engine::Command>& command : outbox.answered) command->Answer();
  for (engine::SessionOutput& output : outbox.sessions) {
    // A session without a stream: it closed meanwhile, and the engine is being told.
    const auto session = sessions_.find(output.session);
    if (session != sessions_.end()) session->second.sink->Take(std::move(output));
  }
}

void Core::PassTime(absl::Duration time, std::function<bool()> done) {
  driver_->PassTime(DueAfter(driver_->clock().Read().steady, time), std::move(done));
}

void Core::LookAgain() {
  driver_->Post([] {});
  // Whoever waits for what it guards looks again.
  absl::MutexLock lock(&live_mu_);
}

void Core::AwaitEnd(const v1::WaitRequest& request, absl::Duration timeout, internal::Answer<v1::WaitResponse> answer) {
  const auto call = std::make_shared<OpenCallOf<v1::WaitResponse>>(std::move(answer));
  OpenWaits::Wait wait{.request = request, .passes_time = true, .ends_if_undecided = true};
  wait.deadline = DueAfter(driver_->clock().Read().steady, timeout);
  wait.done = [call](const Error& error, v1::WaitResponse response) { call->Finish(StatusOf(error), response); };
  driver_->Post([this, wait = std::move(wait)] { waits_->Add(wait); });
}

// ── Workers ──────────────────────────────────────────────────────────────────────────────────────────────────────

std::shared_ptr<internal::BrokerConnection> Core::Connect() {
  return std::make_shared<InProcessConnection>(shared_from_this());
}

void Core::AddWorker(const std::string& worker_id, const std::shared_ptr<InProcessConnection>& connection) {
  workers_[worker_id] = connection;
}

void Core::AddSession(engine::SessionNumber session, const std::string& worker_id, SessionSink* sink) {
  sessions_[session] = {worker_id, sink};
  absl::MutexLock lock(&live_mu_);
  live_.insert(worker_id);
}

void Core::RemoveSession(engine::SessionNumber session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  absl::MutexLock lock(&live_mu_);
  live_.extract(found->second.worker_id);
  sessions_.erase(found);
}

bool Core::CutOff(const std::string& worker_id, bool cut_off) {
  auto known = std::make_shared<bool>(false);
  driver_->Run([this, known, worker_id, cut_off] {
    const auto found = workers_.find(worker_id);
    if (found == workers_.end()) return;
    *known = true;
    if (const auto connection = found->second.lock()) connection->CutOff(cut_off);
  });
  return *known;
}

bool Core::AwaitWorker(const std::string& worker_id, const std::function<bool()>& given_up) {
  absl::MutexLock lock(&live_mu_);
  const auto decided = [&]()
                           ABSL_EXCLUSIVE_LOCKS_REQUIRED(live_mu_) { return live_.contains(worker_id) || given_up(); };
  live_mu_.AwaitWithTimeout(absl::Condition(&decided), options_.patience);
  return live_.contains(worker_id);
}

std::shared_ptr<InProcessBroker> InProcessBroker::Make(Options options) {
  auto broker = std::make_shared<Core>(options);
  broker->Start();
  return broker;
}

}  // namespace testing
}  // namespace baton::inline sdk
