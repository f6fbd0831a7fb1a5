#include "client_cli/event_text.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/time_text.h"

namespace baton::cli {

std::string EventActor(const v1::Event& event) { return event.actor().empty() ? event.worker_id() : event.actor(); }

std::string EventDetail(const v1::Event& event, absl::Time now, absl::TimeZone zone) {
  std::vector<std::string> parts;
  if (event.from_state() != event.to_state() && event.to_state() != v1::TASK_STATE_UNSPECIFIED) {
    parts.push_back(absl::StrCat("now ", EnumText(event.to_state())));
  }
  if (event.has_checkpoint()) {
    const v1::Checkpoint& checkpoint = event.checkpoint();
    parts.push_back(checkpoint.message().empty() || checkpoint.message() == checkpoint.code()
                        ? checkpoint.code()
                        : absl::StrCat(checkpoint.code(), ": ", checkpoint.message()));
    if (!checkpoint.metadata_json().empty()) parts.push_back(checkpoint.metadata_json());
  }
  if (event.has_progress()) {
    if (event.progress().has_percent()) parts.push_back(absl::StrCat(event.progress().percent(), "%"));
    if (!event.progress().text().empty()) parts.push_back(event.progress().text());
  }
  if (event.children() > 0) {
    parts.push_back(absl::StrCat(event.children(), event.children() == 1 ? " child" : " children"));
  }
  if (event.has_next_due()) parts.push_back(absl::StrCat("due ", FormatLocal(ToTime(event.next_due()), now, zone)));
  if (!event.reason().empty()) parts.push_back(event.reason());
  if (!event.worker_id().empty() && event.worker_id() != EventActor(event)) {
    parts.push_back(absl::StrCat("worker ", event.worker_id()));
  }
  return absl::StrJoin(parts, "; ");
}

std::string EventTime(const v1::Event& event, absl::TimeZone zone) {
  return event.has_time() ? absl::FormatTime("%Y-%m-%d %H:%M:%E3S", ToTime(event.time()), zone) : "";
}

}  // namespace baton::cli
