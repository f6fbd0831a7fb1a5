// Commands as the decoders of the service make them, and their answers.
#ifndef BATON_TESTS_UNIT_ENGINE_COMMANDS_H_
#define BATON_TESTS_UNIT_ENGINE_COMMANDS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/engine/command.h"
#include "broker/storage/store.h"
#include "gmock/gmock.h"

namespace baton::engine::testing {

using records::v1::Step;

// A command that was answered stays alive in here.
template <typename C>
class Reply {
 public:
  bool answered() const { return *command_ != nullptr; }
  // Only once it was answered.
  const C* operator->() const { return static_cast<const C*>(command_->get()); }
  Error error() const {
    return answered() ? (*command_)->error : Unavailable("NO_ANSWER", "the command has not been answered");
  }

 private:
  template <typename>
  friend class Tracked;
  std::shared_ptr<std::unique_ptr<Command>> command_ = std::make_shared<std::unique_ptr<Command>>();
};

// What the harness sees of every command.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual void Keep(std::unique_ptr<Command> self) = 0;
};

template <typename C>
class Tracked final : public C, public AnswerSink {
 public:
  void Answer() override {}
  // From here on only the caller's Reply keeps it.
  void Keep(std::unique_ptr<Command> self) override {
    const auto slot = std::move(reply_.command_);
    *slot = std::move(self);
  }
  // Before it is answered.
  Reply<C> reply() const { return reply_; }

 private:
  Reply<C> reply_;
};

// A task to submit, in words.
struct TaskSpec {
  std::string type = "work";
  std::string payload = "";
  std::string tag = "";
  Options options = {};
  Micros delay = 0;
  WallMicros due = 0;
  Micros start_timeout = 0, total_timeout = 0;
  std::string unique_key = "";
  UniquePolicy policy = UniquePolicy::kReturnExisting;
  // The parent of its trace context.
  std::string trace = "";
};

// With its key looked up in `store`.
NewTask MakeTask(const TaskSpec& spec, const storage::Snapshot& store);
// Fills in a submission, with everything looked up as of `store`; `now` selects the windows of request ids.
void FillSubmit(const std::vector<TaskSpec>& specs, const std::string& request_id, const storage::Snapshot& store,
                WallMicros now, SubmitCommand* command);
std::unique_ptr<Tracked<SubmitCommand>> MakeSubmit(const std::vector<TaskSpec>& specs, const std::string& request_id,
                                                   const storage::Snapshot& store, WallMicros now);

std::unique_ptr<Tracked<PauseCommand>> MakePause(TaskId id, bool pause, bool cascade, const std::string& reason);

// Encoded contents of outcomes.
std::string ResultStep(const std::string& result);
std::string ErrorStep(const std::string& error);
std::string ContextStep(const std::string& context, const std::string& reason = "");
std::string DecisionStep(const std::string& decision);

std::string PayloadOf(const Delivery& delivery);
std::string ContextOf(const Delivery& delivery);
std::string DecisionOf(const Delivery& delivery);

// Matches an Error.
MATCHER_P2(ErrorIs, code, reason, "") {
  *result_listener << "which is " << absl::StatusCodeToString(arg.code) << "/" << arg.reason << ": " << arg.message;
  return arg.code == code && std::string(arg.reason) == reason;
}
MATCHER(NoError, "") {
  *result_listener << "which is " << absl::StatusCodeToString(arg.code) << "/" << arg.reason << ": " << arg.message;
  return arg.ok();
}

}  // namespace baton::engine::testing

#endif  // BATON_TESTS_UNIT_ENGINE_COMMANDS_H_
