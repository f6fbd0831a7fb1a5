// Finding tasks for bulk jobs.
#ifndef BATON_BROKER_SERVICE_READ_TASK_FINDER_H_
#define BATON_BROKER_SERVICE_READ_TASK_FINDER_H_

#include <cstddef>

#include "baton/v1/admin.pb.h"
#include "broker/engine/live/loader.h"

namespace baton::service {

// How far one step of a search goes, so that others who wait for the same thread do so for milliseconds.
struct FinderLimits {
  size_t matches;
  size_t rows;   // Of tasks, that are read.
  size_t pages;  // That are gone through.
};
extern const FinderLimits kFinderLimits;

// Every condition of the filter is one that this program knows.
bool IsUnderstood(const v1::TaskFilter& filter);

// An engine::FindMatches: the filter is a TaskFilter, serialized. What cannot be read, be it a task or the filter,
// does not match.
engine::Matches FindTasks(const engine::View& view, const engine::LoadRequest& request,
                          const FinderLimits& limits = kFinderLimits);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_TASK_FINDER_H_
