// Every number that bounds the engine, in one place. What an operator may change is a field of EngineSettings (the
// configuration file names them); the rest are constants with their reason.
#ifndef BATON_BROKER_ENGINE_LIMITS_H_
#define BATON_BROKER_ENGINE_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "broker/base/clock.h"
#include "broker/engine/options.h"

namespace baton::engine {

// An age of retention that is EngineSettings::retention.
inline constexpr Micros kAsEnded = INT64_MIN;

// A round takes so many commands, of so many bytes (design: it should take about as long as one sync).
inline constexpr size_t kRoundItems = 2048;
inline constexpr size_t kRoundBytes = 4 << 20;

// Bounds on the work of one round, and on what is stored with one parent or job. For nobody to set: tests lower them,
// so that little work meets them.
struct WorkBounds {
  // Above this the open batch takes nothing new until it was handed to the committer, but for a quarter of it that each
  // round may hand out and let schedules create, or else those would wait for as long as submissions fill every batch.
  size_t open_batch_bytes = 4 << 20;
  // Above this a round applies no further command: few bytes of a command can make many of a batch. A commit has at
  // most so much, what one command makes (a message has at most 16 MiB), and what timers add. That is below what a
  // store takes (storage::kMaxBatchBytes).
  size_t applied_bytes() const { return 2 * open_batch_bytes; }
  // Whatever fills it, and however long a slow disk lets it wait.
  size_t most_batch_bytes() const { return 8 * open_batch_bytes; }
  // Timers fired and job steps taken in one round.
  size_t round_timers = 512;
  size_t round_job_steps = 512;
  // Bulk jobs under way, and as many others that get on at a time.
  size_t jobs = 100;
  // Runs of ids that the tasks of a workflow may lie in to be deleted: the job that does it is stored with all of them
  // that are left, each time it has got on.
  size_t ranges_to_delete = 16'384;
  // Runs of ids that the children of one spawn may lie in: every step of their parent is stored with them, of some
  // twelve bytes each.
  size_t child_ranges = 4096;
  // The same of all spawns that are under way: what is lost with workers is dropped in few commits, and with each run
  // goes a range of the store.
  size_t staged_ranges = 400'000;
  // A job that has so many before it goes down into one parent at a time: so what a cascade has to do on all levels of
  // the deepest workflow has room in one row.
  size_t crowded_ranges = 16'384;
};
inline constexpr WorkBounds kWorkBounds;  // As they always are, but for such tests.

struct EngineSettings {
  DefaultOptions defaults;
  // How often a worker beats, and after how long without a beat its attempts go to others. The window is at least
  // three intervals, so that two lost beats cost nothing.
  Micros beat_interval = 3 * kSecond;
  Micros beat_window = 15 * kSecond;
  // How long a worker whose stream closed may take to come back.
  Micros grace = 1500 * kMillisecond;
  Micros drain_deadline = 30 * kSecond;
  // Attempts that may end without fault of the task before it fails for good.
  uint32_t max_interruptions = 10;
  uint32_t max_depth = 32;
  uint64_t max_children = 1'000'000;
  // All schedules stay in memory, with the payload of what they create.
  size_t max_schedules = 1'000'000;
  size_t schedule_bytes = size_t{1} << 30;
  // Pending tasks kept in memory with their payload, ready to be handed out.
  size_t resident_tasks = 65'536;
  size_t resident_bytes = 64 << 20;
  // Pages: a changed page is stored after this long, or after this much journal.
  Micros page_interval = 30 * kSecond;
  size_t page_journal_bytes = 64 << 20;
  // The journal is kept at least this long and this much, for watchers.
  Micros watch_window = 15 * kMinute;
  size_t watch_bytes = 256 << 20;
  // A pending task that was due so much earlier than another one comes before it, even if its priority is a step less;
  // 0: never.
  Micros ageing = 0;
  // Ended tasks are kept this long, and then until all of their page are that old; 0: for ever.
  Micros retention = kDay;
  // The same for what ended in one state: for lone tasks, and for all of a workflow whose root did (retention/ages.h).
  Micros retention_completed = kAsEnded;
  Micros retention_failed = kAsEnded;
  Micros retention_cancelled = kAsEnded;
  // Look-ups of keys made this many commits ago can still be completed; lanes are short enough that none is older. Not
  // for operators.
  uint64_t key_horizon = 8192;
  // Memory for what they are completed with; beyond it the oldest are forgotten earlier. Not for operators either.
  size_t key_bytes = 64 << 20;
  // Commands waiting in each lane.
  size_t lane_commands = 4096;
  size_t lane_bytes = 64 << 20;
  WorkBounds work;
};

// Types, each with the capabilities that it asks for. Each is known for ever: what differs from task to task belongs
// into a payload or a tag. All with tasks are in one row, which is written with pages: that has 2 MiB then.
inline constexpr size_t kMaxClasses = 100'000;
// Workers that were told to leave and are remembered: long enough for those that find their stream broken meanwhile.
inline constexpr size_t kDismissals = 1000;
// Damaged tasks that the log tells of one by one; `batond verify` tells of all.
inline constexpr size_t kDamageWarnings = 100;
// Of bulk jobs that have ended, so many are still told of.
inline constexpr size_t kEndedJobs = 100;
// Tasks of a class that are read ahead of dispatch at once: at first, at most, and as many as have about so many bytes.
// Twice as many are in memory, so that those before are handed out meanwhile: 512 last 5 ms at 100,000 a second, which
// is longer than it takes to get a view and read them.
inline constexpr size_t kFirstReadAhead = 8;
inline constexpr size_t kReadAhead = 512;
inline constexpr size_t kReadAheadBytes = 4 << 20;
// While any lease, grace or timeout is armed the engine asks to be woken this often, so that a pause of the process is
// noticed; a round that starts this much later than asked for moves all such deadlines by its lateness.
inline constexpr Micros kMaxSleep = 500 * kMillisecond;
inline constexpr Micros kPauseThreshold = kSecond;

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_LIMITS_H_
