// Deleting and bulk jobs.
#include <algorithm>

#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {

Reply<DeleteCommand> EngineHarness::Delete(TaskId id) {
  auto command = std::make_unique<Tracked<DeleteCommand>>();
  command->task = id;
  command->actor = "local";
  command->reason = "not needed any more";
  return Call(std::move(command));
}

uint64_t EngineHarness::StartJob(records::v1::JobRow::Verb verb, const std::string& filter,
                                 const std::function<void(records::v1::JobRow&)>& content) {
  auto command = std::make_unique<Tracked<StartJobCommand>>();
  command->row.set_verb(verb);
  command->row.set_filter(filter);
  command->row.set_reason("all of them");
  command->actor = "local";
  if (content) content(command->row);
  const Reply<StartJobCommand> reply = Send(std::move(command));
  Round();
  EXPECT_THAT(reply.error(), NoError());
  return reply.answered() ? reply->job.number : 0;
}

Error EngineHarness::StopJob(uint64_t number) {
  auto command = std::make_unique<Tracked<StopJobCommand>>();
  command->number = number;
  const Reply<StopJobCommand> reply = Send(std::move(command));
  Round();
  return reply.error();
}

records::v1::JobRow EngineHarness::JobOf(uint64_t number) {
  auto command = std::make_unique<Tracked<ListJobsCommand>>();
  command->number = number;
  const Reply<ListJobsCommand> reply = Send(std::move(command));
  Round();
  EXPECT_THAT(reply.error(), NoError());
  return reply.error().ok() ? reply->jobs.at(0).row : records::v1::JobRow();
}

std::vector<JobView> EngineHarness::Jobs() {
  const Reply<ListJobsCommand> reply = Send(std::make_unique<Tracked<ListJobsCommand>>());
  Round();
  return reply->jobs;
}

Matches EngineHarness::FindMatches(const View& view, const LoadRequest& request) const {
  const size_t colon = request.filter.find(':');
  const std::string tag = request.filter.substr(0, colon);
  const std::string states = colon == std::string::npos ? "" : request.filter.substr(colon + 1);
  Matches matches{{}, request.range};
  for (uint64_t looked = 0; looked < ids_per_search && matches.rest.count > 0;) {
    const TaskId id = request.range.first + --matches.rest.count;
    const LiveState state = *view.StateOf(id);
    std::string bytes;
    records::v1::TaskRow row;
    if (!IsTerminal(state) && (!IsLive(state) || state == LiveState::STAGED)) continue;
    ++looked;
    EXPECT_TRUE(view.store().Get(storage::Family::kTask, TaskKey(id), &bytes).ok() && row.ParseFromString(bytes));
    if (states == "live" ? !IsLive(state) : states == "ended" && !IsTerminal(state)) continue;
    if ((tag.empty() || row.tag() == tag) && !(request.roots_only && row.parent() != 0)) matches.ids.push_back(id);
  }
  std::reverse(matches.ids.begin(), matches.ids.end());
  return matches;
}

}  // namespace baton::engine::testing
