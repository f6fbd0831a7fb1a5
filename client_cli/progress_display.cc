#include "client_cli/progress_display.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/style.h"

namespace baton::cli {
namespace {

constexpr int kBarCells = 24;
// Of a terminal that does not tell its width.
constexpr size_t kDefaultWidth = 80;
constexpr char kClearLine[] = "\r\x1b[K";
constexpr char kLineUp[] = "\x1b[A";
// More would scroll away.
constexpr size_t kMaxBars = 10;

std::string Bar(double fraction) {
  int filled = static_cast<int>(fraction * kBarCells);
  return absl::StrFormat("[%s%s] %3d%% ", std::string(filled, '#'), std::string(kBarCells - filled, '.'),
                         static_cast<int>(fraction * 100));
}

}  // namespace

ProgressDisplay::ProgressDisplay(const Environment& environment)
    : environment_(environment), started_(environment.now()) {}

ProgressDisplay::~ProgressDisplay() { Clear(); }

void ProgressDisplay::Clear() {
  if (lines_drawn_ == 0) return;
  for (; lines_drawn_ > 1; --lines_drawn_) environment_.err << kClearLine << kLineUp;
  lines_drawn_ = 0;
  environment_.err << kClearLine << std::flush;
}

void ProgressDisplay::ShowTasks(const std::vector<const v1::Task*>& tasks, bool are_all) {
  if (!is_bar()) return;
  Clear();
  const size_t shown = std::min(tasks.size(), kMaxBars);
  std::vector<std::string> lines;
  for (size_t i = 0; i < shown; ++i) {
    const v1::Task& task = *tasks[i];
    const std::string text = absl::StrCat("task ", task.id(), " ", task.type(), " ", ProgressText(task));
    lines.push_back(BarLine(ProgressFraction(task), Printable(text)));
  }
  if (shown < tasks.size()) {
    lines.push_back(absl::StrCat("… and ", are_all ? "" : "at least ", tasks.size() - shown, " more"));
  }
  environment_.err << absl::StrJoin(lines, "\n") << std::flush;
  lines_drawn_ = lines.size();
}

void ProgressDisplay::ShowTask(const v1::Task& task) {
  Show(ProgressFraction(task), absl::StrCat("task ", task.id(), " ", ProgressText(task)));
}

void ProgressDisplay::ShowCount(size_t ended, size_t total) {
  Show(total == 0 ? 1.0 : static_cast<double>(ended) / static_cast<double>(total),
       absl::StrCat(ended, " of ", total, " tasks ended"));
}

void ProgressDisplay::ShowJob(const v1::Job& job) {
  const uint64_t done = job.ids() - std::min(job.ids(), job.ids_left());
  Show(job.ids() == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(job.ids()),
       absl::StrCat("job ", job.id(), ": ", job.matched(), " matched"));
}

void ProgressDisplay::Note(absl::string_view text) { Show(-1, text); }

void ProgressDisplay::Show(double fraction, absl::string_view text) {
  std::string line = Printable(text);
  if (!is_bar()) {
    if (fraction >= 0) absl::StrAppendFormat(&line, " (%d%%)", static_cast<int>(fraction * 100));
    if (line != last_line_) environment_.err << line << std::endl;
    last_line_ = std::move(line);
    return;
  }
  const std::string elapsed = FormatRoughDuration(absl::ToInt64Microseconds(environment_.now() - started_));
  if (lines_drawn_ > 1) Clear();
  environment_.err << kClearLine << BarLine(fraction, absl::StrCat(line, ", ", elapsed)) << std::flush;
  lines_drawn_ = 1;
}

std::string ProgressDisplay::BarLine(double fraction, absl::string_view text) const {
  const size_t width = environment_.terminal_width > 0 ? environment_.terminal_width : kDefaultWidth;
  return Shorten(absl::StrCat(fraction >= 0 ? Bar(fraction) : "", text), width - 1);
}

std::string ProgressText(const v1::Task& task) {
  std::string text = EnumText(task.state());
  if (task.state() == v1::TASK_STATE_RUNNING && task.attempt() > 1)
    absl::StrAppend(&text, ", attempt ", task.attempt());
  if (task.state() == v1::TASK_STATE_SUSPENDED && task.children_remaining() > 0) {
    absl::StrAppend(&text, ", waits for ", task.children_remaining(), " of ", task.children_total(), " children");
  } else if (!task.waiting_for().empty()) {
    absl::StrAppend(&text, ", ", task.waiting_for());
  } else if (!task.suspend_reason().empty() && task.state() == v1::TASK_STATE_SUSPENDED) {
    absl::StrAppend(&text, ", ", task.suspend_reason());
  }
  const v1::Progress& progress = task.progress();
  const std::string& said = progress.text().empty() ? progress.stage_name() : progress.text();
  if (task.state() == v1::TASK_STATE_RUNNING && !said.empty()) absl::StrAppend(&text, ", ", said);
  return text;
}

double ProgressFraction(const v1::Task& task) {
  if (task.state() == v1::TASK_STATE_COMPLETED) return 1.0;
  if (task.state() == v1::TASK_STATE_SUSPENDED && task.children_total() > 0 && task.children_remaining() > 0) {
    uint64_t total = task.children_total();
    return static_cast<double>(total - std::min(total, task.children_remaining())) / static_cast<double>(total);
  }
  if (task.progress().has_percent()) return std::clamp(task.progress().percent() / 100.0, 0.0, 1.0);
  return -1;
}

}  // namespace baton::cli
