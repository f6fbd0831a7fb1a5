#include "broker/service/read/reads.h"

#include <utility>

#include "broker/service/read/attempts.h"
#include "broker/service/read/child_outcomes.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/events.h"
#include "broker/service/read/page_token.h"
#include "broker/service/read/schedules.h"
#include "broker/service/read/statistics.h"
#include "broker/service/read/task_list.h"
#include "broker/service/read/task_message.h"
#include "broker/service/read/waits.h"

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
};

ReadService::ReadService(engine::Partition* partition, const Clock* clock, ReadSettings settings)
    : core_(std::make_shared<const Core>(Core{partition, clock, std::move(settings)})),
      waits_(std::make_shared<Waits>(
          partition, clock,
          Waits::Limits{core_->settings.default_wait, core_->settings.max_wait, core_->settings.max_waits},
          [core = core_](const std::shared_ptr<const engine::View>& view, TaskId task, const v1::TaskParts& parts,
                         v1::Task* result) { return ReadTask(core->Around(*view), task, parts, result); })) {
  waits_->Start();
}

ReadService::~ReadService() { Stop(); }

void ReadService::Stop() { waits_->Stop(); }

void ReadService::CheckDeadlines() { waits_->CheckDeadlines(); }

template <typename Response, typename Answer>
void ReadService::Read(Done<Response> done, Answer answer) {
  core_->partition->Read([core = core_, done = std::move(done),
                          answer = std::move(answer)](const std::shared_ptr<const engine::View>& view) {
    Response response;
    Error error = answer(*core, *view, &response);
    if (!error.ok()) response.Clear();
    done(std::move(error), std::move(response));
  });
}

void ReadService::Get(const v1::GetRequest& request, Done<v1::GetResponse> done) {
  Read(std::move(done), [request](const Core& core, const engine::View& view, v1::GetResponse* response) {
    return ReadTask(core.Around(view), request.task_id(), request.parts(), response->mutable_task());
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
    const PageLimits limits{size, core.settings.page_bytes, core.settings.page_budget};
    return service::ListTasks(core.Around(view), *core.clock, request, limits, response);
  });
}

void ReadService::ListEvents(const v1::ListEventsRequest& request, Done<v1::ListEventsResponse> done) {
  size_t size = 0;
  Error error = core_->PageSize(request.page_size(), &size);
  if (!error.ok()) return done(std::move(error), {});
  Read(std::move(done), [request, size](const Core& core, const engine::View& view, v1::ListEventsResponse* response) {
    return service::ListEvents(view, request, size, core.settings.page_bytes, response);
  });
}

void ReadService::ListAttempts(const v1::ListAttemptsRequest& request, Done<v1::ListAttemptsResponse> done) {
  size_t size = 0;
  Error error = core_->PageSize(request.page_size(), &size);
  if (!error.ok()) return done(std::move(error), {});
  Read(std::move(done),
       [request, size](const Core& core, const engine::View& view, v1::ListAttemptsResponse* response) {
         return service::ListAttempts(view, core.settings.defaults, request, size, core.settings.page_bytes, response);
       });
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

void ReadService::GetStatistics(const v1::GetStatisticsRequest&, Done<v1::GetStatisticsResponse> done) {
  Read(std::move(done), [](const Core& core, const engine::View& view, v1::GetStatisticsResponse* response) {
    return service::GetStatistics(core.Around(view), *core.clock, core.settings.page_budget, response);
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
