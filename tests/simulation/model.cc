#include "tests/simulation/model.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "broker/base/hash.h"

namespace baton::simulation {
namespace {

bool Covers(const Capabilities& has, const Capabilities& needs) {
  return std::all_of(needs.begin(), needs.end(),
                     [&](const std::string& name) { return std::find(has.begin(), has.end(), name) != has.end(); });
}

template <typename T>
T FirstOf(T fallback, std::initializer_list<std::optional<T>> options) {
  for (const std::optional<T>& option : options) {
    if (option.has_value()) return *option;
  }
  return fallback;
}

// The state that callers are shown; UNSPECIFIED: they see no such task.
v1::TaskState ShownState(const ModelTask& task) {
  switch (task.state) {
    case LiveState::COMPLETED:
      return v1::TASK_STATE_COMPLETED;
    case LiveState::FAILED:
      return v1::TASK_STATE_PERMANENTLY_FAILED;
    case LiveState::CANCELLED:
      return v1::TASK_STATE_CANCELLED;
    case LiveState::PENDING:
      return task.paused ? v1::TASK_STATE_PAUSED : v1::TASK_STATE_PENDING;
    case LiveState::RUNNING:
      return task.paused ? v1::TASK_STATE_PAUSED : v1::TASK_STATE_RUNNING;
    case LiveState::WAITING:
    case LiveState::SUSPENDED:
      return task.paused ? v1::TASK_STATE_PAUSED : v1::TASK_STATE_SUSPENDED;
    default:
      return v1::TASK_STATE_UNSPECIFIED;
  }
}

}  // namespace

std::string ContentOf(const Step& step) {
  Step content;
  if (step.has_result()) *content.mutable_result() = step.result();
  content.set_error(step.error());
  if (step.has_context()) *content.mutable_context() = step.context();
  if (step.has_decision()) *content.mutable_decision() = step.decision();
  *content.mutable_checkpoints() = step.checkpoints();
  if (step.has_progress()) *content.mutable_progress() = step.progress();
  return content.SerializeAsString();
}

// Where a step leads is told by the one after it, too, so that the last one says more than it does as an earlier one.
ModelStep ModelStepOf(const Step& step) {
  const std::string told =
      absl::StrCat(ContentOf(step), " ", step.time_us(), " ", step.actor(), " ", step.reason());
  return {step.kind(), HashOf(told).low};
}

ModelTask& Model::Change(TaskId id) {
  std::shared_ptr<const ModelTask>& task = tasks_[id - first_id_];
  if (task.use_count() > 1) task = std::make_shared<ModelTask>(*task);
  return const_cast<ModelTask&>(*task);  // Made non-const, and shared with nobody.
}

ModelJob& Model::ChangeJob(uint64_t number) {
  std::shared_ptr<const ModelJob>& job = jobs.at(number);
  if (job.use_count() > 1) job = std::make_shared<ModelJob>(*job);
  return const_cast<ModelJob&>(*job);
}

uint64_t Model::JobWith(const std::string& reason) const {
  for (const auto& [number, job] : jobs) {
    if (!job->is_over() && job->row.reason() == reason) return number;
  }
  return 0;
}

bool ModelJob::Matches(const ModelTask& task) const {
  if (task.id > row.ids() || (row.verb() == records::v1::JobRow::DELETE && task.parent != 0)) return false;
  const v1::TaskState state = ShownState(task);
  return state != v1::TASK_STATE_UNSPECIFIED && (filter.type().empty() || filter.type() == task.type) &&
         (filter.tag().empty() || filter.tag() == task.tag) &&
         std::find(filter.states().begin(), filter.states().end(), state) != filter.states().end();
}

TaskId Model::RootOf(TaskId id) const {
  while (At(id).parent != 0) id = At(id).parent;
  return id;
}

bool Model::LivesBelow(TaskId id) const {
  return std::any_of(live.begin(), live.end(), [&](TaskId below) {
    while (below != 0 && below != id) below = At(below).parent;
    return below == id && id != 0;
  });
}

const ModelTask* Model::Running(const AttemptId& attempt) const {
  if (!Exists(attempt.task)) return nullptr;
  const ModelTask& task = At(attempt.task);
  return task.state == LiveState::RUNNING && task.attempt == attempt.attempt ? &task : nullptr;
}

bool ModelSession::HasRoomFor(const std::string& type) const {
  for (const engine::HandlerInfo& handler : worker.handlers) {
    if (handler.type != type || handler.max_concurrency == 0) continue;
    return std::count_if(held.begin(), held.end(), [&](const auto& slot) { return slot.second.type == type; }) <
           handler.max_concurrency;
  }
  return true;
}

bool Model::IsFull(const std::string& type) const {
  const auto limit = limits.find(type);
  return limit != limits.end() && RunningOf(type) >= limit->second;
}

uint32_t Model::RunningOf(const std::string& type) const {
  return static_cast<uint32_t>(std::count_if(
      live.begin(), live.end(), [&](TaskId id) { return At(id).state == LiveState::RUNNING && At(id).type == type; }));
}

bool Model::IsDoomed(const ModelTask& task) const {
  if (task.parent == 0 || task.state == LiveState::STAGED || !engine::IsLive(task.state)) return false;
  const ModelTask& parent = At(task.parent);
  return parent.state != LiveState::WAITING || parent.generation != task.parent_generation;
}

WallMicros Model::AlarmOf(const ModelTask& task) {
  WallMicros first = 0;
  for (const WallMicros time :
       {task.end_by, task.attempt == 0 ? task.start_by : 0, task.state == LiveState::SUSPENDED ? task.decide_by : 0}) {
    if (time != 0 && (first == 0 || time < first)) first = time;
  }
  return first;
}

ModelSession* Model::Session(SessionNumber number) {
  const auto it = sessions.find(number);
  return it == sessions.end() ? nullptr : &it->second;
}

ModelSession* Model::Worker(const std::string& worker_id) {
  // The newest: an older one of the same name lives on only while it is being superseded.
  for (auto it = sessions.rbegin(); it != sessions.rend(); ++it) {
    if (it->second.worker_id == worker_id) return &it->second;
  }
  return nullptr;
}

std::vector<TaskId> Model::RunningIn(SessionNumber number) const {
  std::vector<TaskId> ids;
  for (const TaskId id : live) {
    if (At(id).state == LiveState::RUNNING && At(id).session == number) ids.push_back(id);
  }
  return ids;
}

const engine::HandlerInfo* Model::Handler(const engine::WorkerInfo& worker, const std::string& type) const {
  for (const engine::HandlerInfo& handler : worker.handlers) {
    if (handler.type == type) return &handler;
  }
  return nullptr;
}

bool Model::Fits(const engine::WorkerInfo& worker, const std::string& type, const Capabilities& required) {
  for (const engine::HandlerInfo& handler : worker.handlers) {
    if (handler.type != type) continue;
    return Covers(worker.capabilities, required) &&
           Covers(worker.capabilities, handler.options.required_capabilities.value_or(Capabilities()));
  }
  return false;
}

TaskId Model::Holder(const std::string& unique) const {
  const auto it = holders.find(unique);
  return it == holders.end() ? 0 : it->second;
}

Settled SettledOptions(const Options& own, const Options& handler, const Options& inherited, const Options& worker,
                       const engine::DefaultOptions& defaults) {
  const auto first_of = [&](auto member, auto otherwise) {
    return FirstOf(otherwise, {own.*member, handler.*member, inherited.*member, worker.*member});
  };
  Settled settled;
  settled.timeout = first_of(&Options::timeout, defaults.timeout);
  settled.max_retries = first_of(&Options::max_retries, defaults.max_retries);
  settled.retry_interval = first_of(&Options::retry_interval, defaults.retry_interval);
  settled.retry_backoff = first_of(&Options::retry_backoff, defaults.retry_backoff);
  settled.retry_interval_cap = first_of(&Options::retry_interval_cap, defaults.retry_interval_cap);
  const double jitter = settled.retry_backoff == engine::Backoff::kExponential ? defaults.exponential_jitter : 0;
  settled.retry_jitter = first_of(&Options::retry_jitter, jitter);
  settled.progress_timeout = first_of(&Options::progress_timeout, Micros{0});
  return settled;
}

Options InheritedFrom(const ModelTask& parent) {
  Options inherited;
  const auto take = [&](auto member) {
    inherited.*member = parent.own.*member;
    if (!(inherited.*member).has_value()) inherited.*member = parent.inherited.*member;
  };
  take(&Options::priority);
  take(&Options::timeout);
  take(&Options::max_retries);
  take(&Options::retry_interval);
  take(&Options::retry_backoff);
  take(&Options::retry_interval_cap);
  take(&Options::retry_jitter);
  return inherited;
}

std::pair<Micros, Micros> RetryBounds(const Settled& options, uint32_t failures) {
  Micros delay = options.retry_interval;
  if (options.retry_backoff == engine::Backoff::kExponential) {
    for (uint32_t i = 1; i < failures && delay < options.retry_interval_cap; ++i) delay *= 2;
    delay = std::min(delay, options.retry_interval_cap);
  }
  // One microsecond for rounding.
  return {static_cast<Micros>(static_cast<double>(delay) * (1 - options.retry_jitter)) - 1, delay};
}

size_t PlacesOf(const std::vector<TaskId>& ids) {
  size_t places = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i == 0 || ids[i] != ids[i - 1] + 1) ++places;
  }
  return places;
}

std::string Describe(const ModelTask& task) {
  return absl::StrCat("task ", task.id, " ", LiveState_Name(task.state), task.paused ? " paused" : "", " type ",
                      task.type, " priority ", task.priority, " due ", task.due, " stage ", task.stage, " attempt ",
                      task.attempt, " failures ", task.failures, " interruptions ", task.interruptions, " session ",
                      task.session, " parent ", task.parent, " generation ", task.generation, " remaining ",
                      task.remaining, " failed ", task.failed, " alarm ", Model::AlarmOf(task));
}

}  // namespace baton::simulation
