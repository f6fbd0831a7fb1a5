#include "tests/unit/engine/checks.h"

#include <algorithm>
#include <array>
#include <map>

#include "absl/strings/str_cat.h"
#include "broker/engine/live/recovery.h"
#include "broker/engine/verify/verify.h"

namespace baton::engine::testing {
namespace {

std::string DifferenceOf(absl::string_view a_name, const std::vector<LiveEntry>& a, absl::string_view b_name,
                         const std::vector<LiveEntry>& b) {
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (i < a.size() && i < b.size() && a[i] == b[i]) continue;
    return absl::StrCat(a_name, " has ", i < a.size() ? Describe(a[i]) : "nothing more", ", ", b_name, " has ",
                        i < b.size() ? Describe(b[i]) : "nothing more");
  }
  return "";
}

// Of pending tasks that are not resident the engine knows but their place in the order.
bool Agree(const LiveEntry& engine, const LiveEntry& live) {
  if (engine == live) return true;
  return engine.state == LiveState::PENDING && engine.attempt == 0 && engine.failed == 0 && engine.id == live.id &&
         engine.state == live.state && engine.class_number == live.class_number && engine.priority == live.priority &&
         engine.due == live.due && !live.paused;
}

// Suspended tasks, and pending ones that are paused, leave the engine's memory.
std::string EngineDifference(const std::vector<LiveEntry>& engine, const std::vector<LiveEntry>& live) {
  size_t at = 0;
  for (const LiveEntry& entry : live) {
    if (at < engine.size() && engine[at].id == entry.id) {
      if (!Agree(engine[at], entry)) {
        return absl::StrCat("the engine has ", Describe(engine[at]), ", the follower ", Describe(entry));
      }
      ++at;
    } else if (entry.state != LiveState::SUSPENDED && !(entry.paused && entry.state == LiveState::PENDING)) {
      return absl::StrCat("the engine lacks ", Describe(entry));
    }
  }
  return at == engine.size() ? "" : absl::StrCat("the follower lacks ", Describe(engine[at]));
}

// What lists go by.
std::string AttributesDifference(const View& running, const View& rebuilt) {
  for (uint64_t number = 0; number <= PageOf(running.next_id()); ++number) {
    const auto a = running.GetPage(number), b = rebuilt.GetPage(number);
    if (!a.ok() || !b.ok()) return absl::StrCat("page ", number, " cannot be read");
    if ((*a == nullptr) != (*b == nullptr)) return absl::StrCat("page ", number, " is missing");
    if (*a != nullptr && ((*a)->indexed() != (*b)->indexed() || (*a)->attributes() != (*b)->attributes())) {
      return absl::StrCat("classes and tags of page ", number, " differ after a restart");
    }
  }
  return "";
}

std::string CountsDifference(const View& running, const View& rebuilt) {
  return running.counts() == rebuilt.counts() ? "" : "counters of a rebuilt live table differ";
}

std::string SchedulesDifference(const std::vector<std::string>& running, const std::vector<std::string>& restarted) {
  for (size_t i = 0; i < std::max(running.size(), restarted.size()); ++i) {
    const std::string a = i < running.size() ? running[i] : "nothing more";
    const std::string b = i < restarted.size() ? restarted[i] : "nothing more";
    if (a != b) return absl::StrCat("of schedules there is ", b, ", where the engine had ", a);
  }
  return "";
}

}  // namespace

std::string Describe(const LiveEntry& entry) {
  return absl::StrCat("task ", entry.id, " ", LiveState_Name(entry.state), " class ", entry.class_number, " priority ",
                      entry.priority, " due ", entry.due, " attempt ", entry.attempt, " session ", entry.session,
                      " options ", entry.options_number, " handler ", entry.handler_version, " claimed ", entry.claimed,
                      " ready ", entry.ready, " generation ", entry.generation, " remaining ", entry.remaining,
                      " failed ", entry.failed, entry.paused ? " paused" : "");
}

