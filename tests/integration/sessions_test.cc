// Workers that come, go, break and come back.
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

using grpc::StatusCode;

TEST_F(BrokerTest, TheWelcomeTellsWhatAWorkerNeeds) {  // B188, B262, S114
  auto worker = Connect("w1", "render");
  const v1::Welcome& welcome = worker->welcome();
  EXPECT_NE(welcome.session(), 0u);
  EXPECT_NE(welcome.incarnation(), 0u);
  EXPECT_EQ(welcome.beat_interval_us(), 3 * kSecond);
  EXPECT_EQ(welcome.beat_window_us(), 15 * kSecond);
  EXPECT_EQ(welcome.limits().message_bytes(), 4 << 20);
  EXPECT_EQ(welcome.limits().payload_bytes(), 1 << 20);
  EXPECT_EQ(welcome.broker_version(), "0.1.0");
}

TEST_F(BrokerTest, ABrokenStreamSendsTheTaskToAnotherWorker) {  // S2
  const uint64_t id = Submit("render");
  auto first = Connect("w1", "render");
  const auto lost = first->NextDelivery();
  ASSERT_TRUE(lost.has_value());
  auto second = Connect("w2", "render");
  first->Break();
  const auto moved = second->NextDelivery();
  ASSERT_TRUE(moved.has_value());
  EXPECT_EQ(moved->task_id(), id);
  EXPECT_EQ(moved->attempt(), 2);
  EXPECT_NE(moved->attempt_token(), lost->attempt_token());
  EXPECT_THAT(Succeed(*first, *lost), IsError(10, "ATTEMPT_OVER", ""));
  EXPECT_EQ(Succeed(*second, *moved).code(), 0);
  const v1::Task task = Get(id);
  EXPECT_EQ(task.state(), v1::TASK_STATE_COMPLETED);
  EXPECT_EQ(task.worker_id(), "w2");
  EXPECT_EQ(task.interruptions(), 1);
}

TEST_F(BrokerTest, AWorkerThatClosesItsStreamIsGone) {
  auto worker = Connect("w1", "render");
  EXPECT_THAT(worker->Finish(), IsOk());
  auto again = HelloOf("w1", "render");
  again.set_instance_id("another");
  EXPECT_TRUE(Say(again)->ReadWelcome()) << "its name is free at once";
}

TEST_F(BrokerTest, AWorkerComesBackToItsAttemptsAfterARestart) {
  const uint64_t kept = Submit("render");
  const uint64_t dropped = Submit("render");
  auto before = Connect("w1", "render");
  const std::vector<v1::Delivery> held = before->Deliveries(2);
  ASSERT_EQ(held.size(), 2u);
  before.reset();
  Restart();
  const v1::Delivery& mine = held[0].task_id() == kept ? held[0] : held[1];
  v1::Hello hello = HelloOf("w1", "render");
  hello.add_held_attempt_tokens(mine.attempt_token());
  hello.set_last_delivery(2);
  auto after = Say(hello);
  ASSERT_TRUE(after->ReadWelcome());
  ASSERT_EQ(after->welcome().verdicts_size(), 1);
  EXPECT_EQ(after->welcome().verdicts(0), v1::ATTEMPT_VERDICT_VALID);
  const auto redelivered = after->NextDelivery();
  ASSERT_TRUE(redelivered.has_value()) << "what it no longer holds was lost";
  EXPECT_EQ(redelivered->task_id(), dropped);
  EXPECT_EQ(redelivered->attempt(), 2);
  EXPECT_EQ(Succeed(*after, mine).code(), 0);
  EXPECT_EQ(Get(kept).state(), v1::TASK_STATE_COMPLETED);
  EXPECT_EQ(Get(kept).attempt(), 1);
}

TEST_F(BrokerTest, TokensOfAnotherStoreAreOver) {
  auto worker = Connect("w1", "render");
  v1::Hello hello = HelloOf("w2", "render");
  hello.add_held_attempt_tokens(std::string(20, 'x'));
  auto other = Say(hello);
  ASSERT_TRUE(other->ReadWelcome());
  ASSERT_EQ(other->welcome().verdicts_size(), 1);
  EXPECT_EQ(other->welcome().verdicts(0), v1::ATTEMPT_VERDICT_OVER);
}

