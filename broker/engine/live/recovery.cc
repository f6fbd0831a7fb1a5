#include "broker/engine/live/recovery.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/engine/live/journal_order.h"
#include "broker/engine/live/loader.h"

namespace baton::engine {
namespace {

using records::v1::CheckpointRow;
using records::v1::JournalEntry;
using records::v1::StoreRow;
using storage::Family;
using storage::Snapshot;
using Sessions = decltype(Recovered::sessions);

constexpr absl::string_view kSeeVerify = ": batond verify tells what a repair can mend";

template <typename Record>
absl::Status ParseRow(absl::string_view what, absl::string_view value, Record* record) {
  if (record->ParseFromArray(value.data(), static_cast<int>(value.size()))) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the ", what, " is not readable"));
}

absl::Status NoSuchKey(absl::string_view family, absl::string_view key) {
  return absl::DataLossError(
      absl::StrCat("key ", absl::BytesToHexString(key), " is none of family ", family, kSeeVerify));
}

// Visits all meta rows of one kind; `visit(rest of the key, value)` returns a status.
template <typename Visitor>
absl::Status ForEachMeta(const Snapshot& store, char kind, Visitor&& visit) {
  absl::Status status;
  RETURN_IF_ERROR(store.Scan(Family::kMeta, std::string(1, kind), std::string(1, static_cast<char>(kind + 1)),
                             [&](absl::string_view key, absl::string_view value) {
                               status = visit(key.substr(1), value);
                               return status.ok();
                             }));
  return status;
}

// Of those that are numbered: `visit(number, value)`.
template <typename Number, typename Visitor>
absl::Status ForEachNumberedMeta(const Snapshot& store, char kind, Visitor&& visit) {
  return ForEachMeta(store, kind, [&](absl::string_view name, absl::string_view value) -> absl::Status {
    if (name.size() != sizeof(Number)) return NoSuchKey("meta", absl::StrCat(std::string(1, kind), name));
    return visit(static_cast<Number>(sizeof(Number) == 4 ? ReadU32(name) : ReadU64(name)), value);
  });
}

absl::Status WriteStoreRow(storage::Store* store, const StoreRow& row) {
  storage::WriteBatch batch;
  batch.Put(Family::kMeta, StoreMetaKey(), row.SerializeAsString());
  std::string error;
  if (store->Commit(batch, store->number() + 1, &error) == storage::CommitResult::kDone) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write the record of the store's format: ", error));
}

absl::Status CreateStore(storage::Store* store, const std::string& broker_version, WallMicros now,
                         uint64_t incarnation) {
  StoreRow row;
  row.set_format_version(kFormatVersion);
  row.set_incarnation(incarnation);
  row.set_created_us(now);
  row.set_broker_version(broker_version);
  return WriteStoreRow(store, row);
}

absl::Status CheckFormat(const StoreRow& row) {
  if (row.repairing()) {
    return absl::FailedPreconditionError(
        "a repair of the store was interrupted: repeat it with batond verify DIR --repair");
  }
  if (row.format_version() <= kFormatVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the data has format version ", row.format_version(), ", written by batond ", row.broker_version(),
      "; this batond knows versions up to ", kFormatVersion, ". Start a newer batond, or restore an older backup"));
}

absl::StatusOr<StoreRow> ReadOrCreateStoreRow(storage::Store* store, const std::string& broker_version, WallMicros now,
                                              const std::function<uint64_t()>& random) {
  std::string value;
  absl::Status status = store->TakeSnapshot()->Get(Family::kMeta, StoreMetaKey(), &value);
  if (absl::IsNotFound(status)) {
    if (store->number() != 0) return absl::DataLossError("the store has commits, but no record of its format");
    RETURN_IF_ERROR(CreateStore(store, broker_version, now, random()));
    status = store->TakeSnapshot()->Get(Family::kMeta, StoreMetaKey(), &value);
  }
  RETURN_IF_ERROR(status);
  StoreRow row;
  RETURN_IF_ERROR(ParseRow("record of the store's format", value, &row));
  RETURN_IF_ERROR(CheckFormat(row));
  if (!store->is_unused_copy()) return row;
  // A backup that is started, or a store that has lost commits: the original may have gone on, so attempt numbers do
  // not tell attempts apart any more.
  row.set_incarnation(random());
  RETURN_IF_ERROR(WriteStoreRow(store, row));
  return row;
}

absl::Status ReadMeta(const Snapshot& store, Catalog* catalog, Recovered* recovered) {
  uint32_t last = 0;
  RETURN_IF_ERROR(
      ForEachNumberedMeta<ClassNumber>(store, 'c', [&](ClassNumber number, absl::string_view value) -> absl::Status {
        if (!MayFollow(last, number)) return NoSuchKey("meta", ClassMetaKey(number));
        last = number;
        records::v1::ClassRow row;
        RETURN_IF_ERROR(ParseRow("record of a class", value, &row));
        const auto& names = row.required_capabilities().names();
        catalog->RestoreClass(number, {row.type(), {names.begin(), names.end()}});
        return absl::OkStatus();
      }));
  last = 0;
  RETURN_IF_ERROR(ForEachNumberedMeta<OptionsNumber>(
      store, 'o', [&](OptionsNumber number, absl::string_view value) -> absl::Status {
        if (!MayFollow(last, number)) return NoSuchKey("meta", OptionsMetaKey(number));
        last = number;
        records::v1::OptionsRow row;
        RETURN_IF_ERROR(ParseRow("record of options", value, &row));
        catalog->RestoreOptions(number, FromRecord(row));
        return absl::OkStatus();
      }));
  RETURN_IF_ERROR(ForEachMeta(store, 't', [&](absl::string_view key, absl::string_view value) {
    return ParseRow("record of a type", value, &recovered->types[std::string(key)]);
  }));
  RETURN_IF_ERROR(ForEachNumberedMeta<SessionNumber>(store, 's', [&](SessionNumber number, absl::string_view value) {
    recovered->sessions.emplace_back(number, records::v1::SessionRow());
    return ParseRow("record of a session", value, &recovered->sessions.back().second);
  }));
  return ForEachNumberedMeta<uint64_t>(store, 'j', [&](uint64_t number, absl::string_view value) {
    recovered->jobs.emplace_back(number, records::v1::JobRow());
    recovered->next_job = number + 1;
    return ParseRow("record of a job", value, &recovered->jobs.back().second);
  });
}

absl::Status ReadSchedules(const Snapshot& store, Recovered* recovered) {
  RETURN_IF_ERROR(ForEachMeta(store, 'h', [&](absl::string_view key, absl::string_view value) {
    auto schedule = std::make_unique<Schedule>();
    schedule->name = std::string(key);
    recovered->schedules.push_back(std::move(schedule));
    return ParseRow("record of a schedule", value, &recovered->schedules.back()->row);
  }));
  // Both kinds come in order of names.
  size_t at = 0;
  RETURN_IF_ERROR(ForEachMeta(store, 'f', [&](absl::string_view key, absl::string_view value) {
    while (at < recovered->schedules.size() && recovered->schedules[at]->name < key) ++at;
    if (at == recovered->schedules.size() || recovered->schedules[at]->name != key) return absl::OkStatus();
    recovered->schedules[at]->has_state = true;
    return ParseRow("state of a schedule", value, &recovered->schedules[at]->state);
  }));
  return absl::OkStatus();
}

// A firing that a repair has dropped is not under way.
void ForgetLostFirings(const absl::flat_hash_set<TaskId>& live, Recovered* recovered) {
  for (const std::unique_ptr<Schedule>& schedule : recovered->schedules) {
    if (!live.contains(schedule->state.last_task())) schedule->state.set_last_lives(false);
  }
}

absl::Status RestoreCheckpoint(const Snapshot& store, Follower* follower) {
  std::string value;
  const absl::Status status = store.Get(Family::kMeta, CheckpointMetaKey(), &value);
  CheckpointRow checkpoint;
  if (!absl::IsNotFound(status)) {
    RETURN_IF_ERROR(status);
    RETURN_IF_ERROR(ParseRow("checkpoint", value, &checkpoint));
  }
  return follower->Restore(checkpoint);
}

// `last`: number of the entry before it, which says that `before` is the next id; 0: it is the first one above the
// checkpoint.
absl::Status CheckFollows(uint64_t number, const JournalEntry& entry, uint64_t last, TaskId before,
                          const Follower& follower) {
  const bool first = last == 0;
  const TaskId next_id = first ? follower.next_id() : before;
  if (first ? ReachesBackTo(follower.folded(), next_id, entry) : GoesOnAt(last, next_id, entry)) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("the journal's entry of commit ", number, " does not go on at task ", next_id,
                                          " after commit ", first ? follower.folded() : last,
                                          ": entries before it are missing", kSeeVerify));
}

