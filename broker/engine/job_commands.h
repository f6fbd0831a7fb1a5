// Commands whose work is done by jobs: bit by bit, over many commits.
#ifndef BATON_BROKER_ENGINE_JOB_COMMANDS_H_
#define BATON_BROKER_ENGINE_JOB_COMMANDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "baton/records/v1/records.pb.h"
#include "broker/engine/command.h"

namespace baton::engine {

// Removes the whole workflow of a task, all of which has ended, within moments.
class DeleteCommand : public Command {
 public:
  DeleteCommand() : Command(Kind::kDelete, Lane::kControl) {}
  TaskId task = 0;
  std::string reason;

  TaskId root = 0;
  uint64_t tasks = 0;  // Of the workflow.
};

struct JobView {
  uint64_t number = 0;
  records::v1::JobRow row;  // Without ranges.
};

class StartJobCommand : public Command {
 public:
  StartJobCommand() : Command(Kind::kStartJob, Lane::kControl) {}
  // Verb, filter, reason, dry_run and from_start.
  records::v1::JobRow row;

  JobView job;
};

// What it has begun with is still brought to an end.
class StopJobCommand : public Command {
 public:
  StopJobCommand() : Command(Kind::kStopJob, Lane::kControl) {}
  uint64_t number = 0;

  JobView job;
};

class ListJobsCommand : public Command {
 public:
  ListJobsCommand() : Command(Kind::kListJobs, Lane::kControl) {}
  uint64_t number = 0;  // 0: all.

  std::vector<JobView> jobs;  // The newest first.
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_JOB_COMMANDS_H_
