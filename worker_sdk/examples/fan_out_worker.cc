// A fan-out of which a part may fail: `resize_all` has every picture resized by a child of its own. Children that fail
// for good do not fail their parent: it sees every outcome and decides.
#include <baton/worker.h>

#include "absl/synchronization/mutex.h"
#include "nlohmann/json.hpp"

namespace {

using Json = nlohmann::json;

baton::Outcome ResizeAll(baton::Task& task) {
  if (task.stage() == 0) {
    std::vector<baton::NewTask> children;
    for (const Json& picture : Json::parse(task.payload().bytes())) {
      children.push_back({.type = "resize", .payload = picture.get<std::string>()});
    }
    return task.Next(std::move(children));
  }
  Json done = Json::array(), failed = Json::object();
  for (const baton::ChildOutcome& child : task.Children()) {
    if (child.completed()) {
      done.push_back(child.result.bytes());
    } else {
      failed["picture " + std::to_string(child.index)] = child.error;
    }
  }
  // More than half is good enough.
  if (done.size() <= failed.size()) return baton::FinalError("too many pictures failed: " + failed.dump());
  return baton::Payload::Json(Json{{"resized", done}, {"failed", failed}}.dump());
}

baton::Outcome Resize(baton::Task& task) {
  const std::string& picture = task.payload().bytes();
  if (picture.ends_with(".txt")) return baton::FinalError(picture + " is not a picture");
  return "small-" + picture;
}

}  // namespace

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // gRPC's locks cost a quarter without it
  baton::Worker worker;
  absl::Status used = worker.Use("resize_all", ResizeAll);
  used.Update(worker.Use("resize", Resize));
  if (!used.ok()) return 2;
  worker.ShutdownOnSignals();
  const absl::Status status = worker.Run();
  if (!status.ok()) baton::LogToStderr(baton::LogLevel::kError, status.ToString());
  return status.ok() ? 0 : 1;
}
