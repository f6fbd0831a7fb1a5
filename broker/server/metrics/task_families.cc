#include "broker/server/metrics/task_families.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>
#include <vector>

namespace baton::server {
namespace {

using engine::ClassNumber;
using engine::Event;
using engine::Happening;
using records::v1::LiveState;

// The events that end an attempt, and how metrics call them.
struct Ending {
  Event event;
  const char* outcome;
};
constexpr Ending kEndings[] = {{Event::kSucceeded, "succeeded"},  {Event::kFailed, "failed"},
                               {Event::kFailedFinally, "failed"}, {Event::kTimedOut, "timed_out"},
                               {Event::kSpawned, "spawned"},      {Event::kSuspended, "suspended"},
                               {Event::kReleased, "released"},    {Event::kCancelled, "cancelled"},
                               {Event::kExpired, "expired"},      {Event::kInterrupted, "worker_lost"}};

uint64_t Retained(const engine::StateCounts& counts) {
  uint64_t sum = 0;
  for (int state = LiveState::PENDING; state <= LiveState::CANCELLED; ++state) sum += counts[state];
  return sum;
}

void AddDurations(const engine::DurationTotals& from, Spread* to) {
  for (size_t i = 0; i < to->counts.size(); ++i) to->counts[i] += from.counts()[i];
  to->sum += from.sum();
}

WallMicros Earlier(WallMicros a, WallMicros b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

void AddOldest(const service::OldestTasks& from, service::OldestTasks* to) {
  to->ready = Earlier(to->ready, from.ready);
  to->running = Earlier(to->running, from.running);
  to->suspended = Earlier(to->suspended, from.suspended);
}

template <typename Counts>
void AddCounts(const Counts& from, Counts* to) {
  for (size_t i = 0; i < from.size(); ++i) (*to)[i] += from[i];
}

// In the order of classes, so that the same types get labels whenever they appear together.
std::set<ClassNumber> ClassesWithFacts(const TaskSources& sources, const engine::ActivityBoard::Totals& totals) {
  std::set<ClassNumber> classes;
  for (const auto& [number, counts] : sources.view.counts()) {
    if (Retained(counts) > 0) classes.insert(number);
  }
  for (const auto& [number, total] : totals) classes.insert(number);
  return classes;
}

double Seconds(double micros) { return micros / static_cast<double>(kSecond); }

// A family with one sample for each type.
template <typename Value>
prometheus::MetricFamily ByType(prometheus::MetricFamily family, const FactsByType& types, Value value) {
  for (const auto& [type, facts] : types) AddSample(&family, static_cast<double>(value(facts)), {{"type", type}});
  return family;
}

prometheus::MetricFamily Happened(std::string name, std::string help, const FactsByType& types, Happening happening) {
  return ByType(CounterFamily(std::move(name), std::move(help)), types,
                [happening](const TypeFacts& facts) { return facts.happenings[static_cast<size_t>(happening)]; });
}

prometheus::MetricFamily Depths(const FactsByType& types) {
  prometheus::MetricFamily family =
      GaugeFamily("baton_tasks", "Tasks that the broker holds, by state; ended ones until retention removes them.");
  for (const auto& [type, facts] : types) {
    const auto add = [&, label = type](const char* state, uint64_t count) {
      AddSample(&family, static_cast<double>(count), {{"type", label}, {"state", state}});
    };
    const engine::StateCounts& counts = facts.counts;
    add("pending", counts[LiveState::PENDING]);
    add("running", counts[LiveState::RUNNING]);
    add("suspended", counts[LiveState::SUSPENDED] + counts[LiveState::WAITING]);
    add("completed", counts[LiveState::COMPLETED]);
    add("permanently_failed", counts[LiveState::FAILED]);
    add("cancelled", counts[LiveState::CANCELLED]);
  }
  return family;
}

prometheus::MetricFamily Ages(const FactsByType& types, WallMicros now) {
  prometheus::MetricFamily family = GaugeFamily(
      "baton_oldest_task_age_seconds",
      "How long the task has been ready (pending), handed out (running), or away since it was last ready (suspended) "
      "that has been so the longest; 0 if none is.");
  for (const auto& [type, facts] : types) {
    const auto add = [&, label = type](const char* state, WallMicros since) {
      const Micros age = since == 0 ? 0 : std::max<Micros>(now - since, 0);
      AddSample(&family, Seconds(static_cast<double>(age)), {{"type", label}, {"state", state}});
    };
    add("pending", facts.oldest.ready);
    add("running", facts.oldest.running);
    add("suspended", facts.oldest.suspended);
  }
  return family;
}

prometheus::MetricFamily Ends(const FactsByType& types) {
  prometheus::MetricFamily family = CounterFamily("baton_tasks_ended_total", "Tasks that ended, by their last state.");
  for (const auto& [type, facts] : types) {
    const auto add = [&, label = type, &happenings = facts.happenings](const char* state, Happening happening) {
      AddSample(&family, static_cast<double>(happenings[static_cast<size_t>(happening)]),
                {{"type", label}, {"state", state}});
    };
    add("completed", Happening::kCompleted);
    add("permanently_failed", Happening::kFailed);
    add("cancelled", Happening::kCancelled);
  }
  return family;
}

prometheus::MetricFamily Outcomes(const FactsByType& types) {
  prometheus::MetricFamily family =
      CounterFamily("baton_attempts_ended_total", "Attempts that ended, by how they did.");
  for (const auto& [type, facts] : types) {
    std::map<std::string, uint64_t> outcomes;
    for (const Ending& ending : kEndings) outcomes[ending.outcome] += facts.ends[static_cast<size_t>(ending.event)];
    for (const auto& [outcome, count] : outcomes) {
      AddSample(&family, static_cast<double>(count), {{"type", type}, {"outcome", outcome}});
    }
  }
  return family;
}

prometheus::MetricFamily Durations(std::string name, std::string help, const FactsByType& types,
                                   Spread TypeFacts::*spread) {
  prometheus::MetricFamily family = HistogramFamily(std::move(name), std::move(help));
  std::vector<double> ends;
  for (size_t i = 0; i < engine::DurationTotals::kBuckets; ++i) {
    ends.push_back(Seconds(static_cast<double>(engine::DurationTotals::BucketEnd(i))));
  }
  for (const auto& [type, facts] : types) {
    const Spread& of = facts.*spread;
    AddHistogram(&family, ends, {of.counts.begin(), of.counts.end()}, Seconds(of.sum), {{"type", type}});
  }
  return family;
}

}  // namespace

FactsByType GatherTypes(const TaskSources& sources, TypeLabels* labels) {
  FactsByType types;
  const engine::ActivityBoard::Totals totals = sources.activity.ReadTotals();
  for (const ClassNumber number : ClassesWithFacts(sources, totals)) {
    const engine::ClassInfo& info = sources.view.catalog().Class(number);
    TypeFacts& facts = types[labels->LabelOf(info.type)];
    if (const auto counts = sources.view.counts().find(number); counts != sources.view.counts().end()) {
      AddCounts(counts->second, &facts.counts);
      if (!sources.routing.Runnable(info)) facts.unservable += counts->second[LiveState::PENDING];
    }
    if (const auto total = totals.find(number); total != totals.end()) {
      AddCounts(total->second.counts, &facts.happenings);
      AddDurations(total->second.queued, &facts.queued);
      AddDurations(total->second.ran, &facts.ran);
    }
    if (const auto oldest = sources.oldest.find(number); oldest != sources.oldest.end()) {
      AddOldest(oldest->second, &facts.oldest);
    }
    AddCounts(sources.ends.Read(number), &facts.ends);
  }
  // Of classes beyond those that are counted apart.
  const engine::AttemptEnds::Counts beyond = sources.ends.Read(0);
  const bool any = std::any_of(beyond.begin(), beyond.end(), [](uint64_t count) { return count > 0; });
  if (any) AddCounts(beyond, &types[TypeLabels::kOther].ends);
  return types;
}

Families TaskFamilies(const FactsByType& types, WallMicros now) {
  return {
      Depths(types),
      ByType(GaugeFamily("baton_tasks_unservable", "Pending tasks that no connected worker could run."), types,
             [](const TypeFacts& facts) { return facts.unservable; }),
      Ages(types, now),
      Happened("baton_tasks_submitted_total", "Tasks that came to be: submitted, spawned or scheduled.", types,
               Happening::kCreated),
      Ends(types),
      Happened("baton_attempts_started_total", "Tasks handed out to workers.", types, Happening::kStarted),
      Outcomes(types),
      Happened("baton_attempts_retried_total", "Attempts after which the task was pending again.", types,
               Happening::kRetried),
      Durations("baton_queue_seconds", "From when a task was ready to when it was handed out, of attempts that began.",
                types, &TypeFacts::queued),
      Durations("baton_run_seconds",
                "From when a task was handed out to its end, or to when it was pending again, of attempts that ended.",
                types, &TypeFacts::ran),
  };
}

}  // namespace baton::server