absl::Status FindLastEntry(const Snapshot& store, Recovered* recovered) {
  return store.ScanReverse(Family::kJournal, JournalKey(0), "", [&](absl::string_view key, absl::string_view) {
    if (key.size() == sizeof(uint64_t)) recovered->last_entry = ReadU64(key);
    return false;
  });
}

// RocksDB goes on with the next log when one ends too early, wherever that is.
absl::Status Replay(const Snapshot& store, Follower* follower, Recovered* recovered) {
  absl::Status status;
  TaskId next_id = 0;
  uint64_t last = 0;
  RETURN_IF_ERROR(store.Scan(Family::kJournal, JournalKey(follower->folded() + 1), "",
                             [&](absl::string_view key, absl::string_view value) {
                               if (key.size() != sizeof(uint64_t) || ReadU64(key) > recovered->number) {
                                 status = NoSuchKey("journal", key);
                                 return false;
                               }
                               JournalEntry entry;
                               status = ParseRow("journal", value, &entry);
                               if (status.ok()) status = CheckFollows(ReadU64(key), entry, last, next_id, *follower);
                               if (status.ok()) status = follower->Fold(ReadU64(key), entry, value.size());
                               next_id = entry.next_id();
                               last = ReadU64(key);
                               ++recovered->replayed_entries;
                               return status.ok();
                             }));
  return status;
}

