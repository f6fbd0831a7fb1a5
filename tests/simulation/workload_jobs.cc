// What operators do to many tasks at once.
#include "absl/strings/str_cat.h"
#include "broker/engine/job_commands.h"
#include "tests/simulation/workload.h"

namespace baton::simulation {
namespace {

using records::v1::JobRow;

std::vector<v1::TaskState> StatesFor(JobRow::Verb verb) {
  switch (verb) {
    case JobRow::CANCEL:
      return {v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_SUSPENDED, v1::TASK_STATE_PAUSED};
    case JobRow::PAUSE:
      return {v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_SUSPENDED};
    case JobRow::UNPAUSE:
      return {v1::TASK_STATE_PAUSED};
    case JobRow::RETRY:
      return {v1::TASK_STATE_PERMANENTLY_FAILED, v1::TASK_STATE_CANCELLED};
    default:
      return {v1::TASK_STATE_COMPLETED, v1::TASK_STATE_PERMANENTLY_FAILED, v1::TASK_STATE_CANCELLED};
  }
}

// More are let go on than held back, or soon nothing would be left to do.
JobRow::Verb DrawVerb(Random& random) {
  const uint64_t draw = random.Below(10);
  return draw < 1   ? JobRow::CANCEL
         : draw < 2 ? JobRow::PAUSE
         : draw < 6 ? JobRow::UNPAUSE
         : draw < 8 ? JobRow::RETRY
                    : JobRow::DELETE;
}

}  // namespace

void Workload::Job() {
  if (!jobs_) return;
  if (random_.Chance(600)) return StartJob();
  if (random_.Chance(700)) return StopJob();
  network_.Call<engine::ListJobsCommand>([](engine::ListJobsCommand*) {}, [](const engine::ListJobsCommand*) {});
}

void Workload::StartJob() {
  JobRow row;
  row.set_verb(DrawVerb(random_));
  v1::TaskFilter filter;
  // All tasks at once are only let go on.
  const bool narrow = row.verb() != JobRow::UNPAUSE;
  if (narrow || random_.Chance(500)) filter.set_type(DrawSpec().type);
  if (random_.Chance(300)) filter.set_tag(random_.Chance(500) ? "often" : "seldom");
  for (const v1::TaskState state : StatesFor(row.verb())) {
    if (random_.Chance(800)) filter.add_states(state);
  }
  if (filter.states().empty()) filter.add_states(StatesFor(row.verb())[0]);
  row.set_filter(filter.SerializeAsString());
  row.set_dry_run(random_.Chance(150));
  row.set_from_start(row.verb() == JobRow::RETRY && random_.Chance(500));
  row.set_reason(absl::StrCat("job ", ++numbers_, "."));
  network_.Call<engine::StartJobCommand>(
      [row, starts = std::make_shared<int>(0)](engine::StartJobCommand* command) {
        command->actor = "operator";
        command->row = row;
        // A call that arrives twice starts two, which have to be told apart.
        if (const int start = (*starts)++; start > 0) command->row.set_reason(absl::StrCat(row.reason(), start));
      },
      [](const engine::StartJobCommand*) {});
}

void Workload::StopJob() {
  const auto& jobs = broker_.auditor().model().jobs;
  // The newest is the most likely to be under way.
  const uint64_t number = jobs.empty() ? 1 : jobs.rbegin()->first + random_.Below(2);
  network_.Call<engine::StopJobCommand>(
      [number](engine::StopJobCommand* command) {
        command->actor = "operator";
        command->number = number;
      },
      [](const engine::StopJobCommand*) {});
}

}  // namespace baton::simulation
