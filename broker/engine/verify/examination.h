// One pass over a whole store: every row is read once, and everything that is told twice is compared.
#ifndef BATON_BROKER_ENGINE_VERIFY_EXAMINATION_H_
#define BATON_BROKER_ENGINE_VERIFY_EXAMINATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/engine/limits.h"
#include "broker/engine/verify/expected_entry.h"
#include "broker/engine/verify/findings.h"
#include "broker/engine/verify/index_rows.h"
#include "broker/engine/verify/live_table.h"
#include "broker/engine/verify/task_records.h"
#include "broker/storage/store.h"

namespace baton::engine {

// What the live table says of one id. `known`: it can be read at all.
struct Said {
  bool known = false;
  LiveEntry entry;  // Its state only, unless the task is live.
};

// Not thread-safe. Memory: one page of records, the waiting parents, the tasks that are lost, and what a restart needs
// to fold the journal.
class Examination {
 public:
  // `store` must outlive it and not be written meanwhile. `dropped`: tasks that a repair has taken out of the records,
  // so that the live table must not know them any more.
  Examination(const EngineSettings& settings, const storage::Store* store, absl::btree_set<TaskId> dropped = {});

  // Errors: FAILED_PRECONDITION a newer format; DATA_LOSS the store's own files are damaged, or nothing tells the
  // format; others: the store cannot be read.
  absl::Status Run();

  Findings& findings() { return findings_; }

  // ── For the repair ──
  const records::v1::StoreRow& store_row() const { return store_row_; }
  const KnownNumbers& known() const { return known_; }
  // Tasks of which something is lost.
  const absl::btree_set<TaskId>& lost() const { return lost_; }
  // Keys of rows in the families meta and key that mean nothing; not those that the repair writes anew.
  const std::vector<std::string>& unreadable_meta() const { return unreadable_meta_; }
  const std::vector<std::string>& unreadable_keys() const { return unreadable_keys_; }
  const std::vector<std::string>& stray_pages() const { return table_.stray_pages(); }
  // Above every id that any row names.
  TaskId next_id() const { return next_id_; }
  Said SaidOf(const Page* page, TaskId id) const;
  absl::StatusOr<std::shared_ptr<const Page>> PageOfTable(uint64_t page_number) const;
  ChildCount ChildrenOf(TaskId parent) const;
  // Whether a task of the page has children, by their records.
  bool HasParents(uint64_t page_number) const { return parent_pages_.contains(page_number); }
  // Whether the child, which has no rows but its first one, is staged (true: the entry says STAGED), sealed (false), or
  // left over from an attempt that is gone (nullopt). If its parent's rows are lost, the live table alone knows.
  absl::StatusOr<std::optional<bool>> IsStaged(TaskId id, const TaskRecords& records);

 private:
  // A task whose newest row says that it waits for children.
  struct Parent {
    TaskRecords records;
    Said said;
    std::vector<IdRange> children;
    uint64_t seen = 0;
    ChildCount count;
  };

  absl::Status ReadStoreRow(const storage::Snapshot& store);
  absl::Status ReadMeta(const storage::Snapshot& store);
  void TakeMeta(absl::string_view key, absl::string_view value);
  absl::Status ReadPage(const storage::Snapshot& store, uint64_t page_number, PageRecords* records, IndexRows* index);
  void CheckRetention(const Page& page, const PageRecords& records);
  void CheckParents();
  absl::Status TakeTask(TaskId id, TaskRecords& records, const Said& said);
  void TakeNothing(TaskId id, const Said& said);
  void TakeEnded(TaskId id, const TaskRecords& records, const Said& said);
  absl::Status TakeLive(TaskId id, TaskRecords& records, const Said& said);
  void CompareLive(const LiveEntry& expected, const Said& said);
  void CountChild(TaskId id, const TaskRecords& child, const Said& said);
  absl::Status FinishParents(const storage::Snapshot& store);
  absl::Status CountMissing(const storage::Snapshot& store, TaskId id, Parent& parent);
  void CheckNextId();
  void Lose(Check check, TaskId id, std::string text);

  const storage::Store& store_;
  const absl::btree_set<TaskId> dropped_;
  LiveTable table_;
  Findings findings_;
  records::v1::StoreRow store_row_;
  KnownNumbers known_;
  ClassNumber last_class_ = 0;
  OptionsNumber last_options_ = 0;
  absl::btree_set<TaskId> lost_;
  std::vector<std::string> unreadable_meta_;
  std::vector<std::string> unreadable_keys_;
  // Those without a schedule, or not readable (false).
  absl::btree_map<std::string, bool> schedule_states_;
  absl::flat_hash_map<TaskId, Parent> parents_;
  TaskId next_id_ = 1;
  // Pages with parents, by the records of their children.
  absl::btree_set<uint64_t> parent_pages_;
  // Of the last parent asked for: children come in runs.
  TaskId spawns_of_ = 0;
  Spawns spawns_;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_VERIFY_EXAMINATION_H_