absl::Status FindOldestRequestWindow(const Snapshot& snapshot, Recovered* recovered) {
  return snapshot.Scan(Family::kKey, RequestWindowKey(0), RequestWindowKey(UINT32_MAX),
                       [&](absl::string_view key, absl::string_view) {
                         recovered->oldest_request_window = ReadU32(key.substr(1));
                         return false;
                       });
}

// The engine looks up what follows without asking whether it is there.
absl::Status Lacks(TaskId id, absl::string_view what, uint64_t number) {
  return absl::DataLossError(absl::StrCat("task ", id, " ", what, " ", number, ", which nothing tells", kSeeVerify));
}

absl::Status CheckClasses(const View::Counts& counts, const Catalog& catalog) {
  for (const auto& [number, of_state] : counts) {
    if (catalog.HasClass(number)) continue;
    return absl::DataLossError(absl::StrCat("the counters name class ", number, ", which nothing tells", kSeeVerify));
  }
  return absl::OkStatus();
}

absl::Status CheckAttempt(const Task& task, const Catalog& catalog, const Sessions& sessions) {
  if (!catalog.HasOptions(task.options_number)) return Lacks(task.id, "runs with options", task.options_number);
  const auto session = std::lower_bound(sessions.begin(), sessions.end(), task.session,
                                        [](const auto& row, SessionNumber number) { return row.first < number; });
  const bool found = session != sessions.end() && session->first == task.session;
  return found ? absl::OkStatus() : Lacks(task.id, "runs in session", task.session);
}

}  // namespace

absl::StatusOr<Recovered> Recover(storage::Store* store, const std::string& broker_version, WallMicros now,
                                  const std::function<uint64_t()>& random, Catalog* catalog, Follower* follower) {
  Recovered recovered;
  ASSIGN_OR_RETURN(const StoreRow store_row, ReadOrCreateStoreRow(store, broker_version, now, random));
  recovered.incarnation = store_row.incarnation();
  recovered.number = store->number();
  recovered.pending = ReadyOrder(follower->settings().ageing);
  const std::shared_ptr<const Snapshot> snapshot = store->TakeSnapshot();
  RETURN_IF_ERROR(ReadMeta(*snapshot, catalog, &recovered));
  // Numbers of sessions are never used twice, not even after a restart, nor if those of an epoch have reached into the
  // next one's.
  recovered.next_session = store->epoch() << 24 | 1;
  if (!recovered.sessions.empty()) {
    recovered.next_session = std::max(recovered.next_session, recovered.sessions.back().first + 1);
  }
  RETURN_IF_ERROR(ReadSchedules(*snapshot, &recovered));
  RETURN_IF_ERROR(FindOldestRequestWindow(*snapshot, &recovered));
  RETURN_IF_ERROR(RestoreCheckpoint(*snapshot, follower));
  RETURN_IF_ERROR(Replay(*snapshot, follower, &recovered));
  RETURN_IF_ERROR(FindLastEntry(*snapshot, &recovered));
  // Commits after the last journal entry changed nothing in the live table.
  RETURN_IF_ERROR(follower->Fold(recovered.number, JournalEntry(), 0));
  RETURN_IF_ERROR(CheckClasses(follower->MakeView(snapshot)->counts(), *catalog));
  recovered.next_id = follower->next_id();
  absl::flat_hash_set<TaskId> firings, live_firings;
  for (const auto& schedule : recovered.schedules) firings.insert(schedule->state.last_task());
  std::vector<LiveEntry> running;
  const uint32_t classes = catalog->class_count();
  std::optional<LiveEntry> of_no_class;
  RETURN_IF_ERROR(follower->ForEachLive([&](const LiveEntry& entry) {
    if (entry.class_number == 0 || entry.class_number > classes) of_no_class = entry;
    if (!firings.empty() && firings.contains(entry.id)) live_firings.insert(entry.id);
    if (entry.alarm != 0 && entry.state != LiveState::STAGED) recovered.alarms.insert({entry.alarm, entry.id});
    if (entry.state == LiveState::PENDING) {
      const OrderKey key = recovered.pending.KeyOf(entry.priority, entry.due, entry.id);
      if (!entry.paused) recovered.pending.Insert(entry.class_number, key, now);
    } else if (entry.state == LiveState::RUNNING) {
      running.push_back(entry);
    } else if (entry.state != LiveState::SUSPENDED) {
      recovered.waiting.push_back(entry);
    }
  }));
  if (of_no_class.has_value()) return Lacks(of_no_class->id, "is of class", of_no_class->class_number);
  ForgetLostFirings(live_firings, &recovered);
  for (const LiveEntry& entry : running) {
    absl::StatusOr<std::unique_ptr<Task>> task = LoadTask(*snapshot, *catalog, entry);
    if (absl::IsNotFound(task.status())) {
      recovered.damaged.emplace_back(entry, std::string(task.status().message()));
      continue;
    }
    RETURN_IF_ERROR(task.status());
    RETURN_IF_ERROR(CheckAttempt(**task, *catalog, recovered.sessions));
    recovered.running.push_back(*std::move(task));
  }
  return recovered;
}

}  // namespace baton::engine