TEST_F(BrokerTest, AHeartbeatKeepsAndTakesBack) {
  const uint64_t first = Submit("render");
  auto worker = Connect("w1", "render", 2);
  const auto held = worker->NextDelivery();
  ASSERT_TRUE(held.has_value());
  TestContext context;
  v1::HeartbeatRequest beat;
  v1::HeartbeatResponse answer;
  beat.set_session(worker->session());
  beat.set_instance_id("w1-instance");
  beat.set_number(1);
  beat.set_stream_open(true);
  beat.set_last_delivery(held->number());
  ASSERT_THAT(tasks().Heartbeat(&context, beat, &answer), IsOk());
  EXPECT_FALSE(answer.reconnect());
  const auto again = worker->NextDelivery();
  ASSERT_TRUE(again.has_value()) << "an attempt that was delivered and is not listed was lost";
  EXPECT_EQ(again->task_id(), first);
  EXPECT_EQ(again->attempt(), 2);

  TestContext next_context;
  beat.set_number(2);
  beat.set_last_delivery(again->number());
  beat.add_held()->set_attempt_token(again->attempt_token());
  beat.add_held()->set_attempt_token(held->attempt_token());
  beat.add_held()->set_attempt_token(std::string(20, 'x'));
  ASSERT_THAT(tasks().Heartbeat(&next_context, beat, &answer), IsOk());
  EXPECT_THAT(answer.over(), ::testing::UnorderedElementsAre(held->attempt_token(), std::string(20, 'x')));
}

TEST_F(BrokerTest, AHeartbeatOfAnUnknownSessionIsToldToReconnect) {  // B195
  TestContext context;
  v1::HeartbeatRequest beat;
  v1::HeartbeatResponse answer;
  beat.set_session(12345);
  beat.set_instance_id("i");
  beat.set_number(1);
  ASSERT_THAT(tasks().Heartbeat(&context, beat, &answer), IsOk());
  EXPECT_TRUE(answer.reconnect());
}

TEST_F(BrokerTest, ALiveWorkersNameIsTaken) {
  auto worker = Connect("w1", "render");
  v1::Hello hello = HelloOf("w1", "render");
  hello.set_instance_id("another");
  auto refused = Say(hello);
  EXPECT_FALSE(refused->ReadWelcome());
  EXPECT_THAT(refused->Finish(), FailsWith(StatusCode::ALREADY_EXISTS, "WORKER_ID_IN_USE", "w1"));
}

TEST_F(BrokerTest, ANewerGenerationSupersedesTheOlder) {  // B189
  v1::Hello old_hello = HelloOf("w1", "render");
  old_hello.set_pod_id("pod");
  old_hello.set_pod_generation(1);
  auto older = Say(old_hello);
  ASSERT_TRUE(older->ReadWelcome());
  v1::Hello new_hello = HelloOf("w2", "render");
  new_hello.set_pod_id("pod");
  new_hello.set_pod_generation(2);
  auto newer = Say(new_hello);
  ASSERT_TRUE(newer->ReadWelcome());
  const auto order = older->NextOrder();
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->superseded().by_instance_id(), "w2-instance");
  EXPECT_THAT(older->Finish(), FailsWith(StatusCode::FAILED_PRECONDITION, "SUPERSEDED", "w2-instance"));
  auto late = Say(old_hello);
  EXPECT_FALSE(late->ReadWelcome());
  EXPECT_THAT(late->Finish(), FailsWith(StatusCode::FAILED_PRECONDITION, "SUPERSEDED", ""));
}

TEST_F(BrokerTest, AnUpdateChangesWhatIsHandedOut) {
  const uint64_t id = Submit("encode");
  auto worker = Connect("w1", "render");
  v1::WorkerUpdate update;
  update.set_slots(3);
  update.add_handlers()->set_type("render");
  update.add_handlers()->set_type("encode");
  ASSERT_TRUE(worker->Update(update));
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  EXPECT_EQ(delivery->task_id(), id);
}

