#include "broker/engine/verify/examination.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/engine/verify/key_rows.h"

namespace baton::engine {
namespace {

using storage::Family;
using storage::Snapshot;

template <typename Record>
bool Parse(absl::string_view value, Record* record) {
  return record->ParseFromArray(value.data(), static_cast<int>(value.size()));
}

}  // namespace

Examination::Examination(const EngineSettings& settings, const storage::Store* store, absl::btree_set<TaskId> dropped)
    : store_(*store), dropped_(std::move(dropped)), table_(settings, store) {}

absl::Status Examination::Run() {
  const std::shared_ptr<const Snapshot> store = store_.TakeSnapshot();
  findings_.inventory.number = store->number();
  RETURN_IF_ERROR(ReadStoreRow(*store));
  RETURN_IF_ERROR(ReadMeta(*store));
  RETURN_IF_ERROR(table_.Read(&findings_));
  if (table_.known()) next_id_ = table_.next_id();
  KeyRows keys(*store, known_, &findings_);
  IndexRows index(*store, &findings_);
  PageRecords records;
  uint64_t page_number = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<uint64_t> next, NextPage(*store, page_number));
    if (!next.has_value()) break;
    RETURN_IF_ERROR(ReadPage(*store, *next, &records, &index));
    for (uint32_t slot = 0; slot < kPageIds; ++slot) {
      const TaskRecords& task = records.tasks[slot];
      const TaskId id = *next * kPageIds + slot;
      if (task.unique.empty() || task.has_end || lost_.contains(id)) continue;
      RETURN_IF_ERROR(keys.CheckHolder(id, task.unique));
    }
    page_number = *next + 1;
  }
  RETURN_IF_ERROR(index.Finish());
  RETURN_IF_ERROR(FinishParents(*store));
  CheckParents();
  RETURN_IF_ERROR(keys.CheckRows());
  next_id_ = std::max(next_id_, keys.next_id());
  unreadable_keys_ = keys.unreadable();
  CheckNextId();
  table_.CheckCounters(&findings_);
  return absl::OkStatus();
}

absl::Status Examination::ReadStoreRow(const Snapshot& store) {
  std::string value;
  const absl::Status status = store.Get(Family::kMeta, StoreMetaKey(), &value);
  if (absl::IsNotFound(status) && store.number() == 0) {
    return absl::FailedPreconditionError("the store is empty: no broker has served it yet");
  }
  if (absl::IsNotFound(status) || (status.ok() && !store_row_.ParseFromString(value))) {
    return absl::DataLossError("nothing readable tells the store's format");
  }
  RETURN_IF_ERROR(status);
  if (store_row_.format_version() > kFormatVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the data has format version ", store_row_.format_version(), ", written by batond ",
        store_row_.broker_version(), "; this batond knows versions up to ", kFormatVersion, ": use a newer batond"));
  }
  if (store_row_.repairing()) {
    findings_.Add(Check::kInterruptedRepair, "a repair was interrupted: it has to be repeated before a broker starts");
  }
  return absl::OkStatus();
}

absl::Status Examination::ReadMeta(const Snapshot& store) {
  RETURN_IF_ERROR(store.Scan(Family::kMeta, "", "", [&](absl::string_view key, absl::string_view value) {
    TakeMeta(key, value);
    return true;
  }));
  for (const auto& [name, readable] : schedule_states_) {
    unreadable_meta_.push_back(ScheduleStateMetaKey(name));
    findings_.Add(Check::kScheduleState, absl::StrCat("how far schedule '", absl::CHexEscape(name), "' is ",
                                                      readable ? "is told, but not what it is" : "is not readable"));
  }
  return absl::OkStatus();
}

