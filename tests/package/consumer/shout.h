#include <baton/worker.h>

inline baton::Outcome Shout(baton::Task& task) {
  if (task.payload().bytes().empty()) return baton::Error("nothing to shout");
  return task.payload().bytes() + "!";
}
