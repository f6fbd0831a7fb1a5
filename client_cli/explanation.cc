#include "client_cli/explanation.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/rate_text.h"
#include "client_cli/text/time_text.h"

namespace baton::cli {
namespace {

// How a point in time is shown.
using LocalTime = std::function<std::string(absl::Time)>;

void AddDetail(Details& details, const char* label, Cell value) {
  if (!value.text.empty()) details.emplace_back(label, std::move(value));
}

std::string Counted(uint64_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

// What was done at the time that an obstacle has.
const char* DeedOf(v1::ObstacleKind kind) {
  switch (kind) {
    case v1::OBSTACLE_KIND_TASK_PAUSED:
    case v1::OBSTACLE_KIND_TYPE_PAUSED:
      return "paused";
    case v1::OBSTACLE_KIND_TYPE_LIMIT:
      return "set";
    default:
      return "since";
  }
}

std::string WhoAndWhy(const v1::Obstacle& obstacle) {
  return absl::StrCat(obstacle.actor(), obstacle.reason().empty() ? "" : ": ", obstacle.reason());
}

std::string ObstacleLine(const v1::Obstacle& obstacle, const LocalTime& local) {
  std::string line = obstacle.text();
  const bool has_actor = !obstacle.actor().empty();
  // The text of a paused type has it already.
  if (obstacle.kind() == v1::OBSTACLE_KIND_TASK_PAUSED && has_actor) {
    absl::StrAppend(&line, ", ", WhoAndWhy(obstacle));
  }
  if (obstacle.has_since()) {
    absl::StrAppend(&line, ", ", DeedOf(obstacle.kind()), " ", local(ToTime(obstacle.since())));
  }
  if (obstacle.kind() == v1::OBSTACLE_KIND_TYPE_LIMIT && has_actor) {
    absl::StrAppend(&line, obstacle.has_since() ? " by " : ", set by ", WhoAndWhy(obstacle));
  }
  return line;
}

// The first child that waits for something itself is what to look at next. Where all that were told run, it may be one
// of the others; if there are none, who runs the first one.
std::string CureOfChildren(const v1::ExplainResponse& response) {
  const auto& children = response.unfinished_children();
  if (children.empty()) return absl::StrCat("baton tree ", response.task().id());
  const auto waits = std::find_if(children.begin(), children.end(),
                                  [](const v1::Task& child) { return !child.waiting_for().empty(); });
  if (waits != children.end()) return absl::StrCat("baton explain ", waits->id());
  if (response.task().children_remaining() > static_cast<uint64_t>(children.size())) {
    return absl::StrCat("baton list --parent ", response.task().id(), " --state pending,suspended,paused");
  }
  return absl::StrCat("baton explain ", children.begin()->id());
}

// What lets the task go on; empty if only time does.
std::string Cure(const v1::ExplainResponse& response, v1::ObstacleKind kind) {
  const uint64_t id = response.task().id();
  switch (kind) {
    case v1::OBSTACLE_KIND_TASK_PAUSED:
      return absl::StrCat("baton unpause ", id);
    case v1::OBSTACLE_KIND_TYPE_PAUSED:
      return absl::StrCat("baton types unpause ", response.task().type());
    case v1::OBSTACLE_KIND_NO_WORKER:
      return "start a worker that can run it; baton workers lists those that are there";
    case v1::OBSTACLE_KIND_NO_FREE_SLOT:
      return "start more workers, or let them do more at once";
    case v1::OBSTACLE_KIND_TYPE_LIMIT:
      return absl::StrCat("baton types limit ", response.task().type(), " N, if more may run at a time");
    case v1::OBSTACLE_KIND_CHILDREN:
      return CureOfChildren(response);
    case v1::OBSTACLE_KIND_DECISION:
      return absl::StrCat("baton approve ", id, ", baton reject ", id);
    case v1::OBSTACLE_KIND_BROKER_DRAINS:
      return "wait for the broker to come back; baton info shows when it was started";
    case v1::OBSTACLE_KIND_DAMAGED:
      return "a backup brings it back, batond verify DIR --repair --drop-lost gives it up; both need the broker "
             "stopped";
    default:
      return "";
  }
}

std::string QueueLine(const v1::QueuePlace& queue) {
  const std::string ahead =
      queue.ahead() == 0 ? "it is the next one"
                         : absl::StrCat(queue.more_ahead() ? "more than " : "", Counted(queue.ahead(), "task", "tasks"),
                                        queue.ahead() == 1 ? " goes first" : " go first");
  return absl::StrCat(ahead, "; ", queue.slots_taken(), " of ", Counted(queue.slots(), "slot", "slots"), " of ",
                      Counted(queue.workers(), "worker", "workers"), " taken");
}

std::string PaceLine(const v1::QueuePlace& queue) {
  if (queue.tasks_per_second() == 0) return "nothing was handed out to such workers lately";
  return absl::StrCat(RateText(queue.tasks_per_second()), " tasks/s were handed out lately");
}

void AddQueue(const v1::QueuePlace& queue, absl::Time now, const LocalTime& local, Details& details) {
  if (queue.workers() == 0) return;
  AddDetail(details, "queue", QueueLine(queue));
  AddDetail(details, "pace", PaceLine(queue));
  // The broker's "now" is over when it is read here.
  if (queue.has_expected_start()) {
    AddDetail(details, "may begin", local(std::max(ToTime(queue.expected_start()), now)));
  }
}

std::string Ago(const google::protobuf::Duration& age) {
  return absl::StrCat(FormatRoughDuration(ToMicroseconds(age)), " ago");
}

void AddHolder(const v1::Holder& holder, const LocalTime& local, Details& details) {
  const std::string state = holder.state() == v1::WORKER_STATE_UNSPECIFIED
                                ? "is gone; the attempt is taken back within moments"
                                : absl::StrCat(EnumText(holder.state()), ", last seen ", Ago(holder.last_seen()));
  const Color color = holder.state() == v1::WORKER_STATE_CONNECTED ? Color::kGreen : Color::kYellow;
  AddDetail(details, "worker", {absl::StrCat(holder.worker_id(), ", ", state), color});
  AddDetail(details, "attempt",
            absl::StrCat(holder.attempt(), ", handed out ", local(ToTime(holder.claimed_at())),
                         holder.started() ? ", its handler runs" : ""));
  if (holder.has_times_out_in()) {
    AddDetail(details, "times out in", FormatRoughDuration(ToMicroseconds(holder.times_out_in())));
  }
  if (holder.has_must_report_in()) {
    AddDetail(details, "must report in", FormatRoughDuration(ToMicroseconds(holder.must_report_in())));
  }
}

}  // namespace

Details Explanation(const v1::ExplainResponse& response, absl::Time now, absl::TimeZone zone) {
  const v1::Task& task = response.task();
  const LocalTime local = [now, zone](absl::Time time) { return FormatLocal(time, now, zone); };
  Details details;
  AddDetail(details, "task", absl::StrCat(task.id()));
  AddDetail(details, "type", task.type());
  AddDetail(details, "state", {EnumText(task.state()), StateColor(task.state())});
  for (const v1::Obstacle& obstacle : response.obstacles()) {
    AddDetail(details, "obstacle", {ObstacleLine(obstacle, local), Color::kYellow});
    AddDetail(details, "what helps", Cure(response, obstacle.kind()));
  }
  const bool waits = response.obstacles().empty() && !task.waiting_for().empty();
  AddDetail(details, "waiting for", waits ? task.waiting_for() : "");
  if (response.has_queue()) AddQueue(response.queue(), now, local, details);
  if (response.has_holder()) AddHolder(response.holder(), local, details);
  AddDetail(details, "last error", {task.last_error(), Color::kRed});
  AddDetail(details, "ended", task.ended_at_us() == 0 ? "" : local(absl::FromUnixMicros(task.ended_at_us())));
  AddDetail(details, "cancelled because", task.cancel_reason());
  return details;
}

}  // namespace baton::cli
