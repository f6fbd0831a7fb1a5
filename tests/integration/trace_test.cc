// The trace context of a task over the wire: from whoever submits it to its handler, and on to its children.
#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

// Two of one trace.
constexpr char kOfTheRequest[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr char kOfAChild[] = "00-0af7651916cd43dd8448eb211c80319c-00000000000000c1-01";

class TraceContextTest : public BrokerTest {
 protected:
  static v1::NewTask Traced(const std::string& type) {
    v1::NewTask task;
    task.set_type(type);
    task.set_trace_parent(kOfTheRequest);
    task.set_trace_state("rojo=1");
    return task;
  }

  // One task without a trace context of its own, by a call with this metadata; its id.
  uint64_t SubmitWith(const std::vector<std::pair<std::string, std::string>>& metadata,
                      const std::string& request_id = "") {
    TestContext context;
    for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
    v1::SubmitRequest request;
    v1::SubmitResponse response;
    request.set_request_id(request_id);
    request.add_tasks()->set_type("render");
    EXPECT_THAT(tasks().Submit(&context, request, &response), IsOk());
    return response.results_size() == 1 ? response.results(0).task_id() : 0;
  }
};

TEST_F(TraceContextTest, ItComesToTheHandlerAndIsShown) {
  const uint64_t id = Submit(Traced("render"));
  const uint64_t untraced = Submit("render");
  Restart();
  auto worker = Connect("w1", "render");
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  EXPECT_EQ(delivery->task_id(), id);
  EXPECT_EQ(delivery->trace_parent(), kOfTheRequest);
  EXPECT_EQ(delivery->trace_state(), "rojo=1");
  EXPECT_EQ(Get(id).trace_parent(), kOfTheRequest);
  EXPECT_EQ(Get(id).trace_state(), "rojo=1");
  EXPECT_EQ(Get(untraced).trace_parent(), "");
  EXPECT_EQ(Get(untraced).trace_state(), "");
}

TEST_F(TraceContextTest, ChildrenHaveThatOfTheirParentUnlessTheyHaveOne) {
  const uint64_t id = Submit(Traced("parent"));
  auto parents = Connect("p", "parent");
  auto children = Connect("c", "child");
  const auto delivery = parents->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  {
    TestContext context;
    v1::SpawnChildrenRequest part;
    v1::SpawnChildrenResponse response;
    part.set_attempt_token(delivery->attempt_token());
    part.set_part(1);
    part.add_children()->set_type("child");
    ASSERT_THAT(tasks().SpawnChildren(&context, part, &response), IsOk());
  }
  v1::Outcome spawn;
  spawn.set_attempt_token(delivery->attempt_token());
  spawn.mutable_spawned()->set_parts(1);
  spawn.mutable_spawned()->add_children()->set_type("child");
  v1::NewTask* own = spawn.mutable_spawned()->add_children();
  own->set_type("child");
  own->set_trace_parent(kOfAChild);
  ASSERT_EQ(Complete(*parents, spawn).code(), 0);
  const std::vector<v1::Delivery> delivered = children->Deliveries(3);
  ASSERT_EQ(delivered.size(), 3u);
  for (const v1::Delivery& child : delivered) {
    const bool has_its_own = child.task_id() == id + 3;
    EXPECT_EQ(child.trace_parent(), has_its_own ? kOfAChild : kOfTheRequest) << child.task_id();
    EXPECT_EQ(child.trace_state(), has_its_own ? "" : "rojo=1") << child.task_id();
  }
}

TEST_F(TraceContextTest, AMalformedOneIsRefusedAndCreatesNothing) {
  v1::NewTask task = Traced("render");
  task.set_trace_parent("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01");
  EXPECT_THAT(TrySubmit(task).error(), IsError(3, "BAD_TRACE_CONTEXT", "tasks[0].trace_parent is '00-0AF7"));
  EXPECT_EQ(TrySubmit(task).task_id(), 0u);
}

TEST_F(TraceContextTest, ATaskWithoutOneHasThatOfTheCall) {
  const uint64_t id = SubmitWith({{"traceparent", kOfTheRequest}, {"tracestate", "rojo=1"}, {"tracestate", "congo=2"}});
  EXPECT_EQ(Get(id).trace_parent(), kOfTheRequest);
  EXPECT_EQ(Get(id).trace_state(), "rojo=1,congo=2");

  TestContext context;
  context.AddMetadata("traceparent", kOfTheRequest);
  v1::SubmitRequest request;
  v1::SubmitResponse response;
  request.add_tasks()->set_type("render");
  request.mutable_tasks(0)->set_trace_parent(kOfAChild);
  ASSERT_THAT(tasks().Submit(&context, request, &response), IsOk());
  EXPECT_EQ(Get(response.results(0).task_id()).trace_parent(), kOfAChild) << "its own goes before";
}

TEST_F(TraceContextTest, AMalformedOneOfTheCallIsIgnored) {
  EXPECT_EQ(Get(SubmitWith({{"traceparent", "no"}, {"tracestate", "rojo=1"}})).trace_parent(), "");
  EXPECT_EQ(Get(SubmitWith({{"tracestate", "rojo=1"}})).trace_state(), "");
  const v1::Task task = Get(SubmitWith({{"traceparent", kOfTheRequest}, {"tracestate", std::string(513, 's')}}));
  EXPECT_EQ(task.trace_parent(), kOfTheRequest);
  EXPECT_EQ(task.trace_state(), "");
}

TEST_F(TraceContextTest, ARepeatedCallMayHaveAnother) {
  const uint64_t id = SubmitWith({{"traceparent", kOfTheRequest}}, "r-1");
  EXPECT_EQ(SubmitWith({{"traceparent", kOfAChild}}, "r-1"), id);
  EXPECT_EQ(Get(id).trace_parent(), kOfTheRequest);
}

}  // namespace
}  // namespace baton
