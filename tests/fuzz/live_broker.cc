#include "tests/fuzz/live_broker.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/base/status_macros.h"
#include "broker/engine/live/recovery.h"
#include "broker/service/read/task_finder.h"
#include "tests/unit/engine/checks.h"

namespace baton::fuzz {
namespace {

// Rounds without time going by, before the engine is said to spin.
constexpr int kMostRounds = 5000;
// So that stored pages, and what is only in the journal, both matter.
constexpr uint64_t kCommitsPerPages = 7;

}  // namespace

LiveBroker::LiveBroker(const engine::EngineSettings& settings, std::shared_ptr<storage::MemoryDisk> disk)
    : settings_(settings), disk_(std::move(disk)) {}

absl::Status LiveBroker::Open() {
  engine_.reset();
  follower_.reset();
  store_.reset();
  ASSIGN_OR_RETURN(store_, storage::OpenMemoryStore(disk_));
  catalog_ = std::make_unique<engine::Catalog>();
  board_ = std::make_unique<engine::RoutingBoard>();
  activity_ = std::make_unique<engine::ActivityBoard>();
  follower_ = std::make_unique<engine::Follower>(settings_, store_.get(), catalog_.get());
  const Now now = clock_.Read();
  ASSIGN_OR_RETURN(engine::Recovered recovered, engine::Recover(
                                                    store_.get(), "fuzzed", now.wall, [] { return uint64_t{4711}; },
                                                    catalog_.get(), follower_.get()));
  follower_->Observe(activity_.get(), &clock_);
  engine_ = std::make_unique<engine::Engine>(settings_, catalog_.get(), board_.get(), std::move(recovered), now);
  return absl::OkStatus();
}

void LiveBroker::Crash() {
  sent_.clear();
  loaded_.clear();
  const absl::Status opened = Open();
  BATON_CHECK(opened.ok(), absl::StrCat("a restart: ", opened.ToString()));
  Settle();
}

Error LiveBroker::Send(std::unique_ptr<engine::Command>& command) {
  Queue(std::move(command));
  return {};
}

void LiveBroker::Round() {
  engine_->BeginRound(clock_.Read());
  for (engine::LoadResult& loaded : std::exchange(loaded_, {})) engine_->Apply(std::move(loaded));
  for (std::unique_ptr<engine::Command>& command : std::exchange(sent_, {})) engine_->Apply(std::move(command));
  if (commits_ >= kCommitsPerPages) {
    commits_ = 0;
    const auto pages = follower_->TakeDuePages(clock_.Read().wall, true);
    if (pages.has_value()) engine_->AddPages(*pages);
  }
  engine_->FinishRound(true);
  if (engine_->has_batch()) Commit();
  const std::string broken = engine_->BrokenInvariantForTest();
  BATON_CHECK(broken.empty(), broken);
}

void LiveBroker::Commit() {
  engine::ClosedBatch batch = engine_->CloseBatch();
  if (batch.number != 0) {
    ++commits_;
    std::string error;
    BATON_CHECK(store_->Commit(batch.writes, batch.number, &error) == storage::CommitResult::kDone, error);
    const absl::Status folded = follower_->Fold(batch.number, *batch.entry, batch.entry_bytes);
    BATON_CHECK(folded.ok(), folded.ToString());
    if (batch.stores_pages) follower_->PagesStored();
  }
  if (!batch.loads.empty()) Load(std::move(batch.loads));
  for (const std::unique_ptr<engine::Command>& command : batch.outbox.answered) command->Answer();
  for (engine::SessionOutput& output : batch.outbox.sessions) on_output(std::move(output));
}

void LiveBroker::Load(std::vector<engine::LoadRequest> requests) {
  const std::shared_ptr<const engine::View> view = View();
  for (engine::LoadRequest& request : requests) {
    absl::StatusOr<engine::LoadResult> loaded = engine::Load(
        *view, std::move(request),
        [](const engine::View& seen, const engine::LoadRequest& asked) { return service::FindTasks(seen, asked); });
    BATON_CHECK(loaded.ok(), loaded.status().ToString());
    loaded_.push_back(*std::move(loaded));
  }
}

void LiveBroker::Settle() {
  int rounds = 0;
  do {
    Round();
    BATON_CHECK(++rounds < kMostRounds, "the engine spins");
  } while (busy());
}

void LiveBroker::Advance(Micros time) {
  const SteadyMicros end = clock_.Read().steady + time;
  int idle_rounds = 0;
  while (clock_.Read().steady < end) {
    const Micros step = std::min(engine_->SleepTime(), end - clock_.Read().steady);
    idle_rounds = step == 0 ? idle_rounds + 1 : 0;
    BATON_CHECK(idle_rounds < kMostRounds, "the engine wants to be woken again and again");
    clock_.AdvanceBoth(step);
    Settle();
  }
}

void LiveBroker::Pause(Micros time) {
  clock_.AdvanceBoth(time);
  Settle();
}

void LiveBroker::CheckEverything() {
  Settle();
  std::string broken = engine::testing::Difference(settings_, *store_, *engine_, *follower_, clock_.Read());
  if (broken.empty()) broken = engine::testing::MiscountIn(*View());
  if (broken.empty()) broken = engine::testing::DamageIn(settings_, *store_);
  BATON_CHECK(broken.empty(), broken);
}

}  // namespace baton::fuzz
