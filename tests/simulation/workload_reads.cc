// What readers see while everything changes.
#include "broker/engine/inspection_commands.h"
#include "broker/engine/live/index.h"
#include "tests/simulation/violation.h"
#include "tests/simulation/workload.h"
#include "tests/unit/engine/checks.h"

namespace baton::simulation {

// A reader sees one commit, whole, and at least what was on disk when it asked.
void Workload::Look(TaskId id) {
  if (!broker_.up()) return;
  broker_.AddRead([this, id, durable = broker_.auditor().durable()](const std::shared_ptr<const engine::View>& view) {
    REQUIRE(view->number() >= durable, "a reader who asked at commit ", durable, " sees commit ", view->number());
    REQUIRE(view->number() <= broker_.auditor().durable(), "a reader sees commit ", view->number(),
            ", which is not on disk");
    const std::string miscount = engine::testing::MiscountIn(*view);
    REQUIRE(miscount.empty(), "in commit ", view->number(), ": ", miscount);
    const Model& model = broker_.auditor().AsOf(view->number());
    engine::LiveEntry entry;
    const absl::StatusOr<LiveState> state = view->StateOf(id, &entry);
    REQUIRE(state.ok() && *state == model.StateOf(id), "a reader of commit ", view->number(), " sees task ", id, " ",
            LiveState_Name(state.value_or(LiveState::NONE)), ", it was ", LiveState_Name(model.StateOf(id)));
    REQUIRE(!engine::IsLive(*state) || entry.paused == model.At(id).paused, "a reader sees ",
            entry.paused ? "paused: " : "not paused: ", Describe(model.At(id)));
    REQUIRE(view->next_id() == model.next_id(), "a reader of commit ", view->number(), " sees the wrong tasks");
    coverage_->Count("read");
  });
}

// Lists find the tasks of a type, with a tag, and no others.
void Workload::Search() {
  if (!broker_.up()) return;
  const std::string type = random_.Chance(300) ? "" : random_.Chance(500) ? "work" : "rare";
  const std::string tag = random_.Chance(300) ? "" : random_.Chance(500) ? "often" : "seldom";
  broker_.AddRead([this, type, tag](const std::shared_ptr<const engine::View>& view) {
    const Model& model = broker_.auditor().AsOf(view->number());
    engine::Wanted wanted;
    if (!type.empty()) wanted.classes = view->catalog().ClassesOf(type);
    wanted.tag_hash = engine::TagHash(tag);
    engine::IndexReader reader(*view, wanted);
    engine::SlotSet slots;
    for (TaskId id = model.next_id() - 1; id >= model.first_id(); --id) {
      const bool is_last_of_page = id == model.next_id() - 1 || engine::SlotOf(id) == engine::kPageIds - 1;
      if (is_last_of_page) {
        const uint64_t page_number = engine::PageOf(id);
        REQUIRE(reader.Find(page_number, &slots).ok(), "the index of page ", page_number, " is damaged");
        if ((*view->GetPage(page_number))->indexed()) coverage_->Count("search: in the index");
      }
      const ModelTask& task = model.At(id);
      if (task.state == LiveState::REMOVED) continue;
      const bool expected = (type.empty() || task.type == type) && (tag.empty() || task.tag == tag);
      const bool found = slots.Highest(engine::SlotOf(id)) == engine::SlotOf(id);
      REQUIRE(found == expected, "who looks for type '", type, "' and tag '", tag, "' ",
              found ? "finds " : "does not find ", Describe(task), " with tag '", task.tag, "'");
    }
    coverage_->Count("search");
  });
}

// As a caller does: it looks at the task first, and asks the engine of what it saw.
void Workload::Explain(TaskId id) {
  if (!broker_.up()) return;
  broker_.AddRead([this, id](const std::shared_ptr<const engine::View>& view) {
    engine::LiveEntry entry;
    const absl::StatusOr<LiveState> state = view->StateOf(id, &entry);
    if (!state.ok() || (*state != LiveState::PENDING && *state != LiveState::RUNNING)) return;
    network_.Call<engine::ExplainCommand>(
        [entry](engine::ExplainCommand* command) {
          command->attempt = {entry.id, entry.attempt};
          command->task_state = entry.state;
          command->class_number = entry.class_number;
          command->priority = entry.priority;
          command->due = entry.due;
          command->holder = entry.session;
        },
        [](const engine::ExplainCommand*) {});
  });
}

}  // namespace baton::simulation
