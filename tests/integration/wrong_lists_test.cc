// Wrong conditions of counts and of lists of workers.
#include "tests/integration/wrong_request.h"

namespace baton {
namespace {

TEST_F(WrongRequestTest, CountTasks) {
  const char* kCount = "TaskAdmin.CountTasks";
  SendAll({
      Row("an invented token", kCount, "page_token: 'invented'", kInvalid, "BAD_PAGE_TOKEN",
          {"page_token 'invented'", "start over"}),
      Row("the token of a list", kCount, "page_token: '<page of tasks>'", kInvalid, "BAD_PAGE_TOKEN",
          {"<page of tasks>", "not from this list"}),
      Row("state 0", kCount, "filter { states: 0 }", kInvalid, "BAD_FILTER", {"filter.states has 0"}),
      Row("an unknown state", kCount, "filter { states: 99 } group_by_tag: true", kInvalid, "BAD_FILTER",
          {"filter.states has 99", "TaskState"}),
      Row("an overlong tag", kCount, "filter { tag: '<129 letters>' }", kInvalid, "BAD_FILTER",
          {"filter.tag is 'xxx", "128"}),
      Row("times the wrong way round", kCount, "filter { ended_since { seconds: 9 } ended_before { seconds: 8 } }",
          kInvalid, "BAD_FILTER", {"filter.ended_since is not before filter.ended_before", "exchange them"}),
  });
}

TEST_F(WrongRequestTest, ListWorkers) {  // B199
  const char* kList = "TaskAdmin.ListWorkers";
  std::string many;
  for (int i = 0; i < 17; ++i) many += "capabilities: 'GPU' ";
  SendAll({
      Row("state 0", kList, "filter { states: 0 }", kInvalid, "BAD_FILTER", {"filter.states has 0"}),
      Row("an unknown state", kList, "filter { states: 1 states: 99 }", kInvalid, "BAD_FILTER",
          {"filter.states has 99", "WorkerState"}),
      Row("a badly spelt pod", kList, "filter { pod_id: 'a b' }", kInvalid, "BAD_NAME",
          {"filter.pod_id is 'a b'", "only letters"}),
      Row("an overlong pod", kList, "filter { pod_id: '<129 letters>' }", kInvalid, "FIELD_TOO_LONG",
          {"filter.pod_id has 129", "128"}),
      Row("a badly spelt type", kList, "filter { type: 'a b' }", kInvalid, "BAD_NAME", {"filter.type is 'a b'"}),
      Row("an empty capability", kList, "filter { capabilities: 'GPU' capabilities: '' }", kInvalid, "FIELD_REQUIRED",
          {"filter.capabilities[1] is required"}),
      Row("too many capabilities", kList, "filter { " + many + "}", kInvalid, "TOO_MANY_ITEMS",
          {"filter.capabilities has 17", "16"}),
      Row("a negative page size", kList, "page_size: -1", kInvalid, "PAGE_SIZE", {"page_size is -1"}),
      Row("too large a page size", kList, "page_size: 1001", kInvalid, "PAGE_SIZE", {"page_size is 1001", "1 to 1000"}),
      Row("an invented token", kList, "page_token: 'invented'", kInvalid, "BAD_PAGE_TOKEN",
          {"page_token 'invented'", "start over"}),
      Row("the token of another list", kList, "page_token: '<page of tasks>'", kInvalid, "BAD_PAGE_TOKEN",
          {"<page of tasks>", "not from this list"}),
  });
}

}  // namespace
}  // namespace baton
