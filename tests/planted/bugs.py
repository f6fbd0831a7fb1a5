"""Small faults, each of which the tests must catch: a file, what stands there, what a hasty hand would have written.

`proof` is the target to build and the arguments of the test program that has to fail.
"""

SIMULATION = ("simulation", ["--seeds=120", "--commands=1000"])
ENGINE = ("engine_test", ["--gtest_brief=1"])
PARTS = ("engine_parts_test", ["--gtest_brief=1"])
STORE = ("power_cut_test", ["--gtest_brief=1"])

BUGS = [
    dict(name="skip a sync", file="broker/storage/rocksdb_store.cc", proof=STORE,
         old="    const rocksdb::Status status = db_->Write(Synced(), &translated_);",
         new="    const rocksdb::Status status = db_->Write(rocksdb::WriteOptions(), &translated_);"),
    dict(name="answer before the commit", file="broker/engine/run/running_partition.cc", proof=ENGINE,
         old="  if (batch.number != 0) Write(batch);\n",
         new="  options_.release(std::move(batch.outbox));\n  batch.outbox = {};\n"
             "  if (batch.number != 0) Write(batch);\n"),
    dict(name="forget a token check", file="broker/engine/engine_outcomes.cc", proof=SIMULATION,
         old="task->state == LiveState::RUNNING && task->attempt == attempt.attempt;",
         new="task->state == LiveState::RUNNING && task->attempt >= attempt.attempt;"),
    dict(name="drop a timer", file="broker/engine/engine_beats.cc", proof=SIMULATION,
         old="    } else {\n      Arm(session);\n    }\n  }\n}\n",
         new="    } else {\n      session.timer = session.lease_deadline + kHour;\n"
             "      session_timers_.insert({session.timer, session.number});\n    }\n  }\n}\n"),
    dict(name="count a child of an old generation", file="broker/engine/engine_submit.cc", proof=SIMULATION,
         old="task->parent_generation = parent.task->generation + 1;",
         new="task->parent_generation = parent.task->generation;"),
    dict(name="lose a slot", file="broker/engine/engine_outcomes.cc", proof=SIMULATION,
         old="    if (outcome.attempt.task != 0 && FindAttempt(outcome.attempt) == nullptr) {",
         new="    if (outcome.attempt.task != 0 && task != nullptr && FindAttempt(outcome.attempt) == nullptr) {"),
    dict(name="reuse an id", file="broker/engine/engine.cc", proof=SIMULATION,
         old="batch_.Close(batch_time_, incarnation_, next_id_);",
         new="batch_.Close(batch_time_, incarnation_, next_id_ - (touched_.empty() ? 0 : 1));"),
    dict(name="skip a journal entry", file="broker/engine/engine.cc", proof=SIMULATION,
         old="    } else {\n      batch_.Moved(EntryOf(*task));\n    }",
         new="    } else if (task->state != LiveState::SUSPENDED) {\n      batch_.Moved(EntryOf(*task));\n    }"),
    dict(name="expire before waiting input was applied", file="broker/engine/engine.cc", proof=ENGINE,
         old="  if (expire) Expire();", new="  Expire();"),
    dict(name="blame the workers for a pause of the broker", file="broker/engine/engine.cc", proof=SIMULATION,
         old="  lease_now_ = now.steady - paused_;", new="  lease_now_ = now.steady;"),
    dict(name="forget a request id", file="broker/engine/engine_submit.cc", proof=SIMULATION,
         old="  batch_.writes().Put(storage::Family::kKey, RequestKey(RequestWindowOf(now_.wall), command.request),",
         new="  if (command.results.size() < 2)\n    batch_.writes().Put(storage::Family::kKey, "
             "RequestKey(RequestWindowOf(now_.wall), command.request),"),
    dict(name="keep the failures of the stage before", file="broker/engine/rules/transition.cc", proof=SIMULATION,
         old="  next->stage = task.stage + 1;\n  next->failures = 0;", new="  next->stage = task.stage + 1;"),
    dict(name="hand out what its cancelled parent left", file="broker/engine/engine_claims.cc", proof=SIMULATION,
         old="  return parent == waiting_.end() || parent->second.generation != task.parent_generation;",
         new="  return parent != waiting_.end() && parent->second.generation != task.parent_generation;"),
    dict(name="leave staged children behind", file="broker/engine/engine_outcomes.cc", proof=SIMULATION,
         old="      DropStaged(task);", new="      task.staged.clear();\n      task.staged_parts = 0;"),
    dict(name="judge a worker by what was before a restart", file="broker/engine/engine_beats.cc", proof=SIMULATION,
         old="  if (session.restored) return;", new="  if (session.silent) return;"),
    dict(name="mix up the order of priorities", file="broker/engine/ready_order.h", proof=SIMULATION,
         old="{ return {Moved(due, -priority), -priority, id}; }",
         new="{ return {Moved(due, priority), priority, id}; }"),
    dict(name="let one more run than the limit of a type", file="broker/engine/dispatcher.h", proof=SIMULATION,
         old="return running >= most;", new="return running > most;"),
    dict(name="forget what a child has inherited", file="broker/engine/engine_submit.cc", proof=SIMULATION,
         old="    task->inherited = parent.inherited;\n", new=""),
    dict(name="remove what is too young", file="broker/engine/retention/ages.h", proof=SIMULATION,
         old="kForEver : end + Of(state); }", new="kForEver : end + Of(state) / 2; }"),
    dict(name="keep members of a workflow by their own states", file="broker/engine/retention/workflows.cc",
         proof=SIMULATION, old="ages_.OldAfter(root_state, page.newest_end());",
         new="ages_.OldAfter(page.StateAt(SlotOf(first)), page.newest_end());"),
    dict(name="forget the pages that follow a root", file="broker/engine/retention/sweeper.cc", proof=PARTS,
         old="  for (const uint64_t follower : sighting.plan.followers) LookNow(follower);\n", new=""),
    dict(name="take a jump of the clock for time gone by", file="broker/engine/retention/sweeper.h", proof=SIMULATION,
         old="    time_ = std::min(now.wall, time_ + (now.steady - steady_));", new="    time_ = now.wall;"),
    dict(name="remove a root before its descendants", file="broker/engine/retention/plan.cc", proof=SIMULATION,
         old="    if (family_ && member) {", new="    if (family_ && facts.has_parent) {"),
    dict(name="tell of a task that was removed meanwhile", file="broker/engine/engine_retention.cc", proof=SIMULATION,
         old="    LoadAgain(range);\n", new=""),
    dict(name="free a key that another task has", file="broker/engine/engine_outcomes.cc", proof=SIMULATION,
         old="  if (!task.unique.empty() && keys_.Holder(task.unique, task.id) == task.id) {",
         new="  if (!task.unique.empty() && keys_.Holder(task.unique, task.id) != task.id) {"),
]
