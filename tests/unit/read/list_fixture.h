// Lists of tasks, asked page by page.
#ifndef BATON_TESTS_UNIT_READ_LIST_FIXTURE_H_
#define BATON_TESTS_UNIT_READ_LIST_FIXTURE_H_

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/read/scene.h"

namespace baton::service::testing {

class ListTest : public ::testing::Test {
 protected:
  std::pair<Error, v1::ListTasksResponse> Ask(const v1::TaskFilter& filter, int page_size = 0,
                                              const std::string& token = "") {
    v1::ListTasksRequest request;
    *request.mutable_filter() = filter;
    request.set_page_size(page_size);
    request.set_page_token(token);
    return scene_.Ask(&ReadService::ListTasks, request);
  }
  std::vector<TaskId> List(const v1::TaskFilter& filter = {}, int page_size = 0) {
    std::vector<TaskId> ids;
    std::string token;
    pages_ = 0;
    do {
      auto [error, page] = Ask(filter, page_size, token);
      EXPECT_TRUE(error.ok()) << error.message;
      for (const v1::Task& task : page.tasks()) ids.push_back(task.id());
      token = page.next_page_token();
      ++pages_;
    } while (!token.empty());
    return ids;
  }
  static v1::TaskFilter States(std::initializer_list<v1::TaskState> states) {
    v1::TaskFilter filter;
    for (const v1::TaskState state : states) filter.add_states(state);
    return filter;
  }
  static v1::TaskFilter Type(const std::string& type) {
    v1::TaskFilter filter;
    filter.set_type(type);
    return filter;
  }
  static v1::TaskFilter Tag(const std::string& tag) {
    v1::TaskFilter filter;
    filter.set_tag(tag);
    return filter;
  }
  static v1::TaskFilter Parent(TaskId id) {
    v1::TaskFilter filter;
    filter.set_parent_id(id);
    return filter;
  }
  static v1::TaskFilter Root(TaskId id) {
    v1::TaskFilter filter;
    filter.set_root_id(id);
    return filter;
  }

  Scene scene_;
  int pages_ = 0;
};

}  // namespace baton::service::testing

#endif  // BATON_TESTS_UNIT_READ_LIST_FIXTURE_H_
