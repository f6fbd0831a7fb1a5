#include "broker/server/access/rights_table.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"

namespace baton::server {
namespace {

using enum Grant;

constexpr char kTaskBroker[] = "baton.v1.TaskBroker";
constexpr char kTaskAdmin[] = "baton.v1.TaskAdmin";
constexpr char kAccessAdmin[] = "baton.v1.AccessAdmin";

// clang-format off
constexpr Right kRights[] = {
    // service, method, {submit, work, observe, operate}, what it reaches
    {kTaskBroker, "Submit", {kYes, kNo, kNo, kYes}, Reach::kTypes},
    {kTaskBroker, "Claim", {kNo, kYes, kNo, kYes}, Reach::kTypes},
    {kTaskBroker, "Heartbeat", {kNo, kYes, kNo, kYes}, Reach::kNothing},
    {kTaskBroker, "Complete", {kNo, kYes, kNo, kYes}, Reach::kTasks},
    {kTaskBroker, "Audit", {kNo, kYes, kNo, kYes}, Reach::kTasks},
    {kTaskBroker, "Progress", {kNo, kYes, kNo, kYes}, Reach::kTasks},
    {kTaskBroker, "SpawnChildren", {kNo, kYes, kNo, kYes}, Reach::kTasks},
    {kTaskBroker, "ListChildOutcomes", {kNo, kYes, kNo, kYes}, Reach::kTasks},
    {kTaskBroker, "Get", {kOwn, kNo, kYes, kYes}, Reach::kTasks},
    {kTaskBroker, "Wait", {kOwn, kNo, kYes, kYes}, Reach::kTasks},
    {kTaskBroker, "Cancel", {kOwn, kNo, kNo, kYes}, Reach::kTasks},
    {kTaskBroker, "Resume", {kOwn, kNo, kNo, kYes}, Reach::kTasks},
    {kTaskAdmin, "ListTasks", {kNo, kNo, kYes, kYes}, Reach::kAnswer},
    {kTaskAdmin, "Watch", {kNo, kNo, kYes, kYes}, Reach::kAnswer},
    {kTaskAdmin, "ListEvents", {kNo, kNo, kYes, kYes}, Reach::kTasks},
    {kTaskAdmin, "ListAttempts", {kNo, kNo, kYes, kYes}, Reach::kTasks},
    {kTaskAdmin, "GetWorkflowSummary", {kNo, kNo, kYes, kYes}, Reach::kEverything},
    {kTaskAdmin, "Explain", {kNo, kNo, kYes, kYes}, Reach::kTasks},
    {kTaskAdmin, "PauseTask", {kNo, kNo, kNo, kYes}, Reach::kTasks},
    {kTaskAdmin, "UnpauseTask", {kNo, kNo, kNo, kYes}, Reach::kTasks},
    {kTaskAdmin, "RetryTask", {kNo, kNo, kNo, kYes}, Reach::kTasks},
    {kTaskAdmin, "DeleteTask", {kNo, kNo, kNo, kYes}, Reach::kEverything},
    {kTaskAdmin, "StartJob", {kNo, kNo, kNo, kYes}, Reach::kEverything},
    {kTaskAdmin, "GetJob", {kNo, kNo, kYes, kYes}, Reach::kEverything},
    {kTaskAdmin, "ListJobs", {kNo, kNo, kYes, kYes}, Reach::kEverything},
    {kTaskAdmin, "StopJob", {kNo, kNo, kNo, kYes}, Reach::kEverything},
    {kTaskAdmin, "ListWorkers", {kNo, kNo, kYes, kYes}, Reach::kEverything},
    {kTaskAdmin, "DrainWorker", {kNo, kNo, kNo, kYes}, Reach::kEverything},
    {kTaskAdmin, "ListTypes", {kNo, kNo, kYes, kYes}, Reach::kAnswer},
    {kTaskAdmin, "PauseType", {kNo, kNo, kNo, kYes}, Reach::kTypes},
    {kTaskAdmin, "UnpauseType", {kNo, kNo, kNo, kYes}, Reach::kTypes},
    {kTaskAdmin, "SetTypeLimit", {kNo, kNo, kNo, kYes}, Reach::kTypes},
    {kTaskAdmin, "CreateSchedule", {kNo, kNo, kNo, kYes}, Reach::kSchedule},
    {kTaskAdmin, "GetSchedule", {kNo, kNo, kYes, kYes}, Reach::kSchedule},
    {kTaskAdmin, "ListSchedules", {kNo, kNo, kYes, kYes}, Reach::kAnswer},
    {kTaskAdmin, "PauseSchedule", {kNo, kNo, kNo, kYes}, Reach::kSchedule},
    {kTaskAdmin, "UnpauseSchedule", {kNo, kNo, kNo, kYes}, Reach::kSchedule},
    {kTaskAdmin, "TriggerSchedule", {kNo, kNo, kNo, kYes}, Reach::kSchedule},
    {kTaskAdmin, "DeleteSchedule", {kNo, kNo, kNo, kYes}, Reach::kSchedule},
    {kTaskAdmin, "PreviewSchedule", {kNo, kNo, kYes, kYes}, Reach::kNothing},
    {kTaskAdmin, "GetStatistics", {kNo, kNo, kYes, kYes}, Reach::kAnswer},
    {kTaskAdmin, "CountTasks", {kNo, kNo, kYes, kYes}, Reach::kAnswer},
    {kTaskAdmin, "CreateBackup", {kNo, kNo, kNo, kYes}, Reach::kEverything},
    {kTaskAdmin, "ListBackups", {kNo, kNo, kYes, kYes}, Reach::kEverything},
    {kTaskAdmin, "GetServerInfo", {kNo, kNo, kYes, kYes}, Reach::kNothing},
    {kAccessAdmin, "CreateToken", {kNo, kNo, kNo, kYes}, Reach::kEverything},
    {kAccessAdmin, "ListTokens", {kNo, kNo, kNo, kYes}, Reach::kEverything},
    {kAccessAdmin, "RotateToken", {kNo, kNo, kNo, kYes}, Reach::kEverything},
    {kAccessAdmin, "RevokeToken", {kNo, kNo, kNo, kYes}, Reach::kEverything},
};
// clang-format on

constexpr Right kAnyRole = {"grpc", "reflection", {kYes, kYes, kYes, kYes}, Reach::kNothing};

const char* TextOf(Grant grant) {
  switch (grant) {
    case kNo:
      return "";
    case kOwn:
      return "own";
    case kYes:
      return "yes";
  }
  return "";
}

const char* TextOf(Reach reach) {
  switch (reach) {
    case Reach::kNothing:
      return "not limited";
    case Reach::kTypes:
      return "types of new tasks and handlers";
    case Reach::kTasks:
      return "the tasks named";
    case Reach::kSchedule:
      return "the schedule named";
    case Reach::kAnswer:
      return "what is answered";
    case Reach::kEverything:
      return "refused";
  }
  return "";
}

const Right* FindRight(const google::protobuf::MethodDescriptor& method) {
  const auto* found = std::find_if(std::begin(kRights), std::end(kRights), [&method](const Right& right) {
    return method.name() == right.method && method.service()->full_name() == right.service;
  });
  return found == std::end(kRights) ? nullptr : found;
}

}  // namespace

absl::Span<const Right> AllRights() { return kRights; }

const Right& RightOf(const google::protobuf::MethodDescriptor& method) {
  const Right* right = FindRight(method);
  BATON_CHECK(right != nullptr, absl::StrCat(method.full_name(), " is not in broker/server/access/rights_table.cc"));
  return *right;
}

const Right& AnyRole() { return kAnyRole; }

void CheckRights(const std::vector<const google::protobuf::ServiceDescriptor*>& services) {
  size_t methods = 0;
  for (const auto* service : services) {
    for (int i = 0; i < service->method_count(); ++i) RightOf(*service->method(i));
    methods += static_cast<size_t>(service->method_count());
  }
  BATON_CHECK(methods == std::size(kRights),
              "broker/server/access/rights_table.cc has a method twice, or of no service");
}

std::string RightsAsText() {
  std::string text = "| call |";
  for (const char* role : kRoleNames) absl::StrAppend(&text, " ", role, " |");
  absl::StrAppend(&text, " limited by type prefixes |\n| --- | --- | --- | --- | --- | --- |\n");
  for (const Right& right : kRights) {
    const std::string service = right.service;
    absl::StrAppend(&text, "| ", service.substr(service.rfind('.') + 1), ".", right.method, " |");
    for (const Grant grant : right.grants) absl::StrAppend(&text, " ", TextOf(grant), " |");
    absl::StrAppend(&text, " ", TextOf(right.reach), " |\n");
  }
  return text;
}

}  // namespace baton::server