void Examination::TakeMeta(absl::string_view key, absl::string_view value) {
  const auto unreadable = [&](Check check, const std::string& what) {
    unreadable_meta_.emplace_back(key);
    findings_.Add(check, absl::StrCat(what, " is not readable"));
  };
  const std::string kind(key.substr(0, 1));
  const absl::string_view name = key.substr(std::min<size_t>(key.size(), 1));
  if (kind == "c" && name.size() == 4 && MayFollow(last_class_, ReadU32(name))) {
    last_class_ = ReadU32(name);
    records::v1::ClassRow row;
    if (!Parse(value, &row)) return unreadable(Check::kUnreadableClass, absl::StrCat("class ", ReadU32(name)));
    known_.types[ReadU32(name)] = row.type();
  } else if (kind == "o" && name.size() == 4 && MayFollow(last_options_, ReadU32(name))) {
    last_options_ = ReadU32(name);
    records::v1::OptionsRow row;
    if (!Parse(value, &row)) return unreadable(Check::kUnreadableOptions, absl::StrCat("options ", ReadU32(name)));
    known_.options.insert(ReadU32(name));
  } else if (kind == "t") {
    if (records::v1::TypeRow row; Parse(value, &row)) return;
    unreadable(Check::kUnreadableType, absl::StrCat("the definition of type '", absl::CHexEscape(name),
                                                    "', which its next worker registers again,"));
  } else if (kind == "s" && name.size() == 8) {
    records::v1::SessionRow row;
    if (!Parse(value, &row)) return unreadable(Check::kUnreadableSession, absl::StrCat("session ", ReadU64(name)));
    known_.workers[ReadU64(name)] = row.worker_id();
  } else if (kind == "j" && name.size() == 8) {
    if (records::v1::JobRow row; Parse(value, &row)) return;
    unreadable(Check::kUnreadableJob,
               absl::StrCat("job ", ReadU64(name), ", which does something to the descendants of a task,"));
  } else if (kind == "f") {
    records::v1::ScheduleStateRow row;
    schedule_states_[std::string(name)] = Parse(value, &row);
  } else if (kind == "h") {
    // Its state came before.
    const auto state = schedule_states_.find(name);
    const bool readable = state != schedule_states_.end() && state->second;
    if (records::v1::ScheduleRow row; Parse(value, &row)) {
      if (readable) schedule_states_.erase(state);
      return;
    }
    unreadable(Check::kUnreadableSchedule, absl::StrCat("schedule '", absl::CHexEscape(name), "'"));
    if (state == schedule_states_.end()) return;
    unreadable_meta_.push_back(ScheduleStateMetaKey(name));
    schedule_states_.erase(state);
  } else if (key != StoreMetaKey() && key != CheckpointMetaKey()) {
    unreadable_meta_.emplace_back(key);
    findings_.Add(Check::kStrayKey, absl::StrCat("key ", absl::BytesToHexString(key), " is none of family meta"));
  }
}

Said Examination::SaidOf(const Page* page, TaskId id) const {
  Said said;
  said.known = table_.known();
  said.entry.id = id;
  if (dropped_.contains(id)) {
    said.entry.state = LiveState::REMOVED;
  } else if (page != nullptr && !page->Find(SlotOf(id), &said.entry)) {
    said.entry.state = page->StateAt(SlotOf(id));
  }
  return said;
}

absl::StatusOr<std::shared_ptr<const Page>> Examination::PageOfTable(uint64_t page_number) const {
  if (!table_.known()) return nullptr;
  return table_.GetPage(page_number);
}

absl::Status Examination::ReadPage(const Snapshot& store, uint64_t page_number, PageRecords* records,
                                   IndexRows* index) {
  const uint64_t findings = findings_.total();
  const auto damage = [this](Check check, TaskId id, std::string text) {
    if (id == 0) return findings_.Add(check, std::move(text));
    Lose(check, id, std::move(text));
  };
  RETURN_IF_ERROR(ReadPageRecords(store, known_, page_number, damage, records));
  findings_.inventory.steps += records->steps;
  const absl::StatusOr<std::shared_ptr<const Page>> page = PageOfTable(page_number);
  if (page.ok() && *page != nullptr) table_.Recount(**page);
  for (uint32_t slot = 0; slot < kPageIds; ++slot) {
    const TaskId id = page_number * kPageIds + slot;
    // Far most of a page that is not full.
    if (!records->tasks[slot].found && id >= next_id_ && page.ok() &&
        (*page == nullptr || (*page)->StateAt(slot) == LiveState::NONE)) {
      continue;
    }
    Said said = SaidOf(page.ok() ? page->get() : nullptr, id);
    said.known = said.known && page.ok();
    RETURN_IF_ERROR(TakeTask(id, records->tasks[slot], said));
  }
  // What follows from other damage is not told once more.
  const bool sound = page.ok() && *page != nullptr && findings_.total() == findings;
  if (sound) CheckRetention(**page, *records);
  if (sound && table_.LacksIndex(**page)) {
    findings_.Add(Check::kIndex, absl::StrCat("page ", page_number, ": it is full, but not indexed"));
  }
  return index->CheckPage(page_number, sound ? page->get() : nullptr, *records);
}

