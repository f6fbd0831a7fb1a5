// The submitter of the kill loop: hands tasks over, cancels, retries and deletes some, pauses types, decides about
// tasks that ask, and keeps a ledger of what was acknowledged. Calls that may be repeated are, until they are answered.
// SIGTERM: submits nothing new, and exits with 0 when no task is left that has not ended. Environment: BATON_BROKER,
// LEDGER (a file), SEED, PAUSE_MS (between the calls of a thread, at most).
#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "client_cli/broker_client.h"
#include "client_cli/status_details.h"
#include "tests/process/kill_loop/ledger.h"
#include "tests/process/kill_loop/load.h"
#include "tests/process/kill_loop/plan.h"

namespace baton::kill_loop {
namespace {

// Shorter than a long stop of the broker: what is repeated may still be waiting in its sockets.
constexpr absl::Duration kCallTimeout = absl::Seconds(2);
constexpr int kSubmitters = 3;
constexpr uint64_t kEnoughDue = 2'000;
constexpr size_t kRemembered = 200;
// One of so many calls repeats an old one, and one of so many tasks is cancelled.
constexpr int kRepeatEvery = 10;
constexpr int kCancelEvery = 25;
// One of so many rounds of the operator tries a task again, deletes one, or pauses a type.
constexpr int kOperateEvery = 4;
constexpr const char* kTypes[] = {kWorkType, kSlowType, kParentType, kApprovalType};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

int Number(const char* name, int fallback) {
  int number = 0;
  return absl::SimpleAtoi(Variable(name), &number) ? number : fallback;
}

void Pause(int milliseconds) { poll(nullptr, 0, milliseconds); }

bool IsPassing(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsResourceExhausted(status);
}

class Submitter {
 public:
  Submitter() : ledger_(Variable("LEDGER")), pause_ms_(Number("PAUSE_MS", 60)) {}

  void Run(const sigset_t& stop_signals) {
    std::vector<std::thread> threads;
    threads.reserve(kSubmitters);
    for (int i = 0; i < kSubmitters; ++i) threads.emplace_back([this, i] { Submit(i); });
    std::thread operating([this] { Operate(); });
    std::thread deciding([this] { Decide(); });
    int signal = 0;
    sigwait(&stop_signals, &signal);
    stopping_ = true;
    for (std::thread& thread : threads) thread.join();
    operating.join();
    all_submitted_ = true;
    deciding.join();
  }

 private:
  using Broker = cli::Broker;

  // Makes the call until it is answered, by OK or by a refusal that lasts.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(Broker* broker,
                                absl::StatusOr<Response> (Broker::*method)(const Request&, absl::Duration),
                                const Request& request) {
    while (true) {
      absl::StatusOr<Response> response = (broker->*method)(request, kCallTimeout);
      if (response.ok() || !IsPassing(response.status())) return response;
      Pause(20);
    }
  }

  void Submit(int thread) {
    const std::unique_ptr<Broker> broker = cli::ConnectBroker(Variable("BATON_BROKER"));
    std::mt19937_64 random(static_cast<uint64_t>(Number("SEED", 1)) * 1000 + static_cast<uint64_t>(thread));
    std::vector<v1::SubmitRequest> sent;
    for (int number = 0; !stopping_; ++number) {
      if (!sent.empty() && random() % kRepeatEvery == 0) {
        SubmitOnce(broker.get(), sent[random() % sent.size()], &random);
      } else {
        const v1::SubmitRequest request = DrawRequest(absl::StrCat("r", thread, "-", number), &random);
        SubmitOnce(broker.get(), request, &random);
        if (sent.size() < kRemembered) {
          sent.push_back(request);
        } else {
          sent[random() % kRemembered] = request;
        }
      }
      Pause(static_cast<int>(random() % static_cast<uint64_t>(pause_ms_ + 1)));
      while (due_ > kEnoughDue && !stopping_) Pause(20);
    }
  }

