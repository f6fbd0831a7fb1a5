// What befalls brokers, clocks and workers.
#include "tests/simulation/workload.h"

namespace baton::simulation {

void Workload::Befall() {
  const auto befalls = [this](uint32_t per_10000) { return random_.Below(10'000) < per_10000; };
  if (befalls(faults_.kill_broker)) broker_.Kill();
  if (befalls(faults_.end_broker)) broker_.Terminate();
  if (befalls(faults_.freeze_broker)) broker_.Freeze(random_.Time(100 * kMillisecond, 60 * kSecond));
  if (befalls(faults_.jump_wall)) {
    coverage_->Count("wall clock: jumped");
    // By at most a day in all: further than that request ids are not remembered.
    timeline_.SetWall(random_.Between(-10 * kHour, 10 * kHour) >> random_.Below(20));
  }
  if (!broker_.up()) BringBack();
  if (befalls(faults_.kill_worker)) AnyWorker().Kill(random_.Chance(400));
  if (befalls(faults_.freeze_worker)) BusyWorker().Freeze(DrawFreeze());
  if (befalls(faults_.break_stream)) AnyWorker().BreakStream();
  if (befalls(faults_.change_worker)) ChangeWorker(AnyWorker());
  for (const auto& worker : workers_) {
    if (!worker->alive() && random_.Chance(10)) worker->Start();
  }
}

// Soon as a rule, now and then only when nobody waits any more. It may have been the whole machine that was down, for
// longer than anything is remembered.
void Workload::BringBack() {
  if (outage_end_ == 0) {
    const bool late = random_.Chance(100);
    if (late) coverage_->Count("broker: came back late");
    const Micros outage = late ? random_.Between(kSecond, 3 * kMinute) : random_.Time(kMillisecond, 4 * kSecond);
    outage_end_ = timeline_.now() + outage;
  }
  if (timeline_.now() < outage_end_) return;
  outage_end_ = 0;
  if (random_.Chance(200)) {
    const Micros off = random_.Chance(300) ? random_.Between(kMinute, 40 * kHour) : 0;
    timeline_.Boot(off, random_.Between(kSecond, 10 * kHour));
    coverage_->Count("broker: its machine was started anew");
  }
  broker_.Start();
}

SimulatedWorker& Workload::BusyWorker() {
  SimulatedWorker* worker = &AnyWorker();
  for (int tries = 1; tries < 4 && worker->AnyAttempt() == nullptr; ++tries) worker = &AnyWorker();
  return *worker;
}

// More than every other one is longer than the beat window.
Micros Workload::DrawFreeze() {
  const Micros window = broker_.settings().beat_window;
  return random_.Chance(600) ? random_.Between(window, 3 * window) : random_.Time(100 * kMillisecond, window);
}

void Workload::ChangeWorker(SimulatedWorker& worker) {
  worker.Change([this](WorkerHabits& habits) {
    habits.slots = static_cast<uint32_t>(random_.Between(0, 4));
    if (random_.Chance(300)) habits.max_concurrency = static_cast<uint32_t>(random_.Between(0, 2));
    habits.capabilities = random_.Chance(500) ? Capabilities{"GPU"} : Capabilities{};
    habits.types = {"work"};
    if (random_.Chance(800)) habits.types.emplace_back("parent");
    if (random_.Chance(300)) habits.types.emplace_back("rare");
    if (random_.Chance(300)) habits.handler_options.timeout = random_.Between(1, 10) * kSecond;
    if (random_.Chance(300)) habits.handler_options.priority = static_cast<int32_t>(random_.Between(-1, 1));
  });
}

}  // namespace baton::simulation
