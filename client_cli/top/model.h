// What `baton top` knows, what of it is shown, and what each key does. Knows neither terminal nor broker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client_cli/top/ask.h"
#include "client_cli/top/key.h"
#include "client_cli/top/type_rows.h"

namespace baton::cli::top {

// kTasks: those of one type, or on one worker. kTask: what one task waits for, or its events.
enum class View { kTypes, kWorkers, kFailures, kTasks, kTask };

// What is shown, and where one is in it.
struct Place {
  View view = View::kTypes;
  // kTasks: one of them is set.
  std::string type, worker;
  uint64_t task = 0;
  // The selection stays with its row when the order changes. Empty: the first row, whichever it is.
  std::string selected_name;
  // Where it was, for when that row is gone.
  size_t selected_row = 0;
};

struct PauseOrder {
  std::string type;
  bool pause = false;
};

// What a key asks for.
struct Effect {
  bool quit = false;
  // What is known is not enough for what is shown now.
  bool ask = false;
  std::optional<PauseOrder> pause;
};

// Not thread-safe.
class Model {
 public:
  explicit Model(std::string address) : address_(std::move(address)) {}

  Query query() const;

  // Keeps what is known where the answer has nothing.
  void Take(Answer answer, absl::Time now);

  Effect Press(Key key, absl::Time now);

  // Shows `text` for some seconds.
  void Note(std::string text, absl::Time now);

  const std::string& address() const { return address_; }
  View view() const { return place_.view; }
  Sorting sorting() const { return sorting_; }
  bool shows_help() const { return shows_help_; }
  // Whose tasks are shown: one of them is set.
  const std::string& type() const { return place_.type; }
  const std::string& worker() const { return place_.worker; }
  // Which one is shown.
  uint64_t task() const { return place_.task; }

  // Everything that was answered last; its status is not used.
  const Answer& known() const { return known_; }
  // As sorted.
  const std::vector<TypeRow>& types() const { return types_; }

  // Of the last round, and since when no round went well.
  const absl::Status& error() const { return error_; }
  absl::Time error_since() const { return error_since_; }

  // Number of the selected row of the view; 0 if there are none.
  size_t selected() const;

  // What to tell at the bottom of the screen; empty: nothing.
  std::string Notice(absl::Time now) const;

 private:
  struct Confirmation {
    PauseOrder order;
    absl::Time until;
  };

  // Names of the rows of the view, in their order.
  std::vector<std::string> RowNames() const;
  void Select(size_t row);
  void Move(Key key);
  Effect Show(View view);
  Effect Enter();
  Effect Open(Place place);
  Effect OpenTask(const std::vector<v1::Task>& tasks);
  Effect OpenChild();
  Effect Back();
  // What is known of one task.
  void ForgetTask();
  Effect PressPause(const std::optional<Confirmation>& asked, absl::Time now);
  const TypeRow* FindType(const std::string& type) const;

  const std::string address_;
  Place place_;
  // Those that Enter led away from, the last one at the end.
  std::vector<Place> behind_;
  Sorting sorting_ = Sorting::kAttention;
  bool shows_help_ = false;

  Answer known_;
  std::vector<TypeRow> types_;
  absl::Status error_;
  absl::Time error_since_;

  std::optional<Confirmation> confirmation_;
  std::string note_;
  absl::Time note_until_ = absl::InfinitePast();
};

}  // namespace baton::cli::top
