// Fan-outs: every picture is resized by a child of its own. `resize_all` makes do without what fails: children that
// fail for good do not fail their parent, which sees every outcome and decides. `make_album` needs all of them: with
// fail_fast the first failure fails the parent at once and cancels the other children.
#ifndef BATON_EXAMPLES_FAN_OUT_H_
#define BATON_EXAMPLES_FAN_OUT_H_

#include <baton/worker.h>

#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace examples {

using Json = nlohmann::json;

inline std::vector<baton::NewTask> OneForEach(const baton::Payload& pictures) {
  std::vector<baton::NewTask> children;
  for (const Json& picture : Json::parse(pictures.bytes())) {
    children.push_back({.type = "resize", .payload = picture.get<std::string>()});
  }
  return children;
}

inline baton::Outcome ResizeAll(baton::Task& task) {
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

inline baton::Outcome MakeAlbum(baton::Task& task) {
  if (task.stage() == 0) return task.Next(OneForEach(task.payload()), {.fail_fast = true});
  // It comes here only if every picture is there.
  Json pages = Json::array();
  for (const baton::ChildOutcome& child : task.Children()) pages.push_back(child.result.bytes());
  return baton::Payload::Json(Json{{"pages", pages}}.dump());
}

inline baton::Outcome Resize(baton::Task& task) {
  const std::string& picture = task.payload().bytes();
  if (picture.ends_with(".txt")) return baton::FinalError(picture + " is not a picture");
  // Developing takes long: it is given up when nobody wants the picture any more.
  if (picture.ends_with(".raw") && task.WaitCancelled(absl::Minutes(1))) return {};
  return "small-" + picture;
}

}  // namespace examples

#endif  // BATON_EXAMPLES_FAN_OUT_H_
