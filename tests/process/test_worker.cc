// A worker whose handlers do what a test asks for. Each says what happens to it in a line of JSON on the standard
// output, written whole, so that nothing is lost when the process is killed:
//   {"event": "start", "task": 7, "attempt": 1, "stage": 0}
// Environment: WORKER_ID, CAPABILITIES (separated by commas), CONCURRENCY (4), PREFETCH (0), DRAIN_DEADLINE_MS (30000).
//
//   echo      gives its payload back
//   hold      {"until": PATH}: runs until that file exists, or until it is cancelled
//   stubborn  {"until": PATH}: the same, but does not look whether it is cancelled
//   fail      {"times": N, "final": BOOL, "throws": BOOL, "why": TEXT}: fails in its first N attempts
//   spawn     {"children": [{"type": TYPE, "payload": JSON}, ...]}: gives back how they ended
//   approve   {...}: is suspended, then gives back its payload, its context and the decision
//   report    one checkpoint, one progress report, then {"until": PATH} as hold; {"says": TEXT} in both
#include <baton/json.h>
#include <baton/worker.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace {

using baton::Error;
using baton::FinalError;
using baton::Outcome;
using nlohmann::json;

constexpr absl::Duration kLook = absl::Milliseconds(10);

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

int Number(const char* name, int fallback) {
  int number = 0;
  return absl::SimpleAtoi(Variable(name), &number) ? number : fallback;
}

void Say(const char* event, const baton::Task& task, const std::string& detail = "") {
  const json line{{"event", event},        {"type", task.type()}, {"task", task.id()}, {"attempt", task.attempt()},
                  {"stage", task.stage()}, {"detail", detail}};
  const std::string text = line.dump() + "\n";
  if (write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
}

bool Exists(const json& input) { return std::filesystem::exists(input.value("until", "")); }

// Every handler starts and ends here.
baton::HandlerFunction Told(Outcome (*handler)(baton::Task&, const json&)) {
  return [handler](baton::Task& task) -> Outcome {
    const absl::StatusOr<json> input = baton::ParseJson(task.payload());
    if (!input.ok()) return FinalError(input.status());
    Say("start", task);
    Outcome outcome = handler(task, *input);
    Say("return", task, task.cancel_reason());
    return outcome;
  };
}

Outcome Echo(baton::Task& task, const json&) { return task.payload(); }

Outcome Hold(baton::Task& task, const json& input) {
  while (!Exists(input)) {
    if (!task.WaitCancelled(kLook)) continue;
    Say("cancelled", task, task.cancel_reason());
    return Error(task.cancel_reason());
  }
  return json("held");
}

Outcome Stubborn(baton::Task&, const json& input) {
  while (!Exists(input)) poll(nullptr, 0, static_cast<int>(absl::ToInt64Milliseconds(kLook)));
  return json("stubborn");
}

Outcome Fail(baton::Task& task, const json& input) {
  if (task.attempt() > input.value("times", 1)) return json{{"attempt", task.attempt()}};
  const std::string why = input.value("why", absl::StrCat("told to fail in attempt ", task.attempt()));
  if (input.value("throws", false)) throw std::runtime_error(why);
  return input.value("final", false) ? Outcome(FinalError(why)) : Outcome(Error(why));
}

Outcome Spawn(baton::Task& task, const json& input) {
  if (task.stage() == 0) {
    std::vector<baton::NewTask> children;
    for (const json& child : input.at("children")) {
      children.push_back({.type = child.at("type"), .payload = child.value("payload", json())});
    }
    return task.Next(std::move(children), json{{"spawned", input.at("children").size()}});
  }
  json ends = json::array();
  for (const baton::ChildOutcome& child : task.Children()) {
    ends.push_back({baton::TaskStateName(child.state), child.completed() ? child.result.json_text() : child.error});
  }
  return json{{"context", json::parse(task.context().json_text())}, {"children", std::move(ends)}};
}

Outcome Approve(baton::Task& task, const json& input) {
  if (task.stage() == 0) return task.Suspend("approval of " + input.value("what", "it"), json{{"asked", true}});
  return json{{"payload", input},
              {"context", json::parse(task.context().json_text())},
              {"decision", json::parse(task.decision().json_text())}};
}

Outcome Report(baton::Task& task, const json& input) {
  task.Audit("half_way", input.value("says", "the first half is done"), R"({"rows": 12})").IgnoreError();
  task.Progress(50, input.value("says", "row 12 of 24"), "rows").IgnoreError();
  return Hold(task, input);
}

}  // namespace

int main() {
  baton::Worker worker(
      {.worker_id = Variable("WORKER_ID"), .drain_deadline = absl::Milliseconds(Number("DRAIN_DEADLINE_MS", 30'000))});
  worker
      .Use({{"echo", Told(Echo)},
            {"hold", Told(Hold)},
            {"stubborn", Told(Stubborn)},
            {"fail", Told(Fail)},
            {"spawn", Told(Spawn)},
            {"approve", Told(Approve)},
            {"report", Told(Report)}})
      .IgnoreError();  // Run() fails with it.
  worker
      .Configure({.max_concurrency = Number("CONCURRENCY", 4),
                  .prefetch = Number("PREFETCH", 0),
                  .capabilities = absl::StrSplit(Variable("CAPABILITIES"), ',', absl::SkipEmpty())})
      .IgnoreError();
  worker.ShutdownOnSignals();
  const absl::Status status = worker.Run();
  if (!status.ok()) baton::LogToStderr(baton::LogLevel::kError, status.ToString());
  return status.ok() ? 0 : 1;
}
