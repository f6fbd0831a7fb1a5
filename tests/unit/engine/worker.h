// A worker process as the engine sees it: a session, deliveries, handlers that run until the test ends them, outcomes
// that are sent again until they are answered.
#ifndef BATON_TESTS_UNIT_ENGINE_WORKER_H_
#define BATON_TESTS_UNIT_ENGINE_WORKER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/engine/session.h"
#include "tests/unit/engine/commands.h"

namespace baton::engine::testing {

class EngineHarness;

struct WorkerSpec {
  std::string worker_id = "worker";
  std::string instance_id = "instance";
  std::string pod_id = "";
  uint64_t pod_generation = 0;
  uint32_t slots = 10;
  std::vector<std::string> types = {"work"};
  Capabilities capabilities = {};
  // Of every handler.
  Options handler_options = {};
  Options default_options = {};
  uint64_t handler_version = 1;
  // Of every handler, at the same time; 0: as many as there are slots.
  uint32_t max_concurrency = 0;
};

struct AttemptBefore {
  bool operator()(const AttemptId& a, const AttemptId& b) const {
    return std::pair(a.task, a.attempt) < std::pair(b.task, b.attempt);
  }
};

class TestWorker {
 public:
  TestWorker(EngineHarness* harness, WorkerSpec spec) : spec_(std::move(spec)), harness_(harness) {}

  // Opens a stream; on success everything not answered yet is sent again. The verdicts are in `verdicts`.
  Error Hello();
  // Changes slots, types and so on, and tells them on the open stream.
  void Update(const std::function<void(WorkerSpec&)>& change);
  // The broker's side sees the stream as closed.
  void CloseStream();
  // The process is gone: it forgets everything, says nothing more, and its stream closes (unless it only froze).
  void Kill();
  void Freeze();
  void Thaw();

  // One heartbeat. False: the broker wants a new hello.
  bool Beat();

  // Ends one attempt that it holds; the answer.
  Error Succeed(TaskId id, const std::string& result = "");
  Error Fail(TaskId id, const std::string& error = "it broke");
  Error FailFinally(TaskId id, const std::string& error = "it cannot work");
  Error Release(TaskId id);
  Error Suspend(TaskId id, const std::string& reason, const std::string& context = "");
  Error Spawn(TaskId id, const std::vector<TaskSpec>& children, const std::string& context = "", uint32_t parts = 0);
  // Stages one part of children.
  Reply<SpawnChildrenCommand> SpawnPart(TaskId id, uint32_t part, const std::vector<TaskSpec>& children);
  Error Report(TaskId id, const std::string& code);
  // Any outcome, also for attempts it does not hold.
  Error Send(Outcome outcome);
  // Puts it into the next round and does not wait. The slot is free from here on, as in the SDK.
  Reply<CompleteCommand> Post(Outcome outcome);
  Outcome MakeOutcome(TaskId id, Outcome::Kind kind, std::string step = "") const;
  // The handler returns and nobody wants to know its outcome.
  void Drop(const AttemptId& attempt);
  // The handler waits in a queue, has not started.
  void Queue(TaskId id) { queued_.insert(AttemptOf(id)); }
  void Start(TaskId id);

  // The newest attempt of a task whose handler runs here.
  AttemptId AttemptOf(TaskId id) const;
  bool Runs(TaskId id) const { return AttemptOf(id).task != 0; }
  const Delivery& DeliveryOf(TaskId id) const { return running_.at(AttemptOf(id)).delivery; }
  // Ids of what runs, ascending.
  std::vector<TaskId> running() const;
  size_t handlers() const { return running_.size(); }
  std::vector<AttemptId> attempts() const;
  // Tasks in the order in which they were handed over, since the last call.
  std::vector<TaskId> TakeDelivered() { return std::exchange(delivered_, {}); }

  SessionNumber session() const { return session_; }
  bool open() const { return open_; }
  const WorkerSpec& spec() const { return spec_; }

  std::vector<std::pair<AttemptId, Verdict>> verdicts;
  std::vector<Order> orders;
  std::vector<AttemptId> told_over, told_cancelled;

 private:
  friend class EngineHarness;
  struct Running {
    Delivery delivery;
    SteadyMicros since = 0;
  };

  void Receive(SessionOutput output);
  void OnCrash();
  WorkerInfo Info() const;
  std::vector<AttemptId> Held() const;
  void ForgetAnswered();

  WorkerSpec spec_;
  EngineHarness* harness_;
  SessionNumber session_ = 0;
  bool open_ = false;  // Its stream.
  bool alive_ = true;  // It beats.
  uint64_t beats_ = 0;
  uint64_t last_delivery_ = 0;
  std::map<AttemptId, Running, AttemptBefore> running_;
  std::set<AttemptId, AttemptBefore> queued_;
  std::map<AttemptId, std::string, AttemptBefore> types_;  // Of all it ever had.
  std::map<AttemptId, std::pair<Outcome, Reply<CompleteCommand>>, AttemptBefore> unanswered_;
  std::vector<TaskId> delivered_;
};

}  // namespace baton::engine::testing

#endif  // BATON_TESTS_UNIT_ENGINE_WORKER_H_
