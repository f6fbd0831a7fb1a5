// How an attempt ends: what a handler returns.
#ifndef BATON_OUTCOME_H_
#define BATON_OUTCOME_H_

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "baton/payload.h"
#include "baton/task_options.h"

namespace baton::inline sdk {

// The attempt failed; the task is tried again while it has attempts left. Text: at most 16 KiB, longer is cut.
struct Error {
  explicit Error(std::string what) : text(std::move(what)) {}
  explicit Error(const absl::Status& status) : text(status.ToString()) {}
  std::string text;
};

// The task failed for good; trying again would not help.
struct FinalError {
  explicit FinalError(std::string what) : text(std::move(what)) {}
  explicit FinalError(const absl::Status& status) : text(status.ToString()) {}
  std::string text;
};

// How a task waits for its children.
struct NextOptions {
  // For the next stage; unset keeps the present one.
  std::optional<Payload> context = {};
  // The first child that does not complete fails this task for good, and cancels the others. Otherwise it goes on when
  // all have ended, and sees how each of them did.
  bool fail_fast = false;
};

// What happens to a suspended task about which nobody decides in time.
enum class WhenUndecided { kFail, kResume, kCancel };

// How a task waits for a decision.
struct SuspendOptions {
  // For the next stage; unset keeps the present one.
  std::optional<Payload> context = {};
  // How long at most. 1 ms ... 10 years; unset: without end.
  std::optional<absl::Duration> timeout = {};
  // What happens then.
  WhenUndecided when_undecided = WhenUndecided::kFail;
  // kResume only: what decision() then is.
  Payload default_decision = {};
};

// Made from what a handler wants to return:
//
//   return "a string";  return Payload::Json(text);  return json;  return message;   // completed with this result
//   return {};                                                                       // completed without a result
//   return Error("mail server busy");                                                // failed, tried again
//   return FinalError("no such user");                                               // failed for good
//   return task.Next(children);  return task.Suspend("approval");                    // waits, see <baton/task.h>
//
// A lambda that returns different kinds needs `-> baton::Outcome`. Movable and copyable; holds no reference to its
// task.
class Outcome {
 public:
  struct Spawn {
    std::vector<NewTask> children;
    NextOptions options;
  };
  struct Suspension {
    std::string reason;
    SuspendOptions options;
  };
  using Value = std::variant<Payload, Error, FinalError, Spawn, Suspension>;

  Outcome() = default;
  Outcome(Payload result) : value_(std::move(result)) {}               // NOLINT: conversion is the purpose
  Outcome(std::string result) : value_(Payload(std::move(result))) {}  // NOLINT: conversion is the purpose
  Outcome(const char* result) : value_(Payload(result)) {}             // NOLINT: conversion is the purpose
  Outcome(Error error) : value_(std::move(error)) {}                   // NOLINT: conversion is the purpose
  Outcome(FinalError error) : value_(std::move(error)) {}              // NOLINT: conversion is the purpose
  // Anything with a PayloadConverter.
  template <typename T, typename = decltype(PayloadConverter<std::decay_t<T>>::Convert(std::declval<const T&>()))>
  Outcome(const T& result) : Outcome(Payload(result)) {}  // NOLINT: conversion is the purpose

  // Same as Task::Next and Task::Suspend.
  static Outcome Spawned(Spawn spawn) { return Outcome(Value(std::move(spawn))); }
  static Outcome Suspended(Suspension suspension) { return Outcome(Value(std::move(suspension))); }

  const Value& value() const& { return value_; }
  Value&& value() && { return std::move(value_); }

 private:
  explicit Outcome(Value value) : value_(std::move(value)) {}

  Value value_ = Payload();
};

}  // namespace baton::inline sdk

#endif  // BATON_OUTCOME_H_