  void SubmitOnce(Broker* broker, const v1::SubmitRequest& request, std::mt19937_64* random) {
    const auto response = Call(broker, &Broker::Submit, request);
    if (!response.ok()) return Violation(absl::StrCat("Submit ", request.request_id()), response.status());
    if (response->results_size() != request.tasks_size()) {
      return Violation(absl::StrCat("Submit ", request.request_id()), absl::InternalError("results are missing"));
    }
    std::vector<std::string> lines;
    std::vector<uint64_t> to_cancel;
    for (int i = 0; i < response->results_size(); ++i) {
      const v1::SubmitResult& result = response->results(i);
      const std::string item = absl::StrCat(request.request_id(), " ", i, " ");
      const std::string& key = request.tasks(i).unique_key();
      if (result.has_error()) {
        lines.push_back(absl::StrCat("rejected ", item, result.error().reason()));
      } else {
        lines.push_back(absl::StrCat("submitted ", item, result.task_id(), " ", key.empty() ? "-" : key, " ",
                                     result.existing() ? "existing" : "new"));
        if ((*random)() % kCancelEvery == 0) to_cancel.push_back(result.task_id());
      }
    }
    ledger_.Write(lines);
    absl::MutexLock lock(&mutex_);
    to_cancel_.insert(to_cancel_.end(), to_cancel.begin(), to_cancel.end());
  }

  // What people do meanwhile.
  void Operate() {
    const std::unique_ptr<Broker> broker = cli::ConnectBroker(Variable("BATON_BROKER"));
    std::mt19937_64 random(static_cast<uint64_t>(Number("SEED", 1)) * 1000 + kSubmitters);
    for (int round = 1; !stopping_; ++round) {
      std::vector<uint64_t> tasks;
      {
        absl::MutexLock lock(&mutex_);
        tasks.swap(to_cancel_);
      }
      for (const uint64_t task : tasks) CancelOne(broker.get(), task);
      if (round % kOperateEvery == 0) OperateOnce(broker.get(), &random);
      Pause(10);
    }
  }

  void OperateOnce(Broker* broker, std::mt19937_64* random) {
    switch ((*random)() % 3) {
      case 0:
        if (const auto task = DrawEnded(broker, v1::TASK_STATE_PERMANENTLY_FAILED, random)) RetryOne(broker, *task);
        return;
      case 1:
        // Not a child, which goes with its parent.
        if (const auto task = DrawEnded(broker, v1::TASK_STATE_COMPLETED, random); task && task->parent_id() == 0) {
          DeleteOne(broker, task->id());
        }
        return;
      default:
        return PauseOne(broker, kTypes[(*random)() % std::size(kTypes)], static_cast<int>((*random)() % 300));
    }
  }

  // A task without children that has ended so. Those with a unique key, which another task may hold by now, are left
  // alone.
  std::optional<v1::Task> DrawEnded(Broker* broker, v1::TaskState state, std::mt19937_64* random) {
    v1::ListTasksRequest request;
    request.mutable_filter()->add_states(state);
    request.mutable_filter()->set_type(kWorkType);
    const auto page = broker->ListTasks(request, kCallTimeout);
    if (!page.ok() || page->tasks().empty()) return std::nullopt;
    const v1::Task& task = page->tasks(static_cast<int>((*random)() % static_cast<uint64_t>(page->tasks_size())));
    if (!task.unique_key().empty()) return std::nullopt;
    return task;
  }

  void RetryOne(Broker* broker, const v1::Task& task) {
    // Once each, and not repeated when the answer is lost: it would be tried once more if it has failed again.
    if (!retried_.insert(task.id()).second) return;
    v1::RetryTaskRequest request;
    request.set_task_id(task.id());
    const auto response = broker->RetryTask(request, kCallTimeout);
    if (response.ok()) {
      ledger_.Write({absl::StrCat("retried ", task.id())});
    } else if (!IsPassing(response.status()) && cli::ReasonOf(response.status()) != "PARENT_WENT_ON") {
      Violation(absl::StrCat("RetryTask ", task.id()), response.status());
    }
  }

  void DeleteOne(Broker* broker, uint64_t task) {
    v1::DeleteTaskRequest request;
    request.set_task_id(task);
    const auto response = Call(broker, &Broker::DeleteTask, request);
    // What a repeat is answered with.
    const bool is_gone = cli::ReasonOf(response.status()) == "TASK_EXPIRED";
    if (!response.ok() && !is_gone) return Violation(absl::StrCat("DeleteTask ", task), response.status());
    ledger_.Write({absl::StrCat("deleted ", task)});
    deleted_.insert(task);
  }

