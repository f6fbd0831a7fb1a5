#include "tests/unit/verify/scene.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::engine::testing {

using storage::Family;

Scene::Scene() {
  TestWorker& worker = harness_.Connect({.slots = 20, .handler_options = {.retry_interval = kMinute}});
  done = harness_.Submit();
  worker.Succeed(done, "result");
  retried_done = harness_.Submit({.options = {.retry_interval = kSecond}});
  worker.Fail(retried_done);
  harness_.Advance(kSecond);
  worker.Succeed(retried_done);
  retried = harness_.Submit();
  worker.Fail(retried);
  pending = harness_.Submit({.type = "later", .delay = kMinute});
  keyed = harness_.SubmitCall({{.type = "later", .unique_key = "key"}}, "request")->results.at(0).id;
  suspended = harness_.Submit();
  worker.Report(suspended, "checkpoint");
  worker.Suspend(suspended, "approval", "context");
  parent = harness_.Submit();
  worker.Spawn(parent, {{}, {}, {.type = "later"}});
  child_done = parent + 1;
  child_failed = parent + 2;
  child_waiting = parent + 3;
  worker.Succeed(child_done);
  worker.FailFinally(child_failed);
  stager = harness_.Submit();
  worker.SpawnPart(stager, 1, {{}, {}});
  staged = stager + 1;
  running = harness_.Submit();
  reported = harness_.Submit();
  worker.Report(reported, "checkpoint");
  harness_.StorePages();
  harness_.Stop();
}

void Scene::Put(Family family, absl::string_view key, const std::string& value) {
  storage::WriteBatch batch;
  batch.Put(family, key, value);
  std::string error;
  ASSERT_EQ(store().Commit(batch, store().number() + 1, &error), storage::CommitResult::kDone) << error;
}

void Scene::Delete(Family family, absl::string_view key) {
  Get(family, key);
  storage::WriteBatch batch;
  batch.Delete(family, key);
  std::string error;
  ASSERT_EQ(store().Commit(batch, store().number() + 1, &error), storage::CommitResult::kDone) << error;
}

void Scene::EditPage(const std::function<void(Page&)>& change) {
  absl::StatusOr<Page> page = Page::Decode(0, Get(Family::kPage, PageKey(0)));
  ASSERT_TRUE(page.ok()) << page.status();
  change(*page);
  Put(Family::kPage, PageKey(0), page->Encode());
}

void Scene::EditEntry(TaskId id, const std::function<void(LiveEntry&)>& change) {
  EditPage([&](Page& page) {
    LiveEntry entry;
    ASSERT_TRUE(page.Find(SlotOf(id), &entry)) << "task " << id << " is not live";
    change(entry);
    page.Put(entry);
  });
}

void Scene::ForgetPages() {
  Delete(Family::kPage, PageKey(0));
  Delete(Family::kMeta, CheckpointMetaKey());
}

std::string Scene::Get(Family family, absl::string_view key) {
  std::string value;
  const absl::Status status = store().TakeSnapshot()->Get(family, key, &value);
  EXPECT_TRUE(status.ok()) << "there is nothing to be damaged";
  return value;
}

std::string Scene::FirstKey(Family family, absl::string_view begin) {
  std::string found;
  EXPECT_TRUE(store()
                  .TakeSnapshot()
                  ->Scan(family, begin, "",
                         [&](absl::string_view key, absl::string_view) {
                           found = std::string(key);
                           return false;
                         })
                  .ok());
  return found;
}

std::string Scene::FindEntry(const std::function<bool(const records::v1::JournalEntry&)>& wanted) {
  std::string found;
  EXPECT_TRUE(store()
                  .TakeSnapshot()
                  ->Scan(Family::kJournal, "", "",
                         [&](absl::string_view key, absl::string_view value) {
                           records::v1::JournalEntry entry;
                           EXPECT_TRUE(entry.ParseFromArray(value.data(), static_cast<int>(value.size())));
                           if (wanted(entry)) found = std::string(key);
                           return found.empty();
                         })
                  .ok());
  return found;
}

std::string Scene::EntryThatCreatedNothing() {
  bool first = true;
  return FindEntry([&](const auto& entry) { return !std::exchange(first, false) && entry.created().empty(); });
}

std::string Scene::EntryThatCreated(TaskId id) {
  return FindEntry([id](const auto& entry) {
    return std::any_of(entry.created().begin(), entry.created().end(),
                       [id](const auto& run) { return run.first() <= id && id < run.first() + run.count(); });
  });
}

std::set<std::string> Scene::Found() {
  std::set<std::string> names;
  const absl::StatusOr<Findings> findings = Verify(harness_.settings(), store());
  EXPECT_TRUE(findings.ok()) << findings.status();
  if (!findings.ok()) return names;
  for (const Finding& finding : findings->kept()) names.insert(std::string(NameOf(finding.check)));
  return names;
}

std::string Scene::Sentences() { return DamageIn(harness_.settings(), store()); }

absl::Status Scene::Repair(storage::Store* store, bool drop_lost) {
  return engine::Repair(harness_.settings(), store, {harness_.now(), [] { return 815; }, drop_lost}).status();
}

void Scene::FinishEverything() {
  harness_.Start();
  if (::testing::Test::HasFailure()) return;
  TestWorker& worker =
      harness_.Connect({.worker_id = "other", .instance_id = "other", .slots = 20, .types = {"later", "work"}});
  std::string unfinished;
  for (int round = 0; round < 50; ++round) {
    for (const TaskId id : worker.running()) EXPECT_THAT(worker.Succeed(id), NoError());
    unfinished.clear();
    for (TaskId id = 1; id < harness_.next_id(); ++id) {
      const LiveState state = harness_.StateOf(id);
      if (state == LiveState::SUSPENDED) harness_.Resume(id);
      if (IsLive(state)) absl::StrAppend(&unfinished, Describe(harness_.EntryOf(id)), "\n");
    }
    if (unfinished.empty()) return;
    harness_.Advance(5 * kSecond);
  }
  ADD_FAILURE() << "not ended:\n" << unfinished;
}

}  // namespace baton::engine::testing
