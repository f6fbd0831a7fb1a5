#include "broker/server/access/reach.h"

#include "absl/strings/str_cat.h"
#include "baton/v1/schedule.pb.h"
#include "broker/service/read/schedules.h"
#include "broker/service/read/task_facts.h"

namespace baton::server {
namespace {

Error CheckOwner(const service::TaskFacts& facts, const std::string& owner) {
  // A child belongs to its parent's worker, whatever name that had.
  if (owner.empty() || (facts.row.actor() == owner && facts.row.parent() == 0)) return {};
  return {absl::StatusCode::kPermissionDenied, "NOT_YOUR_TASK",
          absl::StrCat("task ", facts.id, " was not submitted with access token '", owner,
                       "', whose role submit is for its own tasks: to read others takes role observe, to change them "
                       "role operate")};
}

Error CheckTask(const engine::View& view, engine::TaskId id, const Limit& limit) {
  service::TaskFacts facts;
  Error error = service::FindTask(view, id, &facts);
  if (error.ok()) error = service::LoadTaskRow(view, &facts);
  if (error.ok()) error = CheckOwner(facts, limit.owner);
  if (!error.ok() || limit.types.Allow(facts.class_info->type)) return error;
  return limit.types.Refusal(absl::StrCat("task ", id, " is of type '", facts.class_info->type, "'"));
}

Error CheckSchedule(const engine::View& view, const std::string& name, const Limit& limit) {
  v1::GetScheduleRequest request;
  v1::GetScheduleResponse response;
  request.set_name(name);
  Error error = service::GetSchedule(view, request, &response);
  if (error.code == absl::StatusCode::kNotFound) return {};
  const std::string& type = response.schedule().definition().task().type();
  if (!error.ok() || limit.types.Allow(type)) return error;
  return limit.types.Refusal(absl::StrCat("schedule '", name, "' creates tasks of type '", type, "'"));
}

}  // namespace

Error CheckNamed(const engine::View& view, const Named& named, const Limit& limit) {
  for (const engine::TaskId id : named.tasks) {
    Error error = CheckTask(view, id, limit);
    const bool for_the_handler = named.by_attempts && error.code == absl::StatusCode::kNotFound;
    if (!error.ok() && !for_the_handler) return error;
  }
  return named.schedule.empty() ? Error{} : CheckSchedule(view, named.schedule, limit);
}

Error BeyondLimit(const char* field, const service::TypePrefixes& types) {
  return types.Refusal(absl::StrCat(field, " is set, and a workflow may have tasks of any type"));
}

}  // namespace baton::server