std::vector<LiveEntry> LiveOf(Follower& follower) {
  std::vector<LiveEntry> live;
  const absl::Status status = follower.ForEachLive([&](const LiveEntry& entry) { live.push_back(entry); });
  if (!status.ok()) live.clear();
  return live;
}

std::string Difference(const EngineSettings& settings, storage::Store& store, const Engine& engine, Follower& follower,
                       Now now) {
  Catalog catalog;
  Follower rebuilt(settings, &store, &catalog);
  absl::StatusOr<Recovered> recovered = Recover(
      &store, "test", now.wall, [] { return 0; }, &catalog, &rebuilt);
  if (!recovered.ok()) return absl::StrCat("recovery: ", recovered.status().ToString());
  const std::vector<LiveEntry> live = LiveOf(follower);
  std::string difference = DifferenceOf("the follower", live, "a restart", LiveOf(rebuilt));
  if (!difference.empty()) return difference;
  difference = EngineDifference(engine.LiveForTest(), live);
  if (!difference.empty()) return difference;
  if (recovered->next_id != engine.next_id()) {
    return absl::StrCat("the next id is ", engine.next_id(), ", after a restart ", recovered->next_id);
  }
  const std::shared_ptr<const View> view = follower.MakeView(store.TakeSnapshot());
  const std::shared_ptr<const View> rebuilt_view = rebuilt.MakeView(store.TakeSnapshot());
  difference = CountsDifference(*view, *rebuilt_view);
  if (difference.empty()) difference = AttributesDifference(*view, *rebuilt_view);
  if (!difference.empty()) return difference;
  RoutingBoard board;
  const Engine restarted(settings, &catalog, &board, *std::move(recovered), now);
  difference = restarted.BrokenInvariantForTest();
  if (!difference.empty()) return absl::StrCat("after a restart: ", difference);
  difference = EngineDifference(restarted.LiveForTest(), live);
  if (difference.empty()) difference = SchedulesDifference(engine.SchedulesForTest(), restarted.SchedulesForTest());
  return difference.empty() ? "" : absl::StrCat("after a restart: ", difference);
}

std::string MiscountIn(const View& view) {
  std::map<std::pair<ClassNumber, int>, uint64_t> held, counted;
  for (uint64_t number = 0; number <= PageOf(view.next_id()); ++number) {
    const absl::StatusOr<std::shared_ptr<const Page>> page = view.GetPage(number);
    if (!page.ok()) return page.status().ToString();
    if (*page == nullptr) continue;
    (*page)->ForEachLive([&](const LiveEntry& entry) { ++held[{entry.class_number, entry.state}]; });
    std::array<uint64_t, kLiveStates> ended{}, in_states{};
    for (EndedCounts counts : (*page)->ended()) {
      for (const LiveState state : {LiveState::COMPLETED, LiveState::FAILED, LiveState::CANCELLED}) {
        if (counts.Of(state) == 0) continue;
        held[{counts.class_number, state}] += counts.Of(state);
        ended[state] += counts.Of(state);
      }
    }
    for (uint32_t slot = 0; slot < kPageIds; ++slot) {
      if (IsTerminal((*page)->StateAt(slot))) ++in_states[(*page)->StateAt(slot)];
    }
    if (ended != in_states) return absl::StrCat("page ", number, " miscounts what has ended");
  }
  for (const auto& [class_number, counts] : view.counts()) {
    for (int state = 0; state < kLiveStates; ++state) {
      if (counts[state] != 0) counted[{class_number, state}] = counts[state];
    }
  }
  return held == counted ? "" : "counters are not what the pages hold";
}

std::string DamageIn(const EngineSettings& settings, const storage::Store& store) {
  const absl::StatusOr<Findings> findings = Verify(settings, store);
  if (!findings.ok()) return absl::StrCat("verify: ", findings.status().ToString());
  std::string damage;
  for (const Finding& finding : findings->kept())
    absl::StrAppend(&damage, NameOf(finding.check), ": ", finding.text, "\n");
  return damage;
}

}  // namespace baton::engine::testing
