// Everything that a worker can do, in one place to look it up: films are encoded in several formats, approved by a
// person, and announced. tests/unit/test_kit/every_feature_test.cc tests it.
#ifndef BATON_EXAMPLES_EVERY_FEATURE_H_
#define BATON_EXAMPLES_EVERY_FEATURE_H_

#include <baton/client.h>
#include <baton/json.h>
#include <baton/worker.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace examples::films {

using Json = nlohmann::json;

// Work that takes long: progress, checkpoints, cancellation, and both kinds of failure.
inline baton::Outcome Encode(baton::Task& task) {
  const absl::StatusOr<Json> order = baton::ParseJson(task.payload());
  if (!order.ok()) return baton::FinalError(order.status());
  const std::string format = order->value("format", "");
  // Trying again would not help. Whatever a handler throws is tried again, as what it returns as Error.
  if (format == "vhs") return baton::FinalError("nobody can play vhs any more");
  // Written down for good, with the attempt that did it; of Progress only what was said last is shown.
  task.Audit("began", absl::StrCat("has to end by ", absl::FormatTime(task.deadline(), absl::UTCTimeZone())))
      .IgnoreError();
  const int minutes = order->value("minutes", 1);
  for (int minute = 1; minute <= minutes; ++minute) {
    // Stands for the work. True as soon as nobody wants the result: cancelled, timed out, given to another worker.
    if (task.WaitCancelled(absl::Seconds(1))) return {};
    if (format == "film" && task.failed_attempts() == 0) return baton::Error("the projector is warming up");
    task.Progress(
            {.percent = 100.0 * minute / minutes, .text = absl::StrCat("minute ", minute), .stage_name = "encode"})
        .IgnoreError();
  }
  return absl::StrCat(order->value("title", ""), ".", format);
}

// Stage 0: a child for each format. What the next stage has to know goes along as context.
inline baton::Outcome BeginToEncode(baton::Task& task, const Json& film) {
  std::vector<baton::NewTask> encodings;
  for (const Json& format : film.at("formats")) {
    encodings.push_back(
        {.type = "encode",
         .payload = Json{{"title", film.at("title")}, {"format", format}, {"minutes", film.value("minutes", 1)}},
         .tag = "films",
         .options = {.priority = 5},
         // However often it is tried, and however long it waits for a worker.
         .total_timeout = absl::Hours(6)});
  }
  const std::string expected = absl::StrCat(encodings.size(), " files");
  // A film that is not there in all formats is not published: the first that fails for good ends the whole.
  return task.Next(std::move(encodings), {.context = baton::Payload(Json{{"expected", expected}}), .fail_fast = true});
}

// Stage 1: all children have completed. A person decides, or three days do.
inline baton::Outcome AskForApproval(baton::Task& task, const Json& film) {
  Json files = Json::array();
  for (const baton::ChildOutcome& encoding : task.Children()) files.push_back(encoding.result.bytes());
  return task.Suspend(absl::StrCat("approval of ", film.value("title", "")),
                      {.context = baton::Payload(Json{{"files", std::move(files)}}),
                       .timeout = absl::Hours(72),
                       .when_undecided = baton::WhenUndecided::kResume,
                       .default_decision = Json{{"approved", false}, {"comment", "nobody has decided"}}});
}

// Stage 2: `baton approve`, `baton reject`, or what was decided by default. The context is kept for the last stage.
inline baton::Outcome Announce(baton::Task& task, const Json& film) {
  const absl::StatusOr<Json> decision = baton::ParseJson(task.decision());
  if (!decision.ok()) return baton::FinalError(decision.status());
  if (!decision->value("approved", false)) return baton::FinalError("rejected: " + decision->value("comment", ""));
  return task.Next({{.type = "announce", .payload = film.value("title", "")}});
}

inline baton::Outcome Publish(baton::Task& task) {
  const absl::StatusOr<Json> film = baton::ParseJson(task.payload());
  if (!film.ok()) return baton::FinalError(film.status());
  switch (task.stage()) {
    case 0:
      return BeginToEncode(task, *film);
    case 1:
      return AskForApproval(task, *film);
    case 2:
      return Announce(task, *film);
    default:
      return task.context();
  }
}

// A program that traces makes its span below the one that the task came with; children have that of their parent.
inline baton::Outcome Send(baton::Task& task) {
  return absl::StrCat("announced ", task.payload().bytes(), ", traced as ", task.trace_parent());
}

// Comes by its schedule: what it is about is the instant at which it was due, whenever it runs.
inline baton::Outcome Sweep(baton::Task& task) {
  const bool by_hand = task.scheduled_at() == absl::InfinitePast();
  const absl::Time night = by_hand ? task.created_at() : task.scheduled_at();
  return absl::StrCat("swept what was older than ", absl::FormatTime("%Y-%m-%d", night, absl::UTCTimeZone()));
}

inline absl::Status Schedule(baton::Client& client) {
  const absl::StatusOr<baton::CreatedSchedule> created = client.CreateSchedule(
      {.name = "sweep", .cron = "0 2 * * *", .task = {.type = "sweep"}, .keep_going = true}, /*replace=*/true);
  return created.status();
}

// Handlers come and go while the worker works, here from a handler: tasks of type `caption` wait while they are off.
inline baton::Outcome SwitchCaptions(baton::Worker& worker, baton::Task& task) {
  if (task.payload().bytes() == "off") {
    worker.Unuse("caption");
    return "captions are off";
  }
  const std::string style = task.payload().bytes();
  const absl::Status used = worker.Use("caption", [style](baton::Task& caption) {
    return absl::StrCat("<", style, ">", caption.payload().bytes(), "</", style, ">");
  });
  if (!used.ok()) return baton::FinalError(used);
  return absl::StrCat("captions are in ", style);
}

// What the worker takes on, and how. Both may be said again while it works.
inline absl::Status SetUp(baton::Worker& worker, std::vector<std::string> capabilities) {
  absl::Status ready = worker.Configure({.max_concurrency = 8,
                                         .prefetch = 4,
                                         .capabilities = std::move(capabilities),
                                         // Of tasks and handlers that say nothing themselves.
                                         .retry = {.max_attempts = 4,
                                                   .backoff = baton::RetryBackoff::kExponential,
                                                   .interval = absl::Seconds(2),
                                                   .cap = absl::Minutes(5),
                                                   .jitter = 0.1}});
  const baton::HandlerOptions encode{
      .handler = Encode,
      .options = {.timeout = absl::Minutes(10),
                  .max_retries = 3,
                  .required_capabilities = {{"GPU"}},
                  .progress_timeout = absl::Minutes(2)},
      .description = "Encodes a film in one format",
      .max_concurrency = 2,
  };
  // All or none of them.
  ready.Update(worker.Use({{"publish", Publish},
                           {"encode", encode},
                           {"announce", Send},
                           {"sweep", Sweep},
                           {"captions", [&worker](baton::Task& task) { return SwitchCaptions(worker, task); }}}));
  return ready;
}

}  // namespace examples::films

#endif  // BATON_EXAMPLES_EVERY_FEATURE_H_
