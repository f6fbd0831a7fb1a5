#include "broker/service/read/reads.h"

#include <utility>

#include "broker/service/read/activities.h"
#include "broker/service/read/attempts.h"
#include "broker/service/read/child_outcomes.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/events.h"
#include "broker/service/read/history_filter.h"
#include "broker/service/read/page_token.h"
#include "broker/service/read/schedules.h"
#include "broker/service/read/statistics.h"
#include "broker/service/read/task_counts.h"
#include "broker/service/read/task_list.h"
#include "broker/service/read/task_message.h"
#include "broker/service/read/waits.h"
#include "broker/service/read/watches.h"
#include "broker/service/read/workflow_summary.h"

namespace baton::service {

struct ReadService::Core {
  engine::Partition* const partition;
  const Clock* const clock;
  const ReadSettings settings;

  Surroundings Around(const engine::View& view) const {
    return {view, partition->routing().Read(), settings.defaults, clock->Read().wall};
  }
  Error PageSize(int32_t requested, size_t* size) const {
    return ResolvePageSize(requested, settings.default_page_size, settings.max_page_size, size);
  }
  PageLimits Limits(size_t items) const { return {items, settings.page_bytes, settings.page_budget}; }
};

// All of it is about one view.
struct ReadService::SummaryUnderWay {
  const std::shared_ptr<const Core> core;
  const std::shared_ptr<const engine::View> view;
  const Done<v1::GetWorkflowSummaryResponse> done;
  WorkflowSummary summary;
};

ReadService::ReadService(engine::Partition* partition, const Clock* clock, ReadSettings settings)
    : core_(std::make_shared<const Core>(Core{partition, clock, std::move(settings)})),
      waits_(std::make_shared<Waits>(
          partition, clock,
          Waits::Limits{core_->settings.default_wait, core_->settings.max_wait, core_->settings.max_waits},
          [core = core_](const std::shared_ptr<const engine::View>& view, TaskId task, const v1::TaskParts& parts,
                         v1::Task* result) { return ReadTask(core->Around(*view), task, parts, result); })),
      watches_(std::make_unique<Watches>(
          partition, core_->settings.max_watches,
          [core = core_](const engine::View& view, TaskWatch* watch, v1::WatchResponse* response) {
            const PageLimits limits = core->Limits(static_cast<size_t>(core->settings.max_page_size));
            return watch->Tell(core->Around(view), *core->clock, limits, response);
          })) {
  waits_->Start();
}

ReadService::~ReadService() { Stop(); }

void ReadService::Stop() {
  waits_->Stop();
  watches_->Stop();
}

void ReadService::CheckDeadlines() { waits_->CheckDeadlines(); }

template <typename Response, typename Answer>
void ReadService::Read(Done<Response> done, Answer answer) {
  core_->partition->Read([core = core_, done = std::move(done),
                          answer = std::move(answer)](const std::shared_ptr<const engine::View>& view) {
    Response response;
    Error error = answer(*core, *view, &response);
    if (!error.ok()) response = Response();
    done(std::move(error), std::move(response));
  });
}

void ReadService::Get(const v1::GetRequest& request, Done<v1::GetResponse> done) {
  Read(std::move(done), [request](const Core& core, const engine::View& view, v1::GetResponse* response) {
    return ReadTask(core.Around(view), request.task_id(), request.parts(), response->mutable_task());
  });
}

void ReadService::Explain(const v1::ExplainRequest& request, Done<Explanation> done) {
  Read(std::move(done), [id = request.task_id()](const Core& core, const engine::View& view, Explanation* explanation) {
    return service::Explain(core.Around(view), id, explanation);
  });
}

ReadService::WaitId ReadService::Wait(const v1::WaitRequest& request, Done<v1::WaitResponse> done) {
  return waits_->Add(request, std::move(done));
}

void ReadService::CancelWait(WaitId wait) { waits_->Cancel(wait); }

void ReadService::ListChildOutcomes(engine::AttemptId attempt, const v1::ListChildOutcomesRequest& request,
                                    Done<v1::ListChildOutcomesResponse> done) {
  size_t size = 0;
  Error error = core_->PageSize(request.page_size(), &size);
  if (!error.ok()) return done(std::move(error), {});
  Read(std::move(done),
       [attempt, request, size](const Core& core, const engine::View& view, v1::ListChildOutcomesResponse* response) {
         return service::ListChildOutcomes(view, attempt, request, size, core.settings.page_bytes, response);
       });
}

void ReadService::ListTasks(const v1::ListTasksRequest& request, Done<v1::ListTasksResponse> done) {
  size_t size = 0;
  Error error = core_->PageSize(request.page_size(), &size);
  if (error.ok()) error = CheckFilter(request.filter());
  if (!error.ok()) return done(std::move(error), {});
  Read(std::move(done), [request, size](const Core& core, const engine::View& view, v1::ListTasksResponse* response) {
    return service::ListTasks(core.Around(view), *core.clock, request, core.Limits(size), response);
  });
}

void ReadService::ListEvents(const v1::ListEventsRequest& request, Done<v1::ListEventsResponse> done) {
  size_t size = 0;
  Error error = core_->PageSize(request.page_size(), &size);
  if (error.ok()) error = CheckConditions(request);
  if (!error.ok()) return done(std::move(error), {});
  Read(std::move(done), [request, size](const Core& core, const engine::View& view, v1::ListEventsResponse* response) {
    return service::ListEvents(view, *core.clock, request, core.Limits(size), response);
  });
}

void ReadService::ListAttempts(const v1::ListAttemptsRequest& request, Done<v1::ListAttemptsResponse> done) {
  size_t size = 0;
  Error error = core_->PageSize(request.page_size(), &size);
  if (error.ok()) error = CheckConditions(request);
  if (!error.ok()) return done(std::move(error), {});
  Read(std::move(done),
       [request, size](const Core& core, const engine::View& view, v1::ListAttemptsResponse* response) {
         return service::ListAttempts(view, *core.clock, core.settings.defaults, request, core.Limits(size), response);
       });
}

void ReadService::GetWorkflowSummary(const v1::GetWorkflowSummaryRequest& request,
                                     Done<v1::GetWorkflowSummaryResponse> done) {
  core_->partition->Read([core = core_, done = std::move(done),
                          task = request.task_id()](const std::shared_ptr<const engine::View>& view) {
    TaskId root = 0;
    Error error = FindRoot(*view, task, &root);
    if (!error.ok()) return done(std::move(error), {});
    GoOn(std::shared_ptr<SummaryUnderWay>(new SummaryUnderWay{
        core, view, done, WorkflowSummary(core->Around(*view), root, core->settings.summary_tasks)}));
  });
}

void ReadService::GoOn(const std::shared_ptr<SummaryUnderWay>& under_way) {
  const Core& core = *under_way->core;
  WorkflowSummary& summary = under_way->summary;
  const SteadyMicros deadline = core.clock->Read().steady + core.settings.page_budget;
  Error error;
  do {
    error = summary.ReadOn();
  } while (error.ok() && !summary.is_complete() && core.clock->Read().steady < deadline);
  if (error.ok() && !summary.is_complete()) {
    return core.partition->Read([under_way](const std::shared_ptr<const engine::View>&) { GoOn(under_way); });
  }
  v1::GetWorkflowSummaryResponse response;
  if (error.ok()) error = summary.Finish(&response);
  if (!error.ok()) response.Clear();
  under_way->done(std::move(error), std::move(response));
}

void ReadService::ListTypes(const v1::ListTypesRequest&, Done<v1::ListTypesResponse> done) {
  Read(std::move(done), [](const Core& core, const engine::View& view, v1::ListTypesResponse* response) {
    return service::ListTypes(core.Around(view), core.settings.page_bytes, response);
  });
}

void ReadService::GetSchedule(const v1::GetScheduleRequest& request, Done<v1::GetScheduleResponse> done) {
  Read(std::move(done), [request](const Core&, const engine::View& view, v1::GetScheduleResponse* response) {
    return service::GetSchedule(view, request, response);
  });
}

void ReadService::ListSchedules(const v1::ListSchedulesRequest& request, Done<v1::ListSchedulesResponse> done) {
  size_t size = 0;
  Error error = core_->PageSize(request.page_size(), &size);
  if (!error.ok()) return done(std::move(error), {});
  Read(std::move(done),
       [request, size](const Core& core, const engine::View& view, v1::ListSchedulesResponse* response) {
         return service::ListSchedules(view, request, size, core.settings.page_bytes, response);
       });
}

void ReadService::GetStatistics(const v1::GetStatisticsRequest& request, Done<v1::GetStatisticsResponse> done) {
  Read(std::move(done),
       [by_tag = request.by_tag()](const Core& core, const engine::View& view, v1::GetStatisticsResponse* response) {
         const engine::ActivityBoard& board = core.partition->activity();
         const SteadyMicros now = core.clock->Read().steady;
         const Surroundings surroundings = core.Around(view);
         Error error =
             service::GetStatistics(surroundings, *core.clock, core.settings.page_budget, board.Read(now), response);
         if (error.ok() && by_tag) {
           DescribeTags(surroundings, *core.clock, core.Limits(0), board.ReadTags(now), response);
         }
         return error;
       });
}

void ReadService::CountTasks(const v1::CountTasksRequest& request, Done<v1::CountTasksResponse> done) {
  Error error = CheckFilter(request.filter());
  if (!error.ok()) return done(std::move(error), {});
  Read(std::move(done), [request](const Core& core, const engine::View& view, v1::CountTasksResponse* response) {
    return service::CountTasks(core.Around(view), *core.clock, request, core.Limits(0), response);
  });
}

void ReadService::GetServerInfo(const v1::GetServerInfoRequest&, Done<v1::GetServerInfoResponse> done) {
  Read(std::move(done), [](const Core& core, const engine::View& view, v1::GetServerInfoResponse* response) {
    *response = core.settings.server;
    response->set_incarnation(core.partition->incarnation());
    response->set_next_task_id(view.next_id());
    response->set_commit_number(view.number());
    if (core.settings.store_bytes) response->set_store_bytes(core.settings.store_bytes());
    if (core.settings.resident_bytes) response->set_resident_bytes(core.settings.resident_bytes());
    return Error();
  });
}

}  // namespace baton::service
