// The task as its handler sees it.
#ifndef BATON_TASK_H_
#define BATON_TASK_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "baton/outcome.h"
#include "baton/payload.h"
#include "baton/task_info.h"
#include "baton/task_options.h"

namespace baton::inline sdk {

namespace internal {
class TaskContext;
}  // namespace internal

class ChildOutcomes;

// One attempt of one task. Given to the handler by reference and valid until the handler returns. All methods may be
// called by several threads at once, if the handler waits for them before it returns.
class Task {
 public:
  explicit Task(internal::TaskContext* context) : context_(context) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  uint64_t id() const;
  const std::string& type() const;
  const std::string& tag() const;
  // 0 for a task without parent; its root is then itself.
  uint64_t parent_id() const;
  uint64_t root_id() const;
  // From 1, counts every execution.
  int attempt() const;
  // Phase of the handler: 0 at first, one more after each Next() or Suspend(). A retry repeats its stage.
  int stage() const;
  // Failed attempts of this stage so far, and attempts allowed at this stage.
  int failed_attempts() const;
  int max_retries() const;
  int priority() const;
  absl::Time created_at() const;
  // The schedule that created the task, empty if none did, and the instant at which that was due
  // (absl::InfinitePast(): it was triggered by hand).
  const std::string& schedule() const;
  absl::Time scheduled_at() const;
  // W3C Trace Context of the task, the headers `traceparent` and `tracestate`, empty if it has none: the parent of the
  // span that a handler may make. Children have the same unless their definition has one of its own.
  const std::string& trace_parent() const;
  const std::string& trace_state() const;

  // What was submitted.
  const Payload& payload() const;
  // What the previous stage left with Next() or Suspend(); absent at stage 0.
  const Payload& context() const;
  // What Resume carried, after a suspension; absent otherwise.
  const Payload& decision() const;

  // Children of the previous stage: how many there were, and how many did not complete.
  uint64_t children_count() const;
  uint64_t children_failed() const;
  // How they ended, in the order they were given to Next(). See ChildOutcomes.
  ChildOutcomes Children() const;

  // True when the handler should stop: the task was cancelled, the attempt is over, or its deadline has passed. What it
  // returns then is not used. Cheap: call it in loops.
  bool cancelled() const;
  // Waits until cancelled() is true, for at most `timeout`; returns cancelled(). Use it instead of sleeping.
  bool WaitCancelled(absl::Duration timeout) const;
  // Why, e.g. "the task was cancelled: wrong file"; empty while cancelled() is false.
  std::string cancel_reason() const;
  // When the attempt times out.
  absl::Time deadline() const;

  // Adds a mark to the history of the task; it is sent in the background and at the latest with the outcome. `code`:
  // what happened, as a stable name, 1 ... 128 bytes after trimming. `message`: for people, at most 1 KiB; the code if
  // empty. `metadata_json`: a JSON object, at most 64 KiB, or less if the broker is configured so. Errors:
  // INVALID_ARGUMENT naming the field, RESOURCE_EXHAUSTED more marks than the broker takes in; the mark is then not
  // recorded (and a warning is logged).
  absl::Status Audit(const std::string& code, const std::string& message = "", const std::string& metadata_json = "");

  // Says how far the task is; sent in the background, of several the last one counts. Errors: INVALID_ARGUMENT naming
  // the field (and a warning is logged).
  absl::Status Progress(const ProgressReport& report);
  absl::Status Progress(double percent, const std::string& text = "", const std::string& stage_name = "");

  // Ends this stage: return it from the handler. The children become real and the task waits for them in one step; the
  // handler is called again with stage() + 1 and `context` (std::nullopt keeps the present one) when all have ended. No
  // children: called again at once. A hundred thousand children are ordinary.
  Outcome Next(std::vector<NewTask> children, std::optional<Payload> context = std::nullopt);
  Outcome Next(std::vector<NewTask> children, NextOptions options);

  // Ends this stage: the task waits for a decision (Client::Resume), holding no slot. `reason`: what it waits for,
  // 1 ... 1024 bytes; a blank one fails the task. The handler is called again with stage() + 1, `context` and
  // decision().
  Outcome Suspend(std::string reason, std::optional<Payload> context = std::nullopt);
  Outcome Suspend(std::string reason, SuspendOptions options);

 private:
  internal::TaskContext* const context_;
};

// The outcomes of a task's children, fetched page by page while they are iterated:
//
//   for (const ChildOutcome& child : task.Children()) total += Size(child.result);
//
// A page that cannot be fetched is tried again until the attempt is cancelled; iteration then ends early. Ending early
// cannot be overlooked: unless the handler has called status() after the loop, what it returns is replaced by a
// retryable failure that says why. One pass only; not thread-safe; valid while the handler runs.
class ChildOutcomes {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = ChildOutcome;
    using difference_type = std::ptrdiff_t;
    using pointer = const ChildOutcome*;
    using reference = const ChildOutcome&;

    reference operator*() const;
    pointer operator->() const { return &**this; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.state_ == b.state_; }
    friend bool operator!=(const Iterator& a, const Iterator& b) { return !(a == b); }

   private:
    friend class ChildOutcomes;
    struct State;
    explicit Iterator(State* state) : state_(state) {}

    // Null at the end.
    State* state_;
  };

  explicit ChildOutcomes(internal::TaskContext* context);
  ~ChildOutcomes();
  ChildOutcomes(ChildOutcomes&&) noexcept;

  Iterator begin();
  Iterator end() { return Iterator(nullptr); }

  // OK if nothing went wrong so far. Calling it after the loop takes over the responsibility for a failure.
  absl::Status status();

 private:
  std::unique_ptr<Iterator::State> state_;
};

}  // namespace baton::inline sdk

#endif  // BATON_TASK_H_
