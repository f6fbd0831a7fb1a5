// Shows on standard error how tasks come along: a bar on a terminal, else a line for each change.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "baton/v1/admin.pb.h"
#include "baton/v1/task.pb.h"
#include "client_cli/environment.h"

namespace baton::cli {

// `environment` must outlive the display. Not thread-safe.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(const Environment& environment);
  // Clears the bar.
  ~ProgressDisplay();

  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  // How one task stands.
  void ShowTask(const v1::Task& task);

  // How many of many tasks have ended.
  void ShowCount(size_t ended, size_t total);

  // How far a bulk job is.
  void ShowJob(const v1::Job& job);

  // Several tasks, on a terminal only: a bar for each of the first few, in the place of what was shown before.
  // `are_all`: there are no others.
  void ShowTasks(const std::vector<const v1::Task*>& tasks, bool are_all);

  // Takes the bars away, to make room for a line of text.
  void Clear();

  // A remark, such as that the broker is gone for the moment.
  void Note(absl::string_view text);

  // A bar shows the time that passes, so it wants to be drawn again now and then.
  bool is_bar() const { return environment_.err_is_terminal; }

 private:
  // `fraction` below zero: unknown, no bar.
  void Show(double fraction, absl::string_view text);
  std::string BarLine(double fraction, absl::string_view text) const;

  const Environment& environment_;
  const absl::Time started_;
  std::string last_line_;
  // On which bars are, the last one with the cursor.
  size_t lines_drawn_ = 0;
};

// How far a task is, in words: "RUNNING, attempt 2, chunk 7 of 12".
std::string ProgressText(const v1::Task& task);

// Share of the work that is done, 0 … 1; below zero where nothing tells.
double ProgressFraction(const v1::Task& task);

}  // namespace baton::cli