  void PauseOne(Broker* broker, const char* type, int milliseconds) {
    v1::PauseTypeRequest request;
    request.set_type(type);
    const absl::Status status = broker->PauseType(request, kCallTimeout);
    if (!status.ok() && !IsPassing(status)) return Violation(absl::StrCat("PauseType ", type), status);
    Pause(milliseconds);
    UnpauseOne(broker, type);
  }

  void UnpauseOne(Broker* broker, const char* type) {
    v1::UnpauseTypeRequest request;
    request.set_type(type);
    absl::Status status = broker->UnpauseType(request, kCallTimeout);
    while (IsPassing(status)) {
      Pause(20);
      status = broker->UnpauseType(request, kCallTimeout);
    }
    if (status.ok() || cli::ReasonOf(status) == "NOT_PAUSED") return;
    Violation(absl::StrCat("UnpauseType ", type), status);
  }

  void CancelOne(Broker* broker, uint64_t task) {
    v1::CancelRequest request;
    request.set_task_id(task);
    request.set_reason("drawn");
    const auto response = Call(broker, &Broker::Cancel, request);
    if (response.ok()) {
      ledger_.Write({absl::StrCat("cancelled ", task)});
    } else if (cli::ReasonOf(response.status()) == "TASK_TERMINAL") {
      ledger_.Write({absl::StrCat("kept ", task, " TASK_TERMINAL")});
    } else if (cli::ReasonOf(response.status()) != "TASK_EXPIRED" || !deleted_.contains(task)) {
      Violation(absl::StrCat("Cancel ", task), response.status());
    }
  }

  // Until every task has ended.
  void Decide() {
    const std::unique_ptr<Broker> broker = cli::ConnectBroker(Variable("BATON_BROKER"));
    while (true) {
      const bool was_last = all_submitted_;
      // A pause whose caller gave it up may have come after the end of the pause.
      for (const char* type : kTypes) {
        if (was_last) UnpauseOne(broker.get(), type);
      }
      const absl::StatusOr<v1::GetStatisticsResponse> statistics = broker->GetStatistics({}, kCallTimeout);
      if (statistics.ok()) {
        due_ = statistics->due();
        const v1::StateCounts& counts = statistics->counts();
        if (was_last && counts.pending() + counts.running() + counts.suspended() == 0) return;
        DecideAll(broker.get());
      }
      Pause(50);
    }
  }

  void DecideAll(Broker* broker) {
    v1::ListTasksRequest request;
    request.mutable_filter()->add_states(v1::TASK_STATE_SUSPENDED);
    request.mutable_filter()->set_type(kApprovalType);
    request.set_page_size(1000);
    do {
      const auto page = broker->ListTasks(request, kCallTimeout);
      if (!page.ok()) return;
      for (const v1::Task& task : page->tasks()) ResumeOne(broker, task.id());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
  }

  void ResumeOne(Broker* broker, uint64_t task) {
    const std::string decision = absl::StrCat("d", ++decisions_);
    v1::ResumeRequest request;
    request.set_task_id(task);
    request.mutable_decision()->set_json(absl::StrCat("\"", decision, "\""));
    // Not repeated when its answer is lost: it would decide about the next question, if that was asked meanwhile. What
    // still waits then gets a decision of its own.
    const auto response = broker->Resume(request, kCallTimeout);
    if (response.ok()) {
      ledger_.Write({absl::StrCat("resumed ", task, " ", decision)});
    } else if (!IsPassing(response.status()) && cli::ReasonOf(response.status()) != "NOT_SUSPENDED") {
      // That one: cancelled meanwhile, or resumed by a call whose answer was lost.
      Violation(absl::StrCat("Resume ", task), response.status());
    }
  }

  void Violation(const std::string& call, const absl::Status& status) {
    ledger_.Write({absl::StrCat("violation ", call, " was answered with ", status.ToString())});
  }

  LedgerWriter ledger_;
  const int pause_ms_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> all_submitted_ = false;
  std::atomic<uint64_t> due_ = 0;
  // Of the deciding thread.
  uint64_t decisions_ = 0;
  // Of the operating thread.
  std::set<uint64_t> retried_;
  std::set<uint64_t> deleted_;
  absl::Mutex mutex_;
  std::vector<uint64_t> to_cancel_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace
}  // namespace baton::kill_loop

int main() {
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  // Before any other thread is there.
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  baton::kill_loop::Submitter().Run(stop_signals);
  return 0;
}
