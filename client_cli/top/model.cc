#include "client_cli/top/model.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::cli::top {
namespace {

constexpr absl::Duration kConfirmTime = absl::Seconds(3);
constexpr absl::Duration kNoteTime = absl::Seconds(5);
constexpr size_t kRowsOfPageKey = 10;

// What ended last comes first; the broker lists by id.
void SortFailures(std::vector<v1::Task>& tasks) {
  std::stable_sort(tasks.begin(), tasks.end(), [](const v1::Task& left, const v1::Task& right) {
    return left.ended_at_us() > right.ended_at_us();
  });
}

// Those that are about to be lost first.
void SortWorkers(v1::ListWorkersResponse& workers) {
  std::sort(workers.mutable_workers()->begin(), workers.mutable_workers()->end(),
            [](const v1::Worker& left, const v1::Worker& right) {
              if (left.state() != right.state()) return left.state() > right.state();
              return left.worker_id() < right.worker_id();
            });
}

// A name may be there twice: of a process that was lost, and of the one that took its place.
std::string NameOf(const v1::Worker& worker) { return absl::StrCat(worker.worker_id(), "\n", worker.instance_id()); }

void AddIds(const std::optional<std::vector<v1::Task>>& tasks, std::vector<std::string>& names) {
  if (!tasks.has_value()) return;
  for (const v1::Task& task : *tasks) names.push_back(absl::StrCat(task.id()));
}

// Its children that have not ended, or its events.
void AddTaskRows(const Answer& known, std::vector<std::string>& names) {
  if (known.explanation.has_value()) {
    for (const v1::Task& child : known.explanation->unfinished_children()) names.push_back(absl::StrCat(child.id()));
  }
  if (!known.history.has_value()) return;
  for (const v1::Event& event : known.history->events) names.push_back(absl::StrCat("#", event.number()));
}

template <class Part>
void Replace(std::optional<Part>& place, std::optional<Part> part) {
  if (part.has_value()) place = std::move(part);
}

}  // namespace

Query Model::query() const {
  return {.info = !known_.info.has_value(),
          .workers = place_.view == View::kWorkers,
          .failures = place_.view == View::kFailures,
          .tasks_of = place_.type,
          .tasks_on = place_.worker,
          .task = place_.task};
}

void Model::Take(Answer answer, absl::Time now) {
  if (answer.status.ok()) {
    error_ = absl::OkStatus();
  } else {
    if (error_.ok()) error_since_ = now;
    error_ = answer.status;
    // It may be another one when it comes back.
    known_.info.reset();
  }
  if (answer.failures.has_value()) SortFailures(*answer.failures);
  if (answer.workers.has_value()) SortWorkers(*answer.workers);
  Replace(known_.statistics, std::move(answer.statistics));
  Replace(known_.types, std::move(answer.types));
  Replace(known_.info, std::move(answer.info));
  Replace(known_.workers, std::move(answer.workers));
  Replace(known_.failures, std::move(answer.failures));
  Replace(known_.tasks, std::move(answer.tasks));
  // One that was retried has not ended any more.
  if (answer.explanation.has_value()) known_.history.reset();
  Replace(known_.explanation, std::move(answer.explanation));
  Replace(known_.history, std::move(answer.history));
  if (known_.statistics.has_value() && known_.types.has_value()) {
    types_ = MergeTypes(*known_.statistics, *known_.types);
    SortTypes(sorting_, types_);
  }
  place_.selected_row = selected();
}

Effect Model::Press(Key key, absl::Time now) {
  // Any other key is a no.
  const std::optional<Confirmation> asked = std::exchange(confirmation_, std::nullopt);
  note_.clear();
  if (key == 'q') return {.quit = true};
  if (shows_help_) {
    shows_help_ = false;
    return {};
  }
  switch (key) {
    case '?':
      shows_help_ = true;
      return {};
    case 't':
      return Show(View::kTypes);
    case 'w':
      return Show(View::kWorkers);
    case 'f':
      return Show(View::kFailures);
    case 'o':
      sorting_ = Sorting::kOldest;
      SortTypes(sorting_, types_);
      return Show(View::kTypes);
    case 's':
      if (place_.view != View::kTypes) return {};
      sorting_ = NextSorting(sorting_);
      SortTypes(sorting_, types_);
      place_.selected_row = selected();
      return {};
    case 'p':
      return PressPause(asked, now);
    case kKeyEnter:
      return Enter();
    case kKeyBack:
      return Back();
    default:
      Move(key);
      return {};
  }
}

void Model::Note(std::string text, absl::Time now) {
  note_ = std::move(text);
  note_until_ = now + kNoteTime;
}

size_t Model::selected() const {
  if (place_.selected_name.empty()) return 0;
  const std::vector<std::string> names = RowNames();
  if (names.empty()) return 0;
  const auto found = std::find(names.begin(), names.end(), place_.selected_name);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  return std::min(place_.selected_row, names.size() - 1);
}

