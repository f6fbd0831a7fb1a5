#include "broker/service/read/task_finder.h"

#include <algorithm>

#include "absl/status/status.h"
#include "broker/engine/limits.h"
#include "broker/service/read/task_search.h"

namespace baton::service {
namespace {

class Finder final : public TaskSearch {
 public:
  Finder(const engine::View& view, const v1::TaskFilter& filter, const engine::LoadRequest& request,
         const FinderLimits& limits)
      : TaskSearch(view, filter), limits_(limits), first_(request.range.first), roots_only_(request.roots_only) {
    matches_.rest = {first_, 0};
  }

  engine::Matches Run(TaskId newest) {
    // What is damaged in the rows that tell where to look: nothing is done rather than too much.
    const Error error = From(newest);
    if (!error.ok()) matches_.rest = {first_, 0};
    std::reverse(matches_.ids.begin(), matches_.ids.end());
    return std::move(matches_);
  }

 private:
  Error Look(TaskFacts* facts) override {
    ++rows_;
    if (facts->id < first_) return {};
    bool matches = false;
    Error error = LoadTaskRow(view(), facts);
    if (error.ok()) error = filter().Matches(facts, &matches);
    if (error.code == absl::StatusCode::kNotFound) return {};
    if (matches && !(roots_only_ && facts->row.parent() != 0)) matches_.ids.push_back(facts->id);
    return error;
  }

  void Passed(TaskId id) override {
    if (matches_.ids.size() >= limits_.matches || rows_ >= limits_.rows || id <= first_) EndAt(id);
  }

  void PassedPage(TaskId id) override {
    if (++pages_ >= limits_.pages || id <= first_) EndAt(id);
  }

  Error Damage(Error) override { return {}; }

  // All from `id` on were looked at.
  void EndAt(TaskId id) {
    matches_.rest.count = id > first_ ? id - first_ : 0;
    End();
  }

  const FinderLimits& limits_;
  const TaskId first_;
  const bool roots_only_;
  engine::Matches matches_;
  size_t rows_ = 0;
  size_t pages_ = 0;
};

}  // namespace

const FinderLimits kFinderLimits = {engine::kWorkBounds.round_job_steps, 2048, 64};

bool IsUnderstood(const v1::TaskFilter& filter) { return filter.GetReflection()->GetUnknownFields(filter).empty(); }

engine::Matches FindTasks(const engine::View& view, const engine::LoadRequest& request, const FinderLimits& limits) {
  v1::TaskFilter filter;
  if (!filter.ParseFromString(request.filter) || !IsUnderstood(filter)) return {{}, {request.range.first, 0}};
  return Finder(view, filter, request, limits).Run(request.range.first + request.range.count - 1);
}

}  // namespace baton::service
