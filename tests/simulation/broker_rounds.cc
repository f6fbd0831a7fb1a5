// Rounds of the engine, as the running partition does them.
#include <algorithm>
#include <iterator>
#include <utility>

#include "tests/simulation/broker.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {

using engine::Command;

bool SimulatedBroker::IsFull() const { return engine_->batch_bytes() >= settings_.work.open_batch_bytes; }

bool SimulatedBroker::HasInput() const {
  if (IsFull() && committing_.has_value()) return false;
  return !lanes_->empty() || !loaded_.empty() || !loads_.empty() || pages_.has_value() ||
         engine_->has_more() || (engine_->has_batch() && !committing_.has_value());
}

void SimulatedBroker::WakeEngine() {
  if (HasInput()) PlanRound(random_->Between(0, 150));
}

void SimulatedBroker::PlanRound(Micros delay) {
  const Micros at = timeline_->now() + delay;
  if (round_at_ > timeline_->now() && round_at_ <= at) return;
  round_at_ = at;
  Later(delay, [this, ticket = ++round_ticket_] {
    if (ticket == round_ticket_) Round();
  });
}

void SimulatedBroker::Round() {
  engine::Taken commands;
  bool expire = false;
  std::optional<storage::WriteBatch> pages;
  if (!IsFull()) {
    lanes_->Take(&commands);
    expire = lanes_->outcomes_empty();
    std::move(loaded_.begin(), loaded_.end(), std::back_inserter(loads_));
    loaded_.clear();
    pages = std::exchange(pages_, std::nullopt);
  }
  const Now now = timeline_->Read();
  const bool disk_stalls = committing_.has_value() && now.steady - committing_since_ > engine::kPauseThreshold;
  if (disk_stalls) coverage_->Count("disk: stalled for longer than anybody waits");
  auditor_.RoundBegins(now, disk_stalls);
  engine_->BeginRound(now, disk_stalls);
  auditor_.Applied(*engine_);
  for (; !loads_.empty() && !IsFull(); loads_.pop_front()) ApplyLoad(std::move(loads_.front()));
  ApplyCommands(commands);
  if (pages.has_value()) engine_->AddPages(*pages);
  expire = expire && std::none_of(commands.begin(), commands.end(), engine::IsSignOfLife);
  lanes_->PutBack(&commands);
  engine_->FinishRound(expire);
  auditor_.Finished(*engine_, expire);
  HandOver();
  round_at_ = 0;
  const Micros sleep = IsFull() && committing_.has_value() ? engine::kMaxSleep : engine_->SleepTime();
  PlanRound(HasInput() ? random_->Between(20, 200) : std::max<Micros>(sleep, 1));
}

// One task after the other, so that what is written can be told from what comes next.
void SimulatedBroker::ApplyLoad(engine::LoadResult load) {
  auditor_.AppliesLoad();
  std::vector<engine::LoadedTask> tasks = std::exchange(load.tasks, {});
  for (engine::LoadedTask& task : tasks) {
    engine::LoadResult one;
    one.request = load.request;
    one.tasks.push_back(std::move(task));
    engine_->Apply(std::move(one));
    auditor_.Applied(*engine_);
  }
  if (tasks.empty()) engine_->Apply(std::move(load));
  auditor_.Applied(*engine_);
}

void SimulatedBroker::ApplyCommands(engine::Taken& commands) {
  const auto apply = [this](std::unique_ptr<Command> command) {
    if (command->kind == Command::Kind::kHeartbeat) {
      --waiting_beats_[static_cast<const engine::HeartbeatCommand&>(*command).session];
    }
    auditor_.Applies(*command);
    engine_->Apply(std::move(command));
    auditor_.Applied(*engine_);
  };
  engine::ApplyTaken(settings_.work, &commands, [this] { return engine_->batch_bytes(); }, apply);
  if (!commands.empty()) coverage_->Count("round: leaves commands to the next one");
}

void SimulatedBroker::HandOver() {
  if (!engine_->has_batch() || committing_.has_value()) return;
  committing_ = engine_->CloseBatch();
  committing_since_ = timeline_->Read().steady;
  CheckSize(*committing_);
  auditor_.Closed(*committing_);
  Micros delay = 20;
  if (committing_->number != 0) {
    const bool stalls = random_->Chance(habits_.stall_permille);
    delay =
        stalls ? random_->Between(habits_.fast, habits_.stall) : random_->Between(habits_.fast / 2, 2 * habits_.fast);
    if (stalls) coverage_->Count("disk: stalled");
  }
  Later(delay, [this] { CommitIsDone(); });
}

// A store takes sixteen times as much as what makes a batch full, and an entry of the journal half of that.
void SimulatedBroker::CheckSize(const engine::ClosedBatch& batch) {
  static_assert(storage::kMaxBatchBytes == 16 * engine::kWorkBounds.open_batch_bytes);
  static_assert(storage::kMaxJournalBytes == 8 * engine::kWorkBounds.open_batch_bytes);
  const size_t unit = settings_.work.open_batch_bytes;
  const size_t bytes = batch.writes.bytes();
  if (bytes > unit) coverage_->Count("batch: full");
  // Pages, and what is removed of one, are as large as their tasks are many.
  const bool of_pages = batch.stores_pages || (batch.entry != nullptr && batch.entry->removed_size() > 0);
  REQUIRE(of_pages || bytes <= 16 * unit, "commit ", batch.number, " has ", bytes, " bytes, full are ", unit);
  REQUIRE(batch.entry_bytes <= 8 * unit, "the journal's entry of commit ", batch.number, " has ", batch.entry_bytes,
          " bytes, a batch is full with ", unit);
}

}  // namespace baton::simulation
