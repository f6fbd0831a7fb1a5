#include "broker/service/jobs.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "tests/unit/service/decoding_fixture.h"

namespace baton::service {
namespace {

using records::v1::JobRow;

template <typename Command>
class NoAnswer final : public Command {
 public:
  void Answer() override {}
};

class JobsTest : public DecodingTest {
 protected:
  static v1::StartJobRequest Tagged(v1::JobVerb verb) {
    v1::StartJobRequest request;
    request.set_verb(verb);
    request.mutable_filter()->set_tag("batch");
    return request;
  }
  static Error Decode(const v1::StartJobRequest& request, JobRow* row = nullptr) {
    NoAnswer<engine::StartJobCommand> command;
    Error error = DecodeStartJob(request, &command);
    if (row != nullptr) *row = command.row;
    return error;
  }
  static std::vector<int> StatesOf(const JobRow& row) {
    v1::TaskFilter filter;
    EXPECT_TRUE(filter.ParseFromString(row.filter()));
    return {filter.states().begin(), filter.states().end()};
  }
};

TEST_F(JobsTest, ADeleteNamesItsTask) {
  NoAnswer<engine::DeleteCommand> command;
  v1::DeleteTaskRequest request;
  EXPECT_THAT(DecodeDelete(request, &command), Refuses("FIELD_REQUIRED", "task_id"));
  request.set_task_id(5);
  request.set_reason(std::string(1025, 'r'));
  EXPECT_THAT(DecodeDelete(request, &command), Refuses("FIELD_TOO_LONG", "reason"));
  request.set_reason("tidy");
  ASSERT_THAT(DecodeDelete(request, &command), IsOk());
  EXPECT_EQ(command.task, 5u);
  EXPECT_EQ(command.reason, "tidy");
  command.root = 4;
  command.tasks = 3;
  v1::DeleteTaskResponse response;
  EncodeDelete(command, &response);
  EXPECT_EQ(response.root_id(), 4u);
  EXPECT_EQ(response.tasks(), 3u);
}

TEST_F(JobsTest, AJobNeedsAVerbAndAFilter) {  // B244, S65
  EXPECT_THAT(Decode(Tagged(v1::JOB_VERB_UNSPECIFIED)), Refuses("FIELD_REQUIRED", "verb"));
  EXPECT_THAT(Decode(Tagged(static_cast<v1::JobVerb>(99))), Refuses("FIELD_REQUIRED", "99"));
  v1::StartJobRequest request;
  request.set_verb(v1::JOB_VERB_CANCEL);
  EXPECT_THAT(Decode(request), Refuses("EMPTY_FILTER", "all"));
  request.mutable_filter();
  EXPECT_THAT(Decode(request), Refuses("EMPTY_FILTER", "every task"));
  request.set_all(true);
  EXPECT_THAT(Decode(request), IsOk());
  request = Tagged(v1::JOB_VERB_CANCEL);
  EXPECT_THAT(Decode(request), IsOk());
  request.set_reason(std::string(1025, 'r'));
  EXPECT_THAT(Decode(request), Refuses("FIELD_TOO_LONG", "reason"));
  request = Tagged(v1::JOB_VERB_CANCEL);
  request.mutable_filter()->set_type("a b");
  EXPECT_THAT(Decode(request), Refuses("BAD_FILTER", "filter.type"));
}

TEST_F(JobsTest, AConditionThatIsNotKnownIsNotLeftOut) {  // B244
  v1::StartJobRequest request = Tagged(v1::JOB_VERB_DELETE);
  v1::TaskFilter& filter = *request.mutable_filter();
  filter.GetReflection()->MutableUnknownFields(&filter)->AddVarint(100, 1);
  EXPECT_THAT(Decode(request), Refuses("BAD_FILTER", "does not know"));
}

TEST_F(JobsTest, StatesInWhichTheVerbCanDoNothingAreRefused) {
  const struct {
    v1::JobVerb verb;
    std::vector<v1::TaskState> possible;
    const char* cure;
  } kCases[] = {
      {v1::JOB_VERB_CANCEL,
       {v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_SUSPENDED, v1::TASK_STATE_PAUSED},
       "name none but TASK_STATE_PENDING, TASK_STATE_RUNNING, TASK_STATE_SUSPENDED, TASK_STATE_PAUSED"},
      {v1::JOB_VERB_PAUSE,
       {v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_SUSPENDED},
       "name none but TASK_STATE_PENDING, TASK_STATE_RUNNING, TASK_STATE_SUSPENDED"},
      {v1::JOB_VERB_UNPAUSE, {v1::TASK_STATE_PAUSED}, "name none but TASK_STATE_PAUSED"},
      {v1::JOB_VERB_RETRY,
       {v1::TASK_STATE_PERMANENTLY_FAILED, v1::TASK_STATE_CANCELLED},
       "name none but TASK_STATE_PERMANENTLY_FAILED, TASK_STATE_CANCELLED"},
      {v1::JOB_VERB_DELETE,
       {v1::TASK_STATE_COMPLETED, v1::TASK_STATE_PERMANENTLY_FAILED, v1::TASK_STATE_CANCELLED},
       "name none but TASK_STATE_COMPLETED, TASK_STATE_PERMANENTLY_FAILED, TASK_STATE_CANCELLED"},
  };
  for (const auto& test : kCases) {
    for (int number = v1::TASK_STATE_PENDING; number <= v1::TASK_STATE_PAUSED; ++number) {
      const auto state = static_cast<v1::TaskState>(number);
      v1::StartJobRequest request = Tagged(test.verb);
      request.mutable_filter()->add_states(test.possible.front());
      request.mutable_filter()->add_states(state);
      const Error error = Decode(request);
      if (std::find(test.possible.begin(), test.possible.end(), state) != test.possible.end()) {
        EXPECT_THAT(error, IsOk()) << v1::JobVerb_Name(test.verb);
        continue;
      }
      EXPECT_THAT(error, Refuses("BAD_FILTER", "filter.states has " + v1::TaskState_Name(state) + ", in which " +
                                                   v1::JobVerb_Name(test.verb) + " can do nothing: " + test.cure));
    }
  }
}

TEST_F(JobsTest, OnlyWhatHasEndedIsDeleted) {  // B239, B244
  for (const v1::TaskState state :
       {v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_SUSPENDED, v1::TASK_STATE_PAUSED}) {
    v1::StartJobRequest request = Tagged(v1::JOB_VERB_DELETE);
    request.mutable_filter()->add_states(v1::TASK_STATE_COMPLETED);
    request.mutable_filter()->add_states(state);
    EXPECT_THAT(Decode(request), Refuses("BAD_FILTER", v1::TaskState_Name(state)));
  }
  v1::StartJobRequest request = Tagged(v1::JOB_VERB_DELETE);
  request.mutable_filter()->add_states(v1::TASK_STATE_CANCELLED);
  JobRow row;
  ASSERT_THAT(Decode(request, &row), IsOk());
  EXPECT_THAT(StatesOf(row), ::testing::ElementsAre(v1::TASK_STATE_CANCELLED));
}

TEST_F(JobsTest, OnlyARetryBeginsFromTheStart) {
  v1::StartJobRequest request = Tagged(v1::JOB_VERB_PAUSE);
  request.set_from_start(true);
  EXPECT_THAT(Decode(request), Refuses("BAD_JOB", "from_start"));
  request.set_verb(v1::JOB_VERB_RETRY);
  JobRow row;
  ASSERT_THAT(Decode(request, &row), IsOk());
  EXPECT_TRUE(row.from_start());
}

TEST_F(JobsTest, StatesAreThoseInWhichTheVerbCanDoSomething) {
  const struct {
    v1::JobVerb verb;
    JobRow::Verb stored;
    std::vector<int> states;
  } kCases[] = {
      {v1::JOB_VERB_CANCEL,
       JobRow::CANCEL,
       {v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_SUSPENDED, v1::TASK_STATE_PAUSED}},
      {v1::JOB_VERB_PAUSE, JobRow::PAUSE, {v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_SUSPENDED}},
      {v1::JOB_VERB_UNPAUSE, JobRow::UNPAUSE, {v1::TASK_STATE_PAUSED}},
      {v1::JOB_VERB_RETRY, JobRow::RETRY, {v1::TASK_STATE_PERMANENTLY_FAILED}},
      {v1::JOB_VERB_DELETE,
       JobRow::DELETE,
       {v1::TASK_STATE_COMPLETED, v1::TASK_STATE_PERMANENTLY_FAILED, v1::TASK_STATE_CANCELLED}},
  };
  for (const auto& test : kCases) {
    JobRow row;
    ASSERT_THAT(Decode(Tagged(test.verb), &row), IsOk());
    EXPECT_EQ(row.verb(), test.stored);
    EXPECT_THAT(StatesOf(row), ::testing::UnorderedElementsAreArray(test.states));
  }
  v1::StartJobRequest request = Tagged(v1::JOB_VERB_RETRY);
  for (int i = 0; i < 1000; ++i) request.mutable_filter()->add_states(v1::TASK_STATE_CANCELLED);
  JobRow row;
  ASSERT_THAT(Decode(request, &row), IsOk());
  EXPECT_THAT(StatesOf(row), ::testing::ElementsAre(v1::TASK_STATE_CANCELLED)) << "what is asked for stands, once";
}

TEST_F(JobsTest, AJobIsToldAsItIs) {
  NoAnswer<engine::StartJobCommand> start;
  v1::StartJobRequest request = Tagged(v1::JOB_VERB_UNPAUSE);
  request.set_reason("mail is back");
  request.set_dry_run(true);
  ASSERT_THAT(DecodeStartJob(request, &start), IsOk());
  start.job = {7, start.row};
  JobRow& row = start.job.row;
  row.set_actor("local");
  row.set_started_us(kNow);
  row.set_ids(100);
  row.mutable_search()->set_count(40);
  row.set_matched(6);
  row.set_changed(3);
  row.set_refused(2);
  v1::StartJobResponse response;
  EncodeStartJob(start, &response);
  const v1::Job& job = response.job();
  EXPECT_EQ(job.id(), 7u);
  EXPECT_EQ(job.verb(), v1::JOB_VERB_UNPAUSE);
  EXPECT_EQ(job.filter().tag(), "batch");
  EXPECT_EQ(job.reason(), "mail is back");
  EXPECT_EQ(job.actor(), "local");
  EXPECT_TRUE(job.dry_run());
  EXPECT_EQ(job.state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(job.started_at().seconds(), kNow / kSecond);
  EXPECT_FALSE(job.has_ended_at());
  EXPECT_EQ(job.ids(), 100u);
  EXPECT_EQ(job.ids_left(), 40u);
  EXPECT_EQ(job.matched(), 6u);
  EXPECT_EQ(job.changed(), 3u);
  EXPECT_EQ(job.refused(), 2u);
}

TEST_F(JobsTest, AJobIsRunningDoneOrStopped) {
  NoAnswer<engine::ListJobsCommand> list;
  list.jobs.resize(3);
  list.jobs[0].row.set_stopped(true);
  list.jobs[1].row.set_ended_us(kNow);
  list.jobs[2].row.set_ended_us(kNow);
  list.jobs[2].row.set_stopped(true);
  v1::ListJobsResponse response;
  EncodeListJobs(list, &response);
  ASSERT_EQ(response.jobs_size(), 3);
  EXPECT_EQ(response.jobs(0).state(), v1::JOB_STATE_STOPPED);
  EXPECT_FALSE(response.jobs(0).has_ended_at());
  EXPECT_EQ(response.jobs(1).state(), v1::JOB_STATE_DONE);
  EXPECT_EQ(response.jobs(2).state(), v1::JOB_STATE_STOPPED);
  EXPECT_TRUE(response.jobs(2).has_ended_at());
}

TEST_F(JobsTest, AJobIsAskedForByItsId) {
  NoAnswer<engine::ListJobsCommand> get;
  NoAnswer<engine::StopJobCommand> stop;
  EXPECT_THAT(DecodeGetJob(v1::GetJobRequest(), &get), Refuses("FIELD_REQUIRED", "job_id"));
  EXPECT_THAT(DecodeStopJob(v1::StopJobRequest(), &stop), Refuses("FIELD_REQUIRED", "job_id"));
  v1::GetJobRequest request;
  request.set_job_id(3);
  ASSERT_THAT(DecodeGetJob(request, &get), IsOk());
  EXPECT_EQ(get.number, 3u);
}

}  // namespace
}  // namespace baton::service