TEST_F(BrokerTest, NoMoreThanTheSlotsAreOut) {  // S129
  for (int i = 0; i < 5; ++i) Submit("render");
  auto worker = Connect("w1", "render", 2);
  const std::vector<v1::Delivery> deliveries = worker->Deliveries(2);
  ASSERT_EQ(deliveries.size(), 2u);
  TestContext context;
  v1::ListWorkersResponse workers;
  ASSERT_THAT(admin().ListWorkers(&context, v1::ListWorkersRequest(), &workers), IsOk());
  ASSERT_EQ(workers.workers_size(), 1);
  EXPECT_EQ(workers.workers(0).worker_id(), "w1");
  EXPECT_EQ(workers.workers(0).state(), v1::WORKER_STATE_CONNECTED);
  EXPECT_EQ(workers.workers(0).slots(), 2);
  EXPECT_EQ(workers.workers(0).slots_taken(), 2);
  EXPECT_EQ(workers.workers(0).attempts(), 2);
  EXPECT_EQ(workers.workers(0).task_ids_size(), 2);
  ASSERT_EQ(Succeed(*worker, deliveries[0]).code(), 0);
  EXPECT_TRUE(worker->NextDelivery().has_value()) << "an outcome frees a slot";
}

TEST_F(BrokerTest, WorkersAreListedByTheirConditions) {  // B199
  const auto hello = [](const std::string& name, const std::string& pod, const std::string& type,
                        std::initializer_list<const char*> capabilities) {
    v1::Hello said = HelloOf(name, type);
    said.set_pod_id(pod);
    for (const char* capability : capabilities) said.mutable_worker()->add_capabilities(capability);
    return said;
  };
  std::vector<std::unique_ptr<WorkerStream>> streams;
  for (const v1::Hello& said : {hello("w3", "p1", "render", {"GPU", "SSD"}), hello("w1", "p2", "render", {"GPU"}),
                                hello("w2", "", "encode", {})}) {
    streams.push_back(Say(said));
    ASSERT_TRUE(streams.back()->ReadWelcome());
  }
  v1::DrainWorkerRequest drain;
  v1::DrainWorkerResponse drained;
  drain.set_worker_id("w1");
  TestContext drain_context;
  ASSERT_THAT(admin().DrainWorker(&drain_context, drain, &drained), IsOk());

  const auto listed = [this](const std::function<void(v1::WorkerFilter&)>& set) {
    v1::ListWorkersRequest request;
    v1::ListWorkersResponse response;
    TestContext context;
    set(*request.mutable_filter());
    EXPECT_THAT(admin().ListWorkers(&context, request, &response), IsOk());
    std::vector<std::string> names;
    for (const v1::Worker& worker : response.workers()) names.push_back(worker.worker_id());
    return names;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(listed([](auto&) {}), ElementsAre("w3", "w1", "w2")) << "in the order in which they came";
  EXPECT_THAT(listed([](auto& filter) { filter.set_type("render"); }), ElementsAre("w3", "w1"));
  EXPECT_THAT(listed([](auto& filter) { filter.set_pod_id("p2"); }), ElementsAre("w1"));
  EXPECT_THAT(listed([](auto& filter) { filter.add_states(v1::WORKER_STATE_DRAINING); }), ElementsAre("w1"));
  EXPECT_THAT(listed([](auto& filter) {
                filter.add_states(v1::WORKER_STATE_DRAINING);
                filter.add_states(v1::WORKER_STATE_CONNECTED);
              }),
              ElementsAre("w3", "w1", "w2"));
  EXPECT_THAT(listed([](auto& filter) { filter.add_capabilities("GPU"); }), ElementsAre("w3", "w1"));
  EXPECT_THAT(listed([](auto& filter) {
                filter.add_capabilities("SSD");
                filter.add_capabilities("GPU");
              }),
              ElementsAre("w3"));
  EXPECT_THAT(listed([](auto& filter) {
                filter.set_type("encode");
                filter.add_capabilities("GPU");
              }),
              ::testing::IsEmpty());
}

TEST_F(BrokerTest, DeliveriesOfLargePayloadsAreCutIntoMessages) {
  constexpr int kTasks = 12;
  v1::NewTask task;
  task.set_type("big");
  task.mutable_payload()->set_data(std::string(1 << 20, 'x'));
  for (int i = 0; i < kTasks; ++i) Submit(task);
  auto worker = Connect("w1", "big", kTasks);
  const std::vector<v1::Delivery> deliveries = worker->Deliveries(kTasks);
  ASSERT_EQ(deliveries.size(), static_cast<size_t>(kTasks)) << "the client refuses messages above 4 MiB";
  for (const v1::Delivery& delivery : deliveries) EXPECT_EQ(delivery.payload().data().size(), size_t{1} << 20);
}

}  // namespace
}  // namespace baton
