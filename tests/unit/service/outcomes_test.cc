#include "broker/service/outcomes.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "broker/service/attempt_token.h"
#include "broker/service/limits.h"
#include "tests/unit/service/decoding_fixture.h"

namespace baton::service {
namespace {

template <typename Base>
class NoAnswer final : public Base {
 public:
  void Answer() override {}
};

constexpr engine::AttemptId kAttempt{.task = 42, .attempt = 3};

class OutcomesTest : public DecodingTest {
 protected:
  v1::Outcome* AddOutcome() {
    v1::Outcome* outcome = request_.add_outcomes();
    outcome->set_attempt_token(AttemptTokenOf(kIncarnation, kAttempt));
    return outcome;
  }
  // Decodes the request, and answers the rows of the first outcome.
  records::v1::Step Decode() {
    EXPECT_THAT(DecodeComplete(decoding_, &request_, &command_), IsOk());
    records::v1::Step step;
    EXPECT_TRUE(step.ParseFromString(command_.outcomes.at(0).step));
    return step;
  }
  Error ErrorOf(const std::function<void(v1::Outcome*)>& fill) {
    request_.clear_outcomes();
    fill(AddOutcome());
    NoAnswer<engine::CompleteCommand> command;
    EXPECT_THAT(DecodeComplete(decoding_, &request_, &command), IsOk());
    return command.outcomes.at(0).error;
  }

