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

// A task that was found. Of a live one the live table tells the type, also if its row cannot be read.
Error CheckFound(const engine::View& view, const Limit& limit, service::TaskFacts* facts) {
  Error error;
  if (facts->live() && limit.owner.empty()) {
    error = service::FindClass(view, facts->entry.class_number, &facts->class_info);
  } else {
    error = service::LoadTaskRow(view, facts);
    if (error.ok()) error = CheckOwner(*facts, limit.owner);
  }
  if (!error.ok() || limit.types.Allow(facts->class_info->type)) return error;
  return limit.types.Refusal(absl::StrCat("task ", facts->id, " is of type '", facts->class_info->type, "'"));
}

Error CheckTask(const engine::View& view, engine::TaskId id, const Limit& limit) {
  service::TaskFacts facts;
  Error error = service::FindTask(view, id, &facts);
  return error.ok() ? CheckFound(view, limit, &facts) : error;
}

// A task named by an attempt token. Any worker can make one up, so nothing may be left to the handler that could run by
// the time it looks, which is later than this view. These tasks cannot, and whatever is said of them the handler only
// tells that the attempt is over, or how it ended:
//   * What has gone: it does not come back.
//   * What has ended, if its row cannot be read: it runs again only when it is retried, and that is refused without the
//     row (STORE_DAMAGED).
// These could, and are looked at, or refused:
//   * What is staged is made real at any moment. The live table has its type.
//   * An id that no task has yet. No worker has its token: a view holds all that was handed out.
//   * What is on a page that cannot be read: it may be running now.
Error CheckAttempt(const engine::View& view, engine::TaskId id, const Limit& limit) {
  if (id >= view.next_id()) return service::TaskNotFound(id, view.next_id());
  service::TaskFacts facts;
  Error error = service::FindTask(view, id, &facts);
  if (error.ok() || facts.state == engine::LiveState::STAGED) error = CheckFound(view, limit, &facts);
  const bool has_gone = error.code == absl::StatusCode::kNotFound;
  const bool is_over = error.code == absl::StatusCode::kDataLoss && engine::IsTerminal(facts.state);
  return has_gone || is_over ? Error{} : error;
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
    Error error = named.by_attempts ? CheckAttempt(view, id, limit) : CheckTask(view, id, limit);
    if (!error.ok()) return error;
  }
  return named.schedule.empty() ? Error{} : CheckSchedule(view, named.schedule, limit);
}

Error BeyondLimit(const char* field, const service::TypePrefixes& types) {
  return types.Refusal(absl::StrCat(field, " is set, and a workflow may have tasks of any type"));
}

}  // namespace baton::server
