// Fan-outs: every picture is resized by a child of its own. `resize_all` makes do without what fails: children that
// fail for good do not fail their parent, which sees every outcome and decides. `make_album` needs all of them: with
// fail_fast the first failure fails the parent at once and cancels the other children.
#include <baton/worker.h>

#include "absl/synchronization/mutex.h"
#include "nlohmann/json.hpp"

namespace {

using Json = nlohmann::json;

std::vector<baton::NewTask> OneForEach(const baton::Payload& pictures) {
  std::vector<baton::NewTask> children;
  for (const Json& picture : Json::parse(pictures.bytes())) {
    children.push_back({.type = "resize", .payload = picture.get<std::string>()});
  }
  return children;
}

baton::Outcome ResizeAll(baton::Task& task) {
  if (task.stage() == 0) return task.Next(OneForEach(task.payload()));
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

baton::Outcome MakeAlbum(baton::Task& task) {
  if (task.stage() == 0) return task.Next(OneForEach(task.payload()), {.fail_fast = true});
  // It comes here only if every picture is there.
  Json pages = Json::array();
  for (const baton::ChildOutcome& child : task.Children()) pages.push_back(child.result.bytes());
  return baton::Payload::Json(Json{{"pages", pages}}.dump());
}

baton::Outcome Resize(baton::Task& task) {
  const std::string& picture = task.payload().bytes();
  if (picture.ends_with(".txt")) return baton::FinalError(picture + " is not a picture");
  // Developing takes long: it is given up when nobody wants the picture any more.
  if (picture.ends_with(".raw") && task.WaitCancelled(absl::Minutes(1))) return {};
  return "small-" + picture;
}

}  // namespace

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // gRPC's locks cost a quarter without it
  baton::Worker worker;
  absl::Status used = worker.Use("resize_all", ResizeAll);
  used.Update(worker.Use("make_album", MakeAlbum));
  used.Update(worker.Use("resize", Resize));
  if (!used.ok()) return 2;
  worker.ShutdownOnSignals();
  const absl::Status status = worker.Run();
  if (!status.ok()) baton::LogToStderr(baton::LogLevel::kError, status.ToString());
  return status.ok() ? 0 : 1;
}
