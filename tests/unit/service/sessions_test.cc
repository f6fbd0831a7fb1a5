#include "broker/service/sessions.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/service/attempt_token.h"
#include "broker/service/worker_filter.h"
#include "tests/unit/service/decoding_fixture.h"

namespace baton::service {
namespace {

template <typename Base>
class NoAnswer final : public Base {
 public:
  void Answer() override {}
};

constexpr engine::AttemptId kAttempt{.task = 42, .attempt = 3};

class SessionsTest : public DecodingTest {
 protected:
  static v1::Hello GoodHello() {
    v1::Hello hello;
    hello.set_protocol_version(1);
    hello.set_worker_id("worker-1");
    hello.set_instance_id("i1");
    hello.mutable_worker()->set_slots(10);
    hello.mutable_worker()->add_handlers()->set_type("render");
    return hello;
  }
};

TEST_F(SessionsTest, DecodesAHello) {
  v1::Hello hello = GoodHello();
  hello.set_pod_id("pod");
  hello.set_pod_generation(5);
  hello.set_last_delivery(17);
  hello.mutable_worker()->add_capabilities("GPU");
  hello.mutable_worker()->mutable_handlers(0)->set_max_concurrency(4);
  hello.mutable_worker()->mutable_default_options()->set_max_retries(7);
  hello.mutable_worker()->mutable_default_options()->set_timeout_us(kSecond);
  hello.add_held_attempt_tokens(AttemptTokenOf(kIncarnation, kAttempt));
  hello.add_held_attempt_tokens(AttemptTokenOf(kIncarnation + 1, kAttempt));
  for (const char* type : {"render", "encode"}) hello.add_held_types(type);
  NoAnswer<engine::HelloCommand> command;
  ASSERT_THAT(DecodeHello(decoding_, hello, &command), IsOk());
  EXPECT_EQ(command.worker_id, "worker-1");
  EXPECT_EQ(command.pod_generation, 5u);
  EXPECT_EQ(command.worker.slots, 10u);
  EXPECT_EQ(command.worker.handlers.at(0).type, "render");
  EXPECT_EQ(command.worker.handlers.at(0).max_concurrency, 4u);
  EXPECT_EQ(command.worker.capabilities, engine::Capabilities{"GPU"});
  EXPECT_EQ(command.worker.default_options.max_retries, 7);
  EXPECT_FALSE(command.worker.default_options.timeout.has_value()) << "only the retry strategy is read";
  ASSERT_EQ(command.held.size(), 2u);
  EXPECT_EQ(command.held[0], kAttempt);
  EXPECT_EQ(command.held[1].task, 0u) << "of another store";
  EXPECT_EQ(command.held_types, (std::vector<std::string>{"render", "encode"}));
}

TEST_F(SessionsTest, OfTheDefaultOptionsOnlyTheRetryStrategyIsRead) {
  v1::Hello hello = GoodHello();
  v1::TaskOptions* wire = hello.mutable_worker()->mutable_default_options();
  wire->set_max_retries(7);
  wire->set_retry_interval_us(kSecond);
  wire->set_retry_backoff(v1::RETRY_BACKOFF_EXPONENTIAL);
  wire->set_retry_interval_cap_us(kMinute);
  wire->set_retry_jitter(0.5);
  for (const Micros time : {kSecond, Micros{-1}}) {  // Those that are not read are not checked either.
    wire->set_priority(time > 0 ? 3 : 1000);
    wire->set_timeout_us(time);
    wire->set_progress_timeout_us(time);
    wire->mutable_required_capabilities()->add_names(time > 0 ? "GPU" : "a b");
    NoAnswer<engine::HelloCommand> command;
    ASSERT_THAT(DecodeHello(decoding_, hello, &command), IsOk());
    const engine::Options& options = command.worker.default_options;
    EXPECT_EQ(options.max_retries, 7);
    EXPECT_EQ(options.retry_interval, kSecond);
    EXPECT_EQ(options.retry_backoff, engine::Backoff::kExponential);
    EXPECT_EQ(options.retry_interval_cap, kMinute);
    EXPECT_EQ(options.retry_jitter, 0.5);
    EXPECT_FALSE(options.priority.has_value());
    EXPECT_FALSE(options.timeout.has_value());
    EXPECT_FALSE(options.progress_timeout.has_value());
    EXPECT_FALSE(options.required_capabilities.has_value());
  }
}

TEST_F(SessionsTest, RefusesABadHelloByName) {  // B199
  const struct {
    const char* reason;
    const char* named;
    std::function<void(v1::Hello*)> change;
  } kBad[] = {
      {"PROTOCOL_VERSION", "is 2", [](auto* h) { h->set_protocol_version(2); }},
      {"FIELD_REQUIRED", "hello.worker_id", [](auto* h) { h->clear_worker_id(); }},
      {"BAD_NAME", "hello.worker_id", [](auto* h) { h->set_worker_id("a b"); }},
      {"FIELD_TOO_LONG", "hello.instance_id", [](auto* h) { h->set_instance_id(std::string(65, 'i')); }},
      {"BAD_NAME", "hello.pod_id", [](auto* h) { h->set_pod_id("?"); }},
      {"OUT_OF_RANGE", "hello.worker.slots is 10001", [](auto* h) { h->mutable_worker()->set_slots(10'001); }},
      {"TOO_MANY_ITEMS", "hello.worker.capabilities",
       [](auto* h) {
         for (int i = 0; i < 65; ++i) h->mutable_worker()->add_capabilities("c");
       }},
      {"FIELD_REQUIRED", "hello.worker.handlers[1].type", [](auto* h) { h->mutable_worker()->add_handlers(); }},
      {"DUPLICATE_HANDLER", "hello.worker.handlers[1]",
       [](auto* h) { h->mutable_worker()->add_handlers()->set_type("render"); }},
      {"OUT_OF_RANGE", "hello.worker.handlers[0].options.priority",
       [](auto* h) { h->mutable_worker()->mutable_handlers(0)->mutable_options()->set_priority(-21); }},
      {"OUT_OF_RANGE", "hello.worker.handlers[0].max_concurrency is 10001",
       [](auto* h) { h->mutable_worker()->mutable_handlers(0)->set_max_concurrency(10'001); }},
      {"OUT_OF_RANGE", "hello.worker.handlers[0].max_concurrency is -1",
       [](auto* h) { h->mutable_worker()->mutable_handlers(0)->set_max_concurrency(-1); }},
      {"OUT_OF_RANGE", "hello.worker.default_options.max_retries",
       [](auto* h) { h->mutable_worker()->mutable_default_options()->set_max_retries(1001); }},
      {"COUNT_MISMATCH", "hello.held_types has 1 items, held_attempt_tokens 0",
       [](auto* h) { h->add_held_types("render"); }},
      {"BAD_NAME", "hello.held_types[0]",
       [](auto* h) {
         h->add_held_attempt_tokens(AttemptTokenOf(kIncarnation, kAttempt));
         h->add_held_types("a b");
       }},
      {"BAD_ATTEMPT_TOKEN", "hello.held_attempt_tokens[0]", [](auto* h) { h->add_held_attempt_tokens("short"); }},
  };
  for (const auto& bad : kBad) {
    v1::Hello hello = GoodHello();
    bad.change(&hello);
    NoAnswer<engine::HelloCommand> command;
    EXPECT_THAT(DecodeHello(decoding_, hello, &command), Refuses(bad.reason, bad.named)) << bad.named;
  }
}

TEST_F(SessionsTest, AHeartbeatNamesWhatIsOver) {
  v1::HeartbeatRequest request;
  request.set_session(3);
  request.set_instance_id("i1");
  request.set_number(1);
  const std::string foreign_token = AttemptTokenOf(kIncarnation + 1, kAttempt);
  request.add_held()->set_attempt_token(foreign_token);
  for (uint64_t task = 1; task <= 3; ++task) {
    request.add_held()->set_attempt_token(AttemptTokenOf(kIncarnation, {task, 1}));
  }
  request.mutable_held(2)->set_running_us(-4);
  NoAnswer<engine::HeartbeatCommand> command;
  std::vector<std::string> foreign;
  ASSERT_THAT(DecodeHeartbeat(decoding_, request, &command, &foreign), IsOk());
  ASSERT_EQ(command.held.size(), 3u);
  EXPECT_FALSE(command.held[0].running.has_value());
  EXPECT_EQ(command.held[1].running, 0);
  command.over = {0};
  command.cancelled = {2};
  v1::HeartbeatResponse response;
  EncodeHeartbeat(command, kIncarnation, foreign, &response);
  EXPECT_THAT(response.over(), ::testing::ElementsAre(AttemptTokenOf(kIncarnation, {1, 1}), foreign_token));
  EXPECT_THAT(response.cancelled(), ::testing::ElementsAre(AttemptTokenOf(kIncarnation, {3, 1})));
}

TEST_F(SessionsTest, AHeartbeatIsPatientOnlyIfNothingIsHeld) {
  v1::HeartbeatRequest request;
  request.set_session(7);
  request.set_instance_id("i");
  request.set_number(1);
  std::vector<std::string> foreign;
  NoAnswer<engine::HeartbeatCommand> idle;
  ASSERT_THAT(DecodeHeartbeat(decoding_, request, &idle, &foreign), IsOk());
  EXPECT_TRUE(idle.patient);
  request.add_held()->set_attempt_token(AttemptTokenOf(kIncarnation, {3, 1}));
  NoAnswer<engine::HeartbeatCommand> busy;
  ASSERT_THAT(DecodeHeartbeat(decoding_, request, &busy, &foreign), IsOk());
  EXPECT_FALSE(busy.patient);
}

TEST_F(SessionsTest, RefusesAHeartbeatWithoutSessionInstanceOrNumber) {
  v1::HeartbeatRequest request;
  NoAnswer<engine::HeartbeatCommand> command;
  std::vector<std::string> foreign;
  EXPECT_THAT(DecodeHeartbeat(decoding_, request, &command, &foreign), Refuses("FIELD_REQUIRED", "session"));
  request.set_session(1);
  EXPECT_THAT(DecodeHeartbeat(decoding_, request, &command, &foreign), Refuses("FIELD_REQUIRED", "instance_id"));
  request.set_instance_id("i");
  EXPECT_THAT(DecodeHeartbeat(decoding_, request, &command, &foreign), Refuses("FIELD_REQUIRED", "number"));
}

TEST_F(SessionsTest, VerbsNeedATask) {
  NoAnswer<engine::CancelCommand> cancel;
  EXPECT_THAT(DecodeCancel(v1::CancelRequest(), &cancel), Refuses("FIELD_REQUIRED", "task_id"));
  NoAnswer<engine::ResumeCommand> resume;
  EXPECT_THAT(DecodeResume(decoding_, v1::ResumeRequest(), &resume), Refuses("FIELD_REQUIRED", "task_id"));
  v1::CancelRequest long_reason;
  long_reason.set_task_id(1);
  long_reason.set_reason(std::string(1025, 'r'));
  EXPECT_THAT(DecodeCancel(long_reason, &cancel), Refuses("FIELD_TOO_LONG", "reason"));
}

TEST_F(SessionsTest, APauseCarriesReasonAndCascade) {
  NoAnswer<engine::PauseCommand> command;
  EXPECT_THAT(DecodePause(v1::PauseTaskRequest(), &command), Refuses("FIELD_REQUIRED", "task_id"));
  EXPECT_THAT(DecodeUnpause(v1::UnpauseTaskRequest(), &command), Refuses("FIELD_REQUIRED", "task_id"));
  v1::PauseTaskRequest pause;
  pause.set_task_id(5);
  pause.set_reason(std::string(1025, 'r'));
  EXPECT_THAT(DecodePause(pause, &command), Refuses("FIELD_TOO_LONG", "reason"));
  pause.set_reason("mail is down");
  pause.set_cascade(true);
  ASSERT_THAT(DecodePause(pause, &command), IsOk());
  EXPECT_TRUE(command.task == 5 && command.pause && command.cascade && command.reason == "mail is down");
  v1::UnpauseTaskRequest unpause;
  unpause.set_task_id(6);
  ASSERT_THAT(DecodeUnpause(unpause, &command), IsOk());
  EXPECT_TRUE(command.task == 6 && !command.pause && !command.cascade && command.reason.empty());
}

TEST_F(SessionsTest, APauseOfATypeNamesIt) {
  NoAnswer<engine::PauseTypeCommand> command;
  v1::PauseTypeRequest pause;
  EXPECT_THAT(DecodePauseType(pause, &command), Refuses("FIELD_REQUIRED", "type"));
  EXPECT_THAT(DecodeUnpauseType(v1::UnpauseTypeRequest(), &command), Refuses("FIELD_REQUIRED", "type"));
  pause.set_type("mail");
  pause.set_reason(std::string(1025, 'r'));
  EXPECT_THAT(DecodePauseType(pause, &command), Refuses("FIELD_TOO_LONG", "reason"));
  pause.set_reason("down");
  ASSERT_THAT(DecodePauseType(pause, &command), IsOk());
  EXPECT_TRUE(command.type == "mail" && command.pause && command.reason == "down");
  v1::UnpauseTypeRequest unpause;
  unpause.set_type("mail");
  ASSERT_THAT(DecodeUnpauseType(unpause, &command), IsOk());
  EXPECT_FALSE(command.pause);
}

TEST_F(SessionsTest, AResumeCarriesDecisionAndReason) {
  v1::ResumeRequest request;
  request.set_task_id(5);
  request.set_reason("looks good");
  request.mutable_decision()->set_json("true");
  NoAnswer<engine::ResumeCommand> command;
  ASSERT_THAT(DecodeResume(decoding_, request, &command), IsOk());
  EXPECT_TRUE(command.has_decision);
  records::v1::Step step;
  ASSERT_TRUE(step.ParseFromString(command.step));
  EXPECT_EQ(step.decision().json(), "true");
  EXPECT_EQ(step.reason(), "looks good");
  EXPECT_FALSE(command.stage.has_value());
  request.set_stage(2);
  NoAnswer<engine::ResumeCommand> staged;
  ASSERT_THAT(DecodeResume(decoding_, request, &staged), IsOk());
  EXPECT_EQ(staged.stage, 2u);
  request.set_stage(-1);
  EXPECT_THAT(DecodeResume(decoding_, request, &staged), Refuses("OUT_OF_RANGE", "stage"));
}

engine::WorkerView WorkerOf(engine::SessionNumber session, const std::string& type, size_t description_bytes) {
  engine::WorkerView view;
  view.worker_id = absl::StrCat("w", session);
  view.session = session;
  view.connected = true;
  view.worker.handlers.resize(1);
  view.worker.handlers[0].type = type;
  view.worker.handlers[0].description = std::string(description_bytes, 'd');
  return view;
}

TEST_F(SessionsTest, APageOfWorkersGoesOnWhereItWasCut) {  // B199
  limits_.message_bytes = 64 << 10;
  v1::ListWorkersRequest request;
  request.mutable_filter()->set_type("render");
  NoAnswer<engine::ListWorkersCommand> command;
  ASSERT_THAT(DecodeListWorkers(decoding_, request, &command), IsOk());
  EXPECT_EQ(command.after, 0u);
  EXPECT_EQ(command.most, 100u);
  EXPECT_EQ(command.most_bytes, size_t{48} << 10);

  const auto next = [&](std::vector<engine::WorkerView> views, bool more, std::vector<std::string>* names) {
    command.workers = std::move(views);
    command.more = more;
    v1::ListWorkersResponse response;
    EncodeWorkers(decoding_, request.filter(), command, &response);
    names->clear();
    for (const v1::Worker& worker : response.workers()) names->push_back(worker.worker_id());
    if (response.next_page_token().empty()) return engine::SessionNumber{0};
    request.set_page_token(response.next_page_token());
    EXPECT_THAT(DecodeListWorkers(decoding_, request, &command), IsOk());
    return command.after;
  };
  using ::testing::ElementsAre;
  using ::testing::IsEmpty;
  std::vector<std::string> names;
  EXPECT_EQ(next({WorkerOf(1, "render", 8), WorkerOf(2, "encode", 8)}, false, &names), 0u);
  EXPECT_THAT(names, ElementsAre("w1"));
  EXPECT_EQ(next({WorkerOf(1, "render", 8), WorkerOf(2, "encode", 8)}, true, &names), 2u) << "what it has looked at";
  EXPECT_EQ(next({WorkerOf(3, "encode", 8)}, true, &names), 3u);
  EXPECT_THAT(names, IsEmpty()) << "though it has a successor";
  EXPECT_EQ(next({WorkerOf(4, "render", 30'000), WorkerOf(5, "encode", 30'000), WorkerOf(6, "render", 30'000)}, false,
                 &names),
            5u);
  EXPECT_THAT(names, ElementsAre("w4"));
  EXPECT_EQ(next({WorkerOf(6, "render", 100'000)}, false, &names), 0u);
  EXPECT_THAT(names, ElementsAre("w6")) << "one is told however large it is";
}

TEST_F(SessionsTest, ATokenOfWorkersIsOfItsFilterAndItsStore) {  // B199
  NoAnswer<engine::ListWorkersCommand> command;
  v1::ListWorkersResponse response;
  v1::ListWorkersRequest request;
  command.workers = {WorkerOf(7, "render", 8)};
  command.more = true;
  EncodeWorkers(decoding_, request.filter(), command, &response);
  request.set_page_token(response.next_page_token());
  ASSERT_THAT(DecodeListWorkers(decoding_, request, &command), IsOk());
  EXPECT_EQ(command.after, 7u);
  const Decoding elsewhere{limits_, kIncarnation + 1, kNow};
  EXPECT_THAT(DecodeListWorkers(elsewhere, request, &command), Refuses("BAD_PAGE_TOKEN", "page_token"));
  request.mutable_filter()->set_type("render");
  EXPECT_THAT(DecodeListWorkers(decoding_, request, &command), Refuses("BAD_PAGE_TOKEN", "the same filter"));
  request.set_page_size(1001);
  EXPECT_THAT(DecodeListWorkers(decoding_, request, &command), Refuses("PAGE_SIZE", "page_size is 1001"));
}

}  // namespace
}  // namespace baton::service
