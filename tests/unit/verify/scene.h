// A stopped store with tasks in every state, made by the real engine, and ways to damage it.
#ifndef BATON_TESTS_UNIT_VERIFY_SCENE_H_
#define BATON_TESTS_UNIT_VERIFY_SCENE_H_

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "broker/engine/verify/verify.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {

class Scene {
 public:
  // All pages are stored, and the broker is stopped.
  Scene();

  EngineHarness& harness() { return harness_; }
  storage::Store& store() { return harness_.stopped_store(); }

  // ── Damage ──
  void Put(storage::Family family, absl::string_view key, const std::string& value);
  void Delete(storage::Family family, absl::string_view key);
  template <typename Row>
  void Edit(storage::Family family, absl::string_view key, const std::function<void(Row&)>& change) {
    Row row;
    EXPECT_TRUE(row.ParseFromString(Get(family, key)));
    change(row);
    Put(family, key, row.SerializeAsString());
  }
  void EditPage(const std::function<void(Page&)>& change);
  // One live task as the page says.
  void EditEntry(TaskId id, const std::function<void(LiveEntry&)>& change);
  // Nothing but the journal knows the live table.
  void ForgetPages();
  std::string Get(storage::Family family, absl::string_view key);
  // The first key of a family from `begin` on.
  std::string FirstKey(storage::Family family, absl::string_view begin);
  // Of the journal's entry that created the task.
  std::string EntryThatCreated(TaskId id);
  // Key of the first one that is wanted; empty: there is none.
  std::string FindEntry(const std::function<bool(const records::v1::JournalEntry&)>& wanted);
  // Of one between others.
  std::string EntryThatCreatedNothing();
  ClassNumber ClassOf(TaskId id) { return harness_.RowOf(id).class_number(); }

  // ── Verify and repair ──
  // Names of what is found.
  std::set<std::string> Found();
  std::string Sentences();
  absl::Status Repair(bool drop_lost = false) { return Repair(&store(), drop_lost); }
  absl::Status Repair(storage::Store* store, bool drop_lost);
  // Starts the broker; other workers come and end everything. Fails the test if something does not end.
  void FinishEverything();

  TaskId done, retried_done, retried, pending, keyed, running, reported, suspended;
  TaskId parent, child_done, child_failed, child_waiting;
  TaskId stager, staged;

 private:
  EngineHarness harness_;
};

}  // namespace baton::engine::testing

#endif  // BATON_TESTS_UNIT_VERIFY_SCENE_H_
