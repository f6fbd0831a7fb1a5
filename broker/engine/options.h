// Options of tasks, handlers and workers in memory, and how one set completes another.
#ifndef BATON_BROKER_ENGINE_OPTIONS_H_
#define BATON_BROKER_ENGINE_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "baton/records/v1/records.pb.h"
#include "broker/base/clock.h"

namespace baton::engine {

enum class Backoff : uint8_t { kFixed = 1, kExponential = 2 };

// Sorted, without repeats.
using Capabilities = std::vector<std::string>;

// What was set, and only that.
struct Options {
  std::optional<int32_t> priority;
  std::optional<Micros> timeout;
  std::optional<int32_t> max_retries;  // Attempts in all, at least 1.
  std::optional<Micros> retry_interval;
  std::optional<Backoff> retry_backoff;
  std::optional<Micros> retry_interval_cap;
  std::optional<double> retry_jitter;  // Share of a delay, 0 … 1.
  std::optional<Capabilities> required_capabilities;
  std::optional<Micros> progress_timeout;

  bool empty() const { return *this == Options{}; }
  friend bool operator==(const Options&, const Options&) = default;
};

// What a worker says about the attempts of a type it claims.
struct ClaimOptions {
  Options handler;   // Set by the handler itself: goes before what a task has inherited.
  Options fallback;  // The worker's configuration, completed by the broker's defaults: comes after it.

  friend bool operator==(const ClaimOptions&, const ClaimOptions&) = default;
};

// Everything that matters once a task is claimed.
struct Settled {
  Micros timeout;
  int32_t max_retries;
  Micros retry_interval;
  Backoff retry_backoff;
  Micros retry_interval_cap;
  double retry_jitter;
  Micros progress_timeout;  // 0: none.
};

// The broker's defaults (design.md section 3); a setting each. The jitter of an exponential retry that sets none.
struct DefaultOptions {
  int32_t priority = 0;
  Micros timeout = 60 * kSecond;
  int32_t max_retries = 3;
  Micros retry_interval = 0;
  Backoff retry_backoff = Backoff::kFixed;
  Micros retry_interval_cap = kHour;
  double exponential_jitter = 0.2;
};

// `first` where it says something, else `second`: field by field.
Options Complete(const Options& first, const Options& second);
// What children of a task inherit that was given `own` and inherited `inherited` itself. Capabilities are inherited by
// nobody, and neither is the progress timeout: a child may well have no progress to tell.
Options InheritedBy(const Options& own, const Options& inherited);
// What is in force: `said`, else the defaults.
Settled Settle(const Options& said, const DefaultOptions& defaults);
// What is in force for a claimed task: what it was given, else what its handler says, else what it has inherited, else
// what the worker's configuration says, else the defaults.
Settled Settle(const Options& own, const Options& inherited, const ClaimOptions& claim, const DefaultOptions& defaults);

Options FromRecord(const records::v1::Options& record);
records::v1::Options ToRecord(const Options& options);
ClaimOptions FromRecord(const records::v1::OptionsRow& row);
records::v1::OptionsRow ToRecord(const ClaimOptions& options);

// Delay before the retry that follows failure number `failures` (from 1) of a stage. `draw` is 64 random bits, used
// for the jitter: the delay lies in [d × (1 − jitter), d], d = interval × 2^(failures − 1) up to the cap.
Micros RetryDelay(const Settled& options, uint32_t failures, uint64_t draw);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_OPTIONS_H_
