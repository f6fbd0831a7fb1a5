// From a store to a live table: reads the stored pages that have live ids, and folds the journal above them.
#ifndef BATON_BROKER_ENGINE_LIVE_RECOVERY_H_
#define BATON_BROKER_ENGINE_LIVE_RECOVERY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "baton/records/v1/records.pb.h"
#include "broker/base/clock.h"
#include "broker/engine/limits.h"
#include "broker/engine/live/follower.h"
#include "broker/engine/ready_order.h"
#include "broker/engine/schedules/schedule_book.h"
#include "broker/engine/task.h"
#include "broker/storage/store.h"

namespace baton::engine {

// Everything the engine starts with.
struct Recovered {
  uint64_t number = 0;      // Of the last commit.
  uint64_t last_entry = 0;  // Of the last one with an entry in the journal; 0: there is none any more.
  uint64_t incarnation = 0;
  TaskId next_id = 1;
  SessionNumber next_session = 1;
  uint64_t next_job = 1;
  // Of millions of tasks, as a rule, so never spelled out.
  ReadyOrder pending;
  std::vector<LiveEntry> waiting;              // WAITING and STAGED, in order of ids.
  std::vector<std::unique_ptr<Task>> running;  // Fully loaded.
  // RUNNING as well, but their records are missing or unreadable: what they are, and what is wrong.
  std::vector<std::pair<LiveEntry, std::string>> damaged;
  // Of all but staged tasks, those that have one.
  absl::btree_set<std::pair<WallMicros, TaskId>> alarms;
  // Of the request ids that are stored; UINT32_MAX: there are none.
  uint32_t oldest_request_window = UINT32_MAX;
  std::vector<std::pair<SessionNumber, records::v1::SessionRow>> sessions;
  std::vector<std::pair<uint64_t, records::v1::JobRow>> jobs;
  absl::flat_hash_map<std::string, records::v1::TypeRow> types;
  std::vector<std::unique_ptr<Schedule>> schedules;  // Not prepared.
  size_t replayed_entries = 0;
};

// Reads the store, which must not be written meanwhile, and brings `follower` (fresh) and `catalog` (empty) up to it.
// A fresh store is given its first rows by one commit, a copy (Store::is_unused_copy) a new incarnation.
// Errors: DATA_LOSS, FAILED_PRECONDITION a newer format.
absl::StatusOr<Recovered> Recover(storage::Store* store, const std::string& broker_version, WallMicros now,
                                  const std::function<uint64_t()>& random, Catalog* catalog, Follower* follower);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_LIVE_RECOVERY_H_
