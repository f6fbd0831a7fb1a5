// From when on `baton doctor` finds something worth a line. Alerts with the same meaning (deploy/alerts.yml) have the
// same limits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace baton::cli::doctor {

// A task that could run has waited for so long.
inline constexpr absl::Duration kOldestWait = absl::Minutes(10);

// A task has waited for a person for so long.
inline constexpr absl::Duration kDecisionWait = absl::Hours(24);

// A worker that holds tasks was silent for this share of the beat window, after which they go to others. It beats three
// times in a window, at least.
inline constexpr double kSilentShare = 0.5;
// The same for one that holds none: it may let three quarters of the window pass between two beats, and the broker may
// take them in a little later.
inline constexpr double kIdleSilentShare = 0.9;

// Of the tasks of a type that ended within the last minute, this share failed for good, ...
inline constexpr double kFailingShare = 0.1;
// ... at least so many, ...
inline constexpr double kLeastFailures = 3;
// ... and the share is so many times that of all retained tasks of the type, or above kAlwaysFailing.
inline constexpr double kRise = 2;
inline constexpr double kAlwaysFailing = 0.5;

// Age of the newest backup: one a night, and two hours for it to be late.
inline constexpr absl::Duration kBackupAge = absl::Hours(26);

// Free space on the disk of the data directory, as a multiple of storage.reserve_bytes, below which no task is taken;
// and what is too little whatever the reserve is.
inline constexpr double kReserveFactor = 2;
inline constexpr uint64_t kLeastFreeBytes = uint64_t{1} << 30;

// Findings of one kind that are shown to people; how many others there are is one more line.
inline constexpr size_t kShownOfAKind = 10;

// How far the broker is searched: pages of a list (50 ms of its reader each, at most) and tasks in a page.
inline constexpr size_t kMostPages = 10;
inline constexpr int32_t kPageSize = 1000;

}  // namespace baton::cli::doctor
