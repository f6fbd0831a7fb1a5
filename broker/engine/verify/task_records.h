// What the rows of tasks in the families `task`, `end` and `log` say, page by page: the facts that everything else is
// compared with.
#ifndef BATON_BROKER_ENGINE_VERIFY_TASK_RECORDS_H_
#define BATON_BROKER_ENGINE_VERIFY_TASK_RECORDS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "baton/records/v1/records.pb.h"
#include "broker/base/hash.h"
#include "broker/engine/live/page.h"
#include "broker/engine/task.h"
#include "broker/engine/verify/findings.h"
#include "broker/storage/store.h"

namespace baton::engine {

// What rows refer to by number.
struct KnownNumbers {
  absl::flat_hash_map<ClassNumber, std::string> types;  // Of each class.
  absl::flat_hash_set<OptionsNumber> options;
  absl::flat_hash_map<SessionNumber, std::string> workers;  // Of each stored session.
};

struct TaskRecords {
  // Any row at all; the row that creates it; the row that ends it.
  bool found = false;
  bool has_task = false;
  bool has_end = false;
  // Something that was said of it is gone, or contradicts itself.
  bool lost = false;

  ClassNumber class_number = 0;
  uint32_t tag_hash = 0;
  int32_t priority = 0;
  WallMicros due = 0;
  WallMicros created = 0;
  WallMicros start_by = 0;
  WallMicros end_by = 0;
  TaskId parent = 0;
  uint32_t generation = 0;
  Hash128 unique;

  // has_end.
  LiveState end_state = LiveState::NONE;
  WallMicros ended = 0;
  // The newest row of family log, without texts and payloads; null: there is none, or it has ended.
  std::unique_ptr<records::v1::Step> newest;
  uint32_t newest_row = 0;
};

// Told of each damage; task 0: of none.
using DamageSink = absl::FunctionRef<void(Check, TaskId, std::string)>;

struct PageRecords {
  std::vector<TaskRecords> tasks;  // By slot.
  uint64_t steps = 0;
  // Keys that are none of their family.
  std::vector<std::pair<storage::Family, std::string>> stray;
};

// Reads all rows of a page's tasks.
absl::Status ReadPageRecords(const storage::Snapshot& store, const KnownNumbers& known, uint64_t page_number,
                             DamageSink damage, PageRecords* records);

// The first page at or above `page_number` of which there is a row in `task`, `end`, `log` or `page`; nullopt: none.
absl::StatusOr<std::optional<uint64_t>> NextPage(const storage::Snapshot& store, uint64_t page_number);

// Which children a task has spawned: those of generations up to `generation`, and the staged ones. Not `told`: the rows
// that say so are missing or unreadable.
struct Spawns {
  bool told = false;
  uint32_t generation = 0;
  std::vector<IdRange> staged;
};
absl::StatusOr<Spawns> ReadSpawns(const storage::Snapshot& store, TaskId id);

bool Contains(const std::vector<IdRange>& ranges, TaskId id);
std::vector<IdRange> RangesOf(const google::protobuf::RepeatedPtrField<records::v1::Range>& records);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_VERIFY_TASK_RECORDS_H_