// What the page knows so that nobody has to read the rows of what is removed.
void Examination::CheckRetention(const Page& page, const PageRecords& records) {
  Page expected(page.page_number());
  for (const TaskRecords& task : records.tasks) {
    if (!task.found) continue;
    if (task.parent != 0) expected.set_has_children();
    if (!task.has_end) continue;
    expected.CountEnded(task.class_number, task.end_state);
    expected.NoteEnd(task.ended);
  }
  const std::string name = absl::StrCat("page ", page.page_number(), ": ");
  if (expected.ended() != page.ended()) {
    findings_.Add(Check::kEnded, absl::StrCat(name, "it counts ", page.ended_count(), " ended tasks, its records are ",
                                              expected.ended_count(), ", or they are of other classes or states"));
  }
  if (expected.newest_end() > page.newest_end()) {
    findings_.Add(Check::kEnded, absl::StrCat(name, "its newest end is said to be at ", page.newest_end(),
                                              ", but a task of it ended at ", expected.newest_end()));
  }
  if (expected.has_children() && !page.has_children()) {
    findings_.Add(Check::kFamily, absl::StrCat(name, "it does not know that it has children"));
  }
}

void Examination::CheckParents() {
  for (const uint64_t page_number : parent_pages_) {
    const absl::StatusOr<std::shared_ptr<const Page>> page = PageOfTable(page_number);
    if (!page.ok() || *page == nullptr || (*page)->has_parents()) continue;
    findings_.Add(Check::kFamily, absl::StrCat("page ", page_number, ": it does not know that it has parents"));
  }
}

absl::Status Examination::TakeTask(TaskId id, TaskRecords& records, const Said& said) {
  if (!records.found) {
    TakeNothing(id, said);
    return absl::OkStatus();
  }
  next_id_ = std::max(next_id_, id + 1);
  if (records.parent != 0) {
    parent_pages_.insert(PageOf(records.parent));
    CountChild(id, records, said);
  }
  if (records.lost) return absl::OkStatus();
  if (records.has_end) {
    TakeEnded(id, records, said);
    return absl::OkStatus();
  }
  return TakeLive(id, records, said);
}

void Examination::TakeNothing(TaskId id, const Said& said) {
  if (!said.known) return;
  const LiveState state = said.entry.state;
  if (IsLive(state) || IsTerminal(state)) {
    return Lose(Check::kMissingTask, id,
                absl::StrCat("task ", id, ": the live table says ", LiveState_Name(state), ", and it has no records"));
  }
  const bool existed = id != 0 && id < table_.next_id();
  if (state == LiveState::REMOVED) ++findings_.inventory.tasks[state];
  if (existed == (state == LiveState::REMOVED) || dropped_.contains(id)) return;
  findings_.Add(Check::kState, absl::StrCat("task ", id, ": the live table says ", LiveState_Name(state),
                                            ", its records that it ", existed ? "was removed" : "never existed"));
}

void Examination::TakeEnded(TaskId id, const TaskRecords& records, const Said& said) {
  ++findings_.inventory.tasks[records.end_state];
  if (!said.known || said.entry.state == records.end_state) return;
  findings_.Add(Check::kState, absl::StrCat("task ", id, ": the live table says ", LiveState_Name(said.entry.state),
                                            ", its records ", LiveState_Name(records.end_state)));
}

