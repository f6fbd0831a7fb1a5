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

template <class Part>
void Replace(std::optional<Part>& place, std::optional<Part> part) {
  if (part.has_value()) place = std::move(part);
}

}  // namespace

Query Model::query() const {
  return {.info = !known_.info.has_value(),
          .workers = view_ == View::kWorkers,
          .failures = view_ == View::kFailures,
          .tasks_of = view_ == View::kTasks ? type_ : ""};
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
  if (known_.statistics.has_value() && known_.types.has_value()) {
    types_ = MergeTypes(*known_.statistics, *known_.types);
    SortTypes(sorting_, types_);
  }
  selected_row_ = selected();
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
      if (view_ != View::kTypes) return {};
      sorting_ = NextSorting(sorting_);
      SortTypes(sorting_, types_);
      selected_row_ = selected();
      return {};
    case 'p':
      return PressPause(asked, now);
    case kKeyEnter:
      return OpenType();
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
  if (selected_name_.empty()) return 0;
  const std::vector<std::string> names = RowNames();
  if (names.empty()) return 0;
  const auto found = std::find(names.begin(), names.end(), selected_name_);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  return std::min(selected_row_, names.size() - 1);
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
  switch (view_) {
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
  }
  return names;
}

void Model::Select(size_t row) {
  const std::vector<std::string> names = RowNames();
  selected_row_ = names.empty() ? 0 : std::min(row, names.size() - 1);
  selected_name_ = names.empty() ? "" : names[selected_row_];
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
  view_ = view;
  selected_name_.clear();
  selected_row_ = 0;
  return {.ask = true};
}

Effect Model::OpenType() {
  if (view_ != View::kTypes || types_.empty()) return {};
  type_ = types_[selected()].type;
  known_.tasks.reset();
  return Show(View::kTasks);
}

Effect Model::Back() {
  if (view_ == View::kTypes) return {};
  const std::string type = view_ == View::kTasks ? type_ : "";
  Show(View::kTypes);
  selected_name_ = type;
  selected_row_ = selected();
  return {.ask = true};
}

Effect Model::PressPause(const std::optional<Confirmation>& asked, absl::Time now) {
  // The order that was shown, whatever is selected by now.
  if (asked.has_value() && now <= asked->until) return {.ask = true, .pause = asked->order};
  const TypeRow* row = nullptr;
  if (view_ == View::kTypes && !types_.empty()) row = &types_[selected()];
  if (view_ == View::kTasks) row = FindType(type_);
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