  v1::CompleteRequest request_;
  NoAnswer<engine::CompleteCommand> command_;
};

TEST_F(OutcomesTest, ASuccessCarriesResultReportsAndTimes) {  // S7, S53
  request_.set_session(9);
  v1::Outcome* outcome = AddOutcome();
  outcome->mutable_succeeded()->mutable_result()->set_data("done");
  outcome->add_checkpoints()->set_code(" loaded ");
  outcome->mutable_progress()->set_percent(100);
  outcome->set_queued_us(-1);
  outcome->set_ran_us(77);
  const records::v1::Step step = Decode();
  const engine::Outcome& decoded = command_.outcomes[0];
  ASSERT_THAT(decoded.error, IsOk());
  EXPECT_EQ(command_.session, 9u);
  EXPECT_EQ(decoded.attempt, kAttempt);
  EXPECT_EQ(decoded.kind, engine::Outcome::Kind::kSucceeded);
  EXPECT_TRUE(decoded.has_progress);
  EXPECT_EQ(step.result().data(), "done");
  ASSERT_EQ(step.checkpoints_size(), 1);
  EXPECT_EQ(step.checkpoints(0).code(), "loaded");
  EXPECT_EQ(step.checkpoints(0).at_us(), kNow);
  EXPECT_EQ(step.progress().percent(), 100);
  EXPECT_EQ(step.queued_us(), 0);
  EXPECT_EQ(step.ran_us(), 77);
}

TEST_F(OutcomesTest, ALongErrorIsCut) {  // B154
  v1::Failed* failed = AddOutcome()->mutable_failed();
  failed->set_error(std::string(20'000, 'e'));
  failed->set_retryable(true);
  const records::v1::Step step = Decode();
  EXPECT_LE(step.error().size(), limits_.error_bytes);
  EXPECT_THAT(step.error(), ::testing::HasSubstr("20000 bytes in all"));
  EXPECT_TRUE(command_.outcomes[0].retryable);
}

TEST_F(OutcomesTest, ASpawnCarriesChildrenPartsAndContext) {
  v1::Spawned* spawned = AddOutcome()->mutable_spawned();
  spawned->add_children()->set_type("a");
  spawned->add_children()->set_type("b");
  spawned->set_parts(4);
  spawned->mutable_context()->set_json("[1]");
  const records::v1::Step step = Decode();
  const engine::Outcome& decoded = command_.outcomes[0];
  ASSERT_THAT(decoded.error, IsOk());
  EXPECT_EQ(decoded.parts, 4u);
  ASSERT_EQ(decoded.children.size(), 2u);
  EXPECT_EQ(decoded.children[1].type, "b");
  EXPECT_TRUE(decoded.has_context);
  EXPECT_EQ(step.context().json(), "[1]");
}

TEST_F(OutcomesTest, ASuspensionIsTrimmed) {  // B164
  AddOutcome()->mutable_suspended()->set_reason("  approval\n");
  EXPECT_EQ(Decode().reason(), "approval");
  EXPECT_FALSE(command_.outcomes[0].has_context);
}

TEST_F(OutcomesTest, ASuspensionMayEndByItself) {
  v1::Suspended* suspended = AddOutcome()->mutable_suspended();
  suspended->set_reason("approval");
  suspended->set_timeout_us(kHour);
  suspended->set_when_undecided(v1::WHEN_UNDECIDED_RESUME);
  suspended->mutable_default_decision()->set_json("false");
  AddOutcome()->mutable_suspended()->set_reason("advice");
  v1::Suspended* cancelled = AddOutcome()->mutable_suspended();
  cancelled->set_reason("approval");
  cancelled->set_timeout_us(1000);
  cancelled->set_when_undecided(v1::WHEN_UNDECIDED_CANCEL);
  EXPECT_EQ(Decode().decision().json(), "false");
  EXPECT_EQ(command_.outcomes[0].decide_within, kHour);
  EXPECT_EQ(command_.outcomes[0].when_undecided, records::v1::Mutable::RESUME);
  EXPECT_EQ(command_.outcomes[1].decide_within, 0);
  EXPECT_EQ(command_.outcomes[2].when_undecided, records::v1::Mutable::CANCEL);
}

TEST_F(OutcomesTest, ASpawnMayFailFast) {
  AddOutcome()->mutable_spawned()->set_fail_fast(true);
  AddOutcome()->mutable_spawned();
  Decode();
  EXPECT_TRUE(command_.outcomes[0].fail_fast);
  EXPECT_FALSE(command_.outcomes[1].fail_fast);
}

TEST_F(OutcomesTest, RefusesBadContentByName) {
  const struct {
    const char* reason;
    const char* named;
    std::function<void(v1::Outcome*)> fill;
  } kBad[] = {
      {"FIELD_REQUIRED", "outcomes[0]", [](auto*) {}},
      {"BAD_ATTEMPT_TOKEN", "outcomes[0].attempt_token is required", [](auto* o) { o->clear_attempt_token(); }},
      {"BAD_ATTEMPT_TOKEN", "has 3 bytes", [](auto* o) { o->set_attempt_token("abc"); }},
      {"ATTEMPT_OVER", "another store",
       [](auto* o) { o->set_attempt_token(AttemptTokenOf(kIncarnation + 1, kAttempt)); }},
      {"PAYLOAD_TOO_LARGE", "outcomes[0].succeeded.result",
       [](auto* o) { o->mutable_succeeded()->mutable_result()->set_data(std::string((1 << 20) + 1, 'x')); }},
      {"FIELD_REQUIRED", "outcomes[0].failed.error", [](auto* o) { o->mutable_failed()->set_error(" "); }},
      {"FIELD_REQUIRED", "outcomes[0].suspended.reason", [](auto* o) { o->mutable_suspended(); }},
      {"FIELD_TOO_LONG", "outcomes[0].suspended.reason",
       [](auto* o) { o->mutable_suspended()->set_reason(std::string(1025, 'r')); }},
      {"OUT_OF_RANGE", "outcomes[0].suspended.timeout_us",
       [](auto* o) {
         o->mutable_suspended()->set_reason("r");
         o->mutable_suspended()->set_timeout_us(0);
       }},
      {"OUT_OF_RANGE", "outcomes[0].suspended.when_undecided is 9",
       [](auto* o) {
         o->mutable_suspended()->set_reason("r");
         o->mutable_suspended()->set_when_undecided(static_cast<v1::WhenUndecided>(9));
       }},
      {"FIELD_REQUIRED", "outcomes[0].suspended.when_undecided is set without timeout_us",
       [](auto* o) {
         o->mutable_suspended()->set_reason("r");
         o->mutable_suspended()->set_when_undecided(v1::WHEN_UNDECIDED_CANCEL);
       }},
      {"FIELDS_EXCLUDE_EACH_OTHER", "outcomes[0].suspended.default_decision",
       [](auto* o) {
         o->mutable_suspended()->set_reason("r");
         o->mutable_suspended()->set_timeout_us(1000);
         o->mutable_suspended()->mutable_default_decision()->set_json("1");
       }},
      {"MALFORMED_JSON", "outcomes[0].suspended.default_decision.json",
       [](auto* o) {
         o->mutable_suspended()->set_reason("r");
         o->mutable_suspended()->set_timeout_us(1000);
         o->mutable_suspended()->set_when_undecided(v1::WHEN_UNDECIDED_RESUME);
         o->mutable_suspended()->mutable_default_decision()->set_json("nope");
       }},
      {"MALFORMED_JSON", "outcomes[0].spawned.context.json",
       [](auto* o) { o->mutable_spawned()->mutable_context()->set_json("nope"); }},
      {"FIELD_REQUIRED", "outcomes[0].spawned.children[1].type",
       [](auto* o) {
         o->mutable_spawned()->add_children()->set_type("a");
         o->mutable_spawned()->add_children();
       }},
      {"FIELD_REQUIRED", "outcomes[0].checkpoints[0].code",
       [](auto* o) { o->mutable_cancelled(), o->add_checkpoints(); }},
      {"OUT_OF_RANGE", "outcomes[0].progress.percent",
       [](auto* o) {
         o->mutable_cancelled();
         o->mutable_progress()->set_percent(std::numeric_limits<double>::quiet_NaN());
       }},
      {"REPORTS_TOO_LARGE", "262144",
       [](auto* o) {
         o->mutable_cancelled();
         for (int i = 0; i < 300; ++i) {
           o->add_checkpoints()->set_code("c");
           o->mutable_checkpoints(i)->set_message(std::string(1024, 'm'));
         }
       }},
  };
  for (const auto& bad : kBad) EXPECT_THAT(ErrorOf(bad.fill), Refuses(bad.reason, bad.named)) << bad.named;
}

TEST_F(OutcomesTest, ARefusedOutcomeKeepsItsAttemptAndNothingElse) {
  v1::Outcome* outcome = AddOutcome();
  outcome->mutable_succeeded()->mutable_result()->set_data("done");
  outcome->add_checkpoints();
  EXPECT_THAT(DecodeComplete(decoding_, &request_, &command_), IsOk());
  EXPECT_THAT(command_.outcomes[0].error, Refuses("FIELD_REQUIRED", "checkpoints[0].code"));
  EXPECT_EQ(command_.outcomes[0].attempt, kAttempt);
  EXPECT_TRUE(command_.outcomes[0].step.empty());
}

TEST_F(OutcomesTest, ACallHasOnlySoManyChildrenInAllItsOutcomes) {
  const auto add = [this](size_t children) {
    v1::Spawned* spawned = AddOutcome()->mutable_spawned();
    for (size_t i = 0; i < children; ++i) spawned->add_children()->set_type("c");
  };
  for (size_t left = kChildrenPerCall; left > 0;) {
    const size_t children = std::min<size_t>(left, decoding_.limits.inline_children);
    add(children);
    left -= children;
  }
  EXPECT_THAT(DecodeComplete(decoding_, &request_, &command_), IsOk());
  add(1);
  NoAnswer<engine::CompleteCommand> command;
  EXPECT_THAT(DecodeComplete(decoding_, &request_, &command), Refuses("TOO_MANY_ITEMS", "32769 items"));
}

TEST_F(OutcomesTest, ReportsAreCheckedOneByOne) {
  v1::AuditRequest audit;
  audit.add_items()->set_attempt_token(AttemptTokenOf(kIncarnation, kAttempt));
  audit.add_items()->set_attempt_token(AttemptTokenOf(kIncarnation, kAttempt));
  audit.mutable_items(1)->mutable_checkpoint()->set_code("ok");
  NoAnswer<engine::ReportCommand> command;
  ASSERT_THAT(DecodeAudit(decoding_, &audit, &command), IsOk());
  EXPECT_THAT(command.reports[0].error, Refuses("FIELD_REQUIRED", "items[0].checkpoint.code"));
  ASSERT_THAT(command.reports[1].error, IsOk());
  records::v1::Step step;
  ASSERT_TRUE(step.ParseFromString(command.reports[1].step));
  EXPECT_EQ(step.checkpoints(0).code(), "ok");
}

TEST_F(OutcomesTest, ProgressBecomesAStep) {  // B24
  v1::ProgressRequest progress;
  progress.add_items()->set_attempt_token(AttemptTokenOf(kIncarnation, kAttempt));
  progress.mutable_items(0)->mutable_progress()->set_text("7 of 12");
  NoAnswer<engine::ReportCommand> command;
  ASSERT_THAT(DecodeProgress(decoding_, &progress, &command), IsOk());
  EXPECT_TRUE(command.reports[0].is_progress);
  records::v1::Step step;
  ASSERT_TRUE(step.ParseFromString(command.reports[0].step));
  EXPECT_EQ(step.progress().text(), "7 of 12");
  EXPECT_EQ(step.progress().at_us(), kNow);
}

TEST_F(OutcomesTest, AReportMayBeLateButIsNeverFromTheFuture) {
  v1::Outcome* outcome = AddOutcome();
  outcome->mutable_succeeded();
  for (const int64_t at : {kNow - kHour, kNow + kHour}) {
    v1::Checkpoint* checkpoint = outcome->add_checkpoints();
    checkpoint->set_code("step");
    checkpoint->set_at_us(at);
  }
  outcome->mutable_progress()->set_percent(5);
  outcome->mutable_progress()->set_at_us(kNow + 1);
  const records::v1::Step step = Decode();
  ASSERT_EQ(step.checkpoints_size(), 2);
  EXPECT_EQ(step.checkpoints(0).at_us(), kNow - kHour);
  EXPECT_EQ(step.checkpoints(1).at_us(), kNow);
  EXPECT_EQ(step.progress().at_us(), kNow);
}

TEST_F(OutcomesTest, ABadChildRefusesTheWholePart) {  // B62
  v1::SpawnChildrenRequest part;
  part.set_attempt_token(AttemptTokenOf(kIncarnation, kAttempt));
  NoAnswer<engine::SpawnChildrenCommand> command;
  EXPECT_THAT(DecodeSpawnChildren(decoding_, part, &command), Refuses("FIELD_REQUIRED", "part"));
  part.set_part(1);
  EXPECT_THAT(DecodeSpawnChildren(decoding_, part, &command), Refuses("FIELD_REQUIRED", "children"));
  part.add_children()->set_type("a");
  part.add_children()->set_type("b b");
  EXPECT_THAT(DecodeSpawnChildren(decoding_, part, &command), Refuses("BAD_NAME", "children[1].type"));
  part.mutable_children(1)->set_type("b");
  ASSERT_THAT(DecodeSpawnChildren(decoding_, part, &command), IsOk());
  EXPECT_EQ(command.children.size(), 2u);
}

TEST_F(OutcomesTest, ResultsKeepTheirOrder) {
  v1::CompleteResponse response;
  EncodeItemResults({Error{}, Aborted("ATTEMPT_OVER", "drop it")}, response.mutable_results());
  ASSERT_EQ(response.results_size(), 2);
  EXPECT_FALSE(response.results(0).has_error());
  EXPECT_EQ(response.results(1).error().code(), 10);
  EXPECT_EQ(response.results(1).error().reason(), "ATTEMPT_OVER");
}

}  // namespace
}  // namespace baton::service
