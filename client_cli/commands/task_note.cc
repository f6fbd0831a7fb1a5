#include "client_cli/commands/task_note.h"

#include "absl/strings/str_cat.h"

namespace baton::cli {

std::string TaskNote(const v1::Task& task) {
  switch (task.state()) {
    case v1::TASK_STATE_PERMANENTLY_FAILED:
      return task.last_error();
    case v1::TASK_STATE_CANCELLED:
      return task.cancel_reason();
    case v1::TASK_STATE_RUNNING:
      return task.progress().text();
    case v1::TASK_STATE_SUSPENDED:
      if (task.children_remaining() > 0) {
        return absl::StrCat("waits for ", task.children_remaining(), " of ", task.children_total(), " children");
      }
      return task.suspend_reason();
    case v1::TASK_STATE_PENDING:
      if (task.last_error().empty()) return task.waiting_for();
      // The time of its retry helps nobody as long as no worker can run it.
      if (!task.runnable() && !task.waiting_for().empty()) {
        return absl::StrCat(task.waiting_for(), "; last error: ", task.last_error());
      }
      return absl::StrCat("retry after: ", task.last_error());
    default:
      return task.waiting_for();
  }
}

}  // namespace baton::cli