absl::Status Examination::TakeLive(TaskId id, TaskRecords& records, const Said& said) {
  if (said.known && IsTerminal(said.entry.state)) {
    Lose(Check::kMissingEnd, id,
         absl::StrCat("task ", id, ": the live table says ", LiveState_Name(said.entry.state),
                      ", but its end, with the outcome, is missing"));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::optional<bool> staged, IsStaged(id, records));
  if (!staged.has_value()) {
    findings_.Add(Check::kStaged, absl::StrCat("task ", id, ": a child that task ", records.parent,
                                               " staged in an attempt that is over"));
  } else if (*staged) {
    CompareLive(StagedEntry(id, records), said);
  } else if (records.newest != nullptr && records.newest->state() == LiveState::WAITING) {
    // What must be said of it is known when its children were seen.
    Parent& parent = parents_[id];
    parent.children = RangesOf(records.newest->after().children());
    parent.records = std::move(records);
    parent.said = said;
  } else {
    CompareLive(ExpectedEntry(id, records, known_, {}, said.entry), said);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<bool>> Examination::IsStaged(TaskId id, const TaskRecords& records) {
  if (records.parent == 0 || records.newest != nullptr || records.has_end) return std::optional<bool>(false);
  if (spawns_of_ != records.parent) {
    ASSIGN_OR_RETURN(spawns_, ReadSpawns(*store_.TakeSnapshot(), records.parent));
    spawns_of_ = records.parent;
  }
  if (!spawns_.told) {
    const absl::StatusOr<std::shared_ptr<const Page>> page = PageOfTable(PageOf(id));
    const LiveState state = SaidOf(page.ok() ? page->get() : nullptr, id).entry.state;
    return state == LiveState::STAGED ? std::optional<bool>() : std::optional<bool>(false);
  }
  if (records.generation <= spawns_.generation) return std::optional<bool>(false);
  if (Contains(spawns_.staged, id)) return std::optional<bool>(true);
  return std::optional<bool>();
}

void Examination::CompareLive(const LiveEntry& expected, const Said& said) {
  ++findings_.inventory.tasks[expected.state];
  if (!said.known) return;
  if (std::optional<Finding> finding = Compare(expected, said.entry); finding.has_value()) {
    findings_.Add(finding->check, std::move(finding->text));
  }
  if (expected.state == LiveState::RUNNING && said.entry.state == LiveState::RUNNING &&
      !known_.workers.contains(said.entry.session)) {
    findings_.Add(Check::kSession, absl::StrCat("task ", expected.id, ": it runs in session ", said.entry.session,
                                                ", which nothing tells"));
  }
}

void Examination::CountChild(TaskId id, const TaskRecords& child, const Said& said) {
  const auto it = parents_.find(child.parent);
  if (it == parents_.end() || it->second.records.newest->after().generation() != child.generation) return;
  Parent& parent = it->second;
  if (!Contains(parent.children, id)) {
    return Lose(Check::kImpossibleRecord, id,
                absl::StrCat("task ", id, ": task ", child.parent, " does not name it among its children"));
  }
  ++parent.seen;
  const LiveState state = child.lost ? said.entry.state : child.has_end ? child.end_state : LiveState::PENDING;
  if (IsLive(state)) ++parent.count.remaining;
  if (!IsLive(state) && state != LiveState::COMPLETED) ++parent.count.failed;
}

absl::Status Examination::FinishParents(const Snapshot& store) {
  std::vector<TaskId> ids;
  for (const auto& [id, parent] : parents_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  for (const TaskId id : ids) {
    Parent& parent = parents_[id];
    if (parent.seen < CountOf(parent.children)) RETURN_IF_ERROR(CountMissing(store, id, parent));
    if (lost_.contains(id)) continue;
    CompareLive(ExpectedEntry(id, parent.records, known_, parent.count, parent.said.entry), parent.said);
  }
  return absl::OkStatus();
}

// Children whose own record does not say whose they are.
absl::Status Examination::CountMissing(const Snapshot& store, TaskId id, Parent& parent) {
  for (const IdRange& range : parent.children) {
    for (TaskId child = range.first; child < range.first + range.count && child < next_id_; ++child) {
      std::string value;
      records::v1::TaskRow row;
      const absl::Status status = store.Get(Family::kTask, TaskKey(child), &value);
      if (!status.ok() && !absl::IsNotFound(status)) return status;
      if (status.ok() && row.ParseFromString(value) && known_.types.contains(row.class_number())) {
        if (row.parent() == id && row.generation() == parent.records.newest->after().generation()) continue;
        Lose(Check::kImpossibleRecord, id,
             absl::StrCat("task ", id, ": it names task ", child, " among its children, which is another's"));
        return absl::OkStatus();
      }
      const absl::StatusOr<std::shared_ptr<const Page>> page = PageOfTable(PageOf(child));
      const LiveState state = SaidOf(page.ok() ? page->get() : nullptr, child).entry.state;
      if (IsLive(state)) ++parent.count.remaining;
      if (!IsLive(state) && state != LiveState::COMPLETED) ++parent.count.failed;
    }
  }
  return absl::OkStatus();
}

void Examination::CheckNextId() {
  if (!table_.known() || next_id_ <= table_.next_id()) return;
  findings_.Add(Check::kNextId, absl::StrCat("the next task would get id ", table_.next_id(),
                                             ", but rows name ids up to ", next_id_ - 1));
}

ChildCount Examination::ChildrenOf(TaskId parent) const {
  const auto it = parents_.find(parent);
  return it == parents_.end() ? ChildCount() : it->second.count;
}

void Examination::Lose(Check check, TaskId id, std::string text) {
  lost_.insert(id);
  findings_.Add(check, std::move(text));
}

}  // namespace baton::engine