std::string Model::Notice(absl::Time now) const {
  if (confirmation_.has_value() && now <= confirmation_->until) {
    const PauseOrder& order = confirmation_->order;
    return absl::StrCat("press p again to ", order.pause ? "pause " : "unpause ", order.type);
  }
  return now <= note_until_ ? note_ : "";
}

std::vector<std::string> Model::RowNames() const {
  std::vector<std::string> names;
  switch (place_.view) {
    case View::kTypes:
      for (const TypeRow& row : types_) names.push_back(row.type);
      break;
    case View::kWorkers:
      if (!known_.workers.has_value()) break;
      for (const v1::Worker& worker : known_.workers->workers()) names.push_back(NameOf(worker));
      break;
    case View::kFailures:
      AddIds(known_.failures, names);
      break;
    case View::kTasks:
      AddIds(known_.tasks, names);
      break;
    case View::kTask:
      AddTaskRows(known_, names);
      break;
  }
  return names;
}

void Model::Select(size_t row) {
  const std::vector<std::string> names = RowNames();
  place_.selected_row = names.empty() ? 0 : std::min(row, names.size() - 1);
  place_.selected_name = names.empty() ? "" : names[place_.selected_row];
}

void Model::Move(Key key) {
  const size_t row = selected();
  switch (key) {
    case kKeyUp:
    case 'k':
      return Select(row - std::min<size_t>(row, 1));
    case kKeyDown:
    case 'j':
      return Select(row + 1);
    case kKeyPageUp:
      return Select(row - std::min(row, kRowsOfPageKey));
    case kKeyPageDown:
      return Select(row + kRowsOfPageKey);
    case kKeyFirst:
    case 'g':
      return Select(0);
    case kKeyLast:
    case 'G':
      return Select(RowNames().size());
    default:
      return;
  }
}

Effect Model::Show(View view) {
  place_ = {.view = view};
  behind_.clear();
  return {.ask = true};
}

Effect Model::Enter() {
  switch (place_.view) {
    case View::kTypes:
      if (types_.empty()) return {};
      return Open({.view = View::kTasks, .type = types_[selected()].type});
    case View::kWorkers:
      if (!known_.workers.has_value() || known_.workers->workers().empty()) return {};
      return Open({.view = View::kTasks, .worker = known_.workers->workers(static_cast<int>(selected())).worker_id()});
    case View::kFailures:
      return known_.failures.has_value() ? OpenTask(*known_.failures) : Effect();
    case View::kTasks:
      return known_.tasks.has_value() ? OpenTask(*known_.tasks) : Effect();
    case View::kTask:
      break;
  }
  return OpenChild();
}

Effect Model::OpenTask(const std::vector<v1::Task>& tasks) {
  if (tasks.empty()) return {};
  return Open({.view = View::kTask, .task = tasks[selected()].id()});
}

Effect Model::OpenChild() {
  // One that has ended has events instead, whatever else is told of it.
  if (known_.history.has_value()) return {};
  if (!known_.explanation.has_value() || known_.explanation->unfinished_children().empty()) return {};
  return Open(
      {.view = View::kTask, .task = known_.explanation->unfinished_children(static_cast<int>(selected())).id()});
}

Effect Model::Open(Place place) {
  // The row that is opened, even if it was just the first one.
  Select(selected());
  behind_.push_back(std::exchange(place_, std::move(place)));
  if (place_.view == View::kTasks) known_.tasks.reset();
  ForgetTask();
  return {.ask = true};
}

Effect Model::Back() {
  if (behind_.empty()) return place_.view == View::kTypes ? Effect() : Show(View::kTypes);
  place_ = std::move(behind_.back());
  behind_.pop_back();
  ForgetTask();
  return {.ask = true};
}

void Model::ForgetTask() {
  known_.explanation.reset();
  known_.history.reset();
}

Effect Model::PressPause(const std::optional<Confirmation>& asked, absl::Time now) {
  // The order that was shown, whatever is selected by now.
  if (asked.has_value() && now <= asked->until) return {.ask = true, .pause = asked->order};
  const TypeRow* row = nullptr;
  if (place_.view == View::kTypes && !types_.empty()) row = &types_[selected()];
  if (place_.view == View::kTasks) row = FindType(place_.type);
  if (row == nullptr) {
    Note("select a type first: t shows them", now);
    return {};
  }
  confirmation_ = Confirmation{.order = {.type = row->type, .pause = !row->paused}, .until = now + kConfirmTime};
  return {};
}

const TypeRow* Model::FindType(const std::string& type) const {
  const auto found = std::find_if(types_.begin(), types_.end(), [&](const TypeRow& row) { return row.type == type; });
  return found == types_.end() ? nullptr : &*found;
}

}  // namespace baton::cli::top
