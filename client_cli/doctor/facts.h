// What `baton doctor` knows of a broker when it judges.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "baton/v1/admin.pb.h"

namespace baton::cli::doctor {

// Settings of the broker that rules are about, at the defaults of batond.
struct BrokerSettings {
  absl::Duration beat_window = absl::Seconds(15);
  absl::Duration drain_deadline = absl::Seconds(30);
  uint64_t reserve_bytes = uint64_t{1} << 30;
};

// What could not be asked is empty, and the report tells so.
struct Facts {
  std::string address;
  // Of this program.
  std::string version;
  absl::Time now;
  v1::GetServerInfoResponse info;
  BrokerSettings settings;
  v1::GetStatisticsResponse statistics;
  std::vector<v1::TypeInfo> types;
  std::vector<v1::Worker> workers;
  std::vector<v1::Schedule> schedules;
  // The newest first; unset: the broker makes none.
  std::optional<std::vector<v1::Backup>> backups;
  // Of live tasks: by type, one that no worker can run; those whose records cannot be read.
  std::map<std::string, uint64_t> unservable;
  std::vector<v1::Task> damaged;
  // Suspended for longer than kDecisionWait: how many, and the one that has waited for the longest.
  uint64_t undecided = 0;
  v1::Task oldest_undecided;
  // By name of a draining worker: the attempt that it has run for the longest.
  std::map<std::string, v1::Task> longest_of_draining;
  // On the disk of the data directory; unset: it is not on this machine.
  std::optional<uint64_t> free_bytes;
};

}  // namespace baton::cli::doctor
