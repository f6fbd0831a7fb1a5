#include "broker/service/outcomes.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "broker/service/attempt_token.h"
#include "broker/service/check.h"
#include "broker/service/error_message.h"
#include "broker/service/field.h"
#include "broker/service/report_decoder.h"
#include "broker/service/task_decoder.h"
#include "broker/service/wire.h"

namespace baton::service {
namespace {

using Kind = engine::Outcome::Kind;

// Fields of records.v1.Step that a decoder writes.
enum StepField : uint32_t {
  kResult = 1,
  kError = 2,
  kContext = 3,
  kDecision = 4,
  kCheckpoints = 5,
  kProgress = 6,
  kReason = 7,
  kQueued = 8,
  kRan = 9,
};

Error DecodeContext(const Decoding& decoding, const Field& field, const v1::Payload& context,
                    engine::Outcome* outcome) {
  CHECK_FIELD(CheckPayload(decoding, field, context));
  outcome->has_context = true;
  WireWriter(&outcome->step).Message(kContext, context);
  return {};
}

Error DecodeSucceeded(const Decoding& decoding, const Field& field, const v1::Succeeded& wire,
                      engine::Outcome* outcome) {
  outcome->kind = Kind::kSucceeded;
  if (!wire.has_result()) return {};
  CHECK_FIELD(CheckPayload(decoding, Field(field, "result"), wire.result()));
  WireWriter(&outcome->step).Message(kResult, wire.result());
  return {};
}

Error DecodeFailed(const Decoding& decoding, const Field& field, const v1::Failed& wire, engine::Outcome* outcome) {
  outcome->kind = Kind::kFailed;
  outcome->retryable = wire.retryable();
  CHECK_FIELD(CheckText(Field(field, "error"), wire.error(), Presence::kRequired, std::string::npos));
  WireWriter(&outcome->step).Bytes(kError, CutText(wire.error(), decoding.limits.error_bytes));
  return {};
}

Error DecodeChildren(const Decoding& decoding, const Field& field, const std::string& actor,
                     const google::protobuf::RepeatedPtrField<v1::NewTask>& wire,
                     std::vector<engine::NewTask>* children) {
  CHECK_FIELD(CheckCount(Field(field, "children"), wire.size(), decoding.limits.inline_children,
                         "stage them in parts with SpawnChildren (setting limits.inline_children)"));
  children->resize(wire.size());
  for (int i = 0; i < wire.size(); ++i) {
    const Field child(field, "children", i);
    CHECK_FIELD(DecodeNewTask(decoding, child, TaskRole::kChild, actor, wire[i], &(*children)[i]));
  }
  return {};
}

Error DecodeSpawned(const Decoding& decoding, const Field& field, const std::string& actor, const v1::Spawned& wire,
                    engine::Outcome* outcome) {
  outcome->kind = Kind::kSpawned;
  outcome->parts = wire.parts();
  outcome->fail_fast = wire.fail_fast();
  CHECK_FIELD(DecodeChildren(decoding, field, actor, wire.children(), &outcome->children));
  if (!wire.has_context()) return {};
  return DecodeContext(decoding, Field(field, "context"), wire.context(), outcome);
}

Error DecodeUndecided(const Decoding& decoding, const Field& field, const v1::Suspended& wire,
                      engine::Outcome* outcome) {
  using records::v1::Mutable;
  const Field choice(field, "when_undecided");
  switch (wire.when_undecided()) {
    case v1::WHEN_UNDECIDED_UNSPECIFIED:
    case v1::WHEN_UNDECIDED_FAIL:
      outcome->when_undecided = Mutable::FAIL;
      break;
    case v1::WHEN_UNDECIDED_RESUME:
      outcome->when_undecided = Mutable::RESUME;
      break;
    case v1::WHEN_UNDECIDED_CANCEL:
      outcome->when_undecided = Mutable::CANCEL;
      break;
    default:
      return InvalidArgument("OUT_OF_RANGE",
                             absl::StrCat(choice.Path(), " is ", static_cast<int>(wire.when_undecided()),
                                          ", known are 1 (FAIL), 2 (RESUME) and 3 (CANCEL)"));
  }
  if (wire.has_timeout_us()) {
    CHECK_FIELD(CheckDuration(Field(field, "timeout_us"), wire.timeout_us(), kMinTimeout, kMaxDelay));
    outcome->decide_within = wire.timeout_us();
  } else if (wire.when_undecided() != v1::WHEN_UNDECIDED_UNSPECIFIED) {
    return InvalidArgument("FIELD_REQUIRED", absl::StrCat(choice.Path(),
                                                          " is set without timeout_us, so that it would "
                                                          "never happen: say how long to wait"));
  }
  if (!wire.has_default_decision()) return {};
  const Field decision(field, "default_decision");
  if (wire.when_undecided() != v1::WHEN_UNDECIDED_RESUME) {
    return InvalidArgument(
        "FIELDS_EXCLUDE_EACH_OTHER",
        absl::StrCat(decision.Path(), " is only for when_undecided RESUME: set that, or leave it out"));
  }
  CHECK_FIELD(CheckPayload(decoding, decision, wire.default_decision()));
  WireWriter(&outcome->step).Message(kDecision, wire.default_decision());
  return {};
}

Error DecodeSuspended(const Decoding& decoding, const Field& field, const v1::Suspended& wire,
                      engine::Outcome* outcome) {
  outcome->kind = Kind::kSuspended;
  const absl::string_view reason = absl::StripAsciiWhitespace(wire.reason());
  CHECK_FIELD(CheckText(Field(field, "reason"), reason, Presence::kRequired, kTextBytes));
  if (wire.has_context()) CHECK_FIELD(DecodeContext(decoding, Field(field, "context"), wire.context(), outcome));
  CHECK_FIELD(DecodeUndecided(decoding, field, wire, outcome));
  WireWriter(&outcome->step).Bytes(kReason, reason);
  return {};
}

Error DecodeReleased(const Field& field, const v1::Released& wire, engine::Outcome* outcome) {
  outcome->kind = Kind::kReleased;
  CHECK_FIELD(CheckLength(Field(field, "reason"), wire.reason(), Presence::kOptional, kTextBytes));
  WireWriter(&outcome->step).Bytes(kReason, wire.reason());
  return {};
}

Error DecodeEnding(const Decoding& decoding, const Field& field, const std::string& actor, const v1::Outcome& wire,
                   engine::Outcome* outcome) {
  switch (wire.outcome_case()) {
    case v1::Outcome::kSucceeded:
      return DecodeSucceeded(decoding, Field(field, "succeeded"), wire.succeeded(), outcome);
    case v1::Outcome::kFailed:
      return DecodeFailed(decoding, Field(field, "failed"), wire.failed(), outcome);
    case v1::Outcome::kSpawned:
      return DecodeSpawned(decoding, Field(field, "spawned"), actor, wire.spawned(), outcome);
    case v1::Outcome::kSuspended:
      return DecodeSuspended(decoding, Field(field, "suspended"), wire.suspended(), outcome);
    case v1::Outcome::kReleased:
      return DecodeReleased(Field(field, "released"), wire.released(), outcome);
    case v1::Outcome::kCancelled:
      outcome->kind = Kind::kCancelled;
      return {};
    default:
      return InvalidArgument("FIELD_REQUIRED", absl::StrCat(field.Path(),
                                                            " says no outcome: set succeeded, failed, spawned, "
                                                            "suspended, released or cancelled"));
  }
}

Error DecodeReports(const Decoding& decoding, const Field& field, v1::Outcome* wire, engine::Outcome* outcome) {
  const size_t before = outcome->step.size();
  WireWriter writer(&outcome->step);
  for (int i = 0; i < wire->checkpoints_size(); ++i) {
    CHECK_FIELD(PrepareCheckpoint(decoding, Field(field, "checkpoints", i), wire->mutable_checkpoints(i)));
    writer.Message(kCheckpoints, wire->checkpoints(i));
  }
  if (wire->has_progress()) {
    CHECK_FIELD(PrepareProgress(decoding, Field(field, "progress"), wire->mutable_progress()));
    outcome->has_progress = true;
    writer.Message(kProgress, wire->progress());
  }
  const size_t size = outcome->step.size() - before;
  if (size <= kOutcomeReportBytes) return {};
  return InvalidArgument("REPORTS_TOO_LARGE", absl::StrCat(field.Path(), ".checkpoints and progress have ", size,
                                                           " bytes together, at most ", kOutcomeReportBytes,
                                                           " are allowed: report checkpoints with Audit before"));
}

Error DecodeOutcome(const Decoding& decoding, const Field& field, const std::string& actor, v1::Outcome* wire,
                    engine::Outcome* outcome) {
  CHECK_FIELD(
      ReadAttemptToken(Field(field, "attempt_token"), wire->attempt_token(), decoding.incarnation, &outcome->attempt));
  CHECK_FIELD(DecodeEnding(decoding, field, actor, *wire, outcome));
  CHECK_FIELD(DecodeReports(decoding, field, wire, outcome));
  WireWriter writer(&outcome->step);
  writer.Signed(kQueued, std::clamp<int64_t>(wire->queued_us(), 0, kMaxReportedDuration));
  writer.Signed(kRan, std::clamp<int64_t>(wire->ran_us(), 0, kMaxReportedDuration));
  return {};
}

// Drops what a refused outcome has filled in; the attempt stays, so that its slot is freed.
void Refuse(Error error, engine::Outcome* outcome) {
  const engine::AttemptId attempt = outcome->attempt;
  *outcome = engine::Outcome{};
  outcome->attempt = attempt;
  outcome->error = std::move(error);
}

}  // namespace

Error DecodeComplete(const Decoding& decoding, v1::CompleteRequest* request, engine::CompleteCommand* command) {
  CHECK_FIELD(CheckCount(Field("outcomes"), request->outcomes_size(), decoding.limits.items, "cut the call"));
  size_t children = 0;
  for (const v1::Outcome& outcome : request->outcomes()) {
    children += static_cast<size_t>(outcome.spawned().children_size());
  }
  CHECK_FIELD(CheckCount(Field("outcomes.spawned.children"), children, kChildrenPerCall, "cut the call"));
  command->session = request->session();
  command->outcomes.resize(request->outcomes_size());
  for (int i = 0; i < request->outcomes_size(); ++i) {
    engine::Outcome& outcome = command->outcomes[i];
    const Field field("outcomes", i);
    Error error = DecodeOutcome(decoding, field, command->actor, request->mutable_outcomes(i), &outcome);
    if (!error.ok()) Refuse(std::move(error), &outcome);
  }
  return {};
}

Error DecodeAudit(const Decoding& decoding, v1::AuditRequest* request, engine::ReportCommand* command) {
  CHECK_FIELD(CheckCount(Field("items"), request->items_size(), decoding.limits.items, "cut the call"));
  command->reports.resize(request->items_size());
  for (int i = 0; i < request->items_size(); ++i) {
    const Field field("items", i);
    v1::AuditRequest::Item* item = request->mutable_items(i);
    engine::Report& report = command->reports[i];
    report.error =
        ReadAttemptToken(Field(field, "attempt_token"), item->attempt_token(), decoding.incarnation, &report.attempt);
    if (!report.error.ok()) continue;
    report.error = PrepareCheckpoint(decoding, Field(field, "checkpoint"), item->mutable_checkpoint());
    if (report.error.ok()) WireWriter(&report.step).Message(kCheckpoints, item->checkpoint());
  }
  return {};
}

Error DecodeProgress(const Decoding& decoding, v1::ProgressRequest* request, engine::ReportCommand* command) {
  CHECK_FIELD(CheckCount(Field("items"), request->items_size(), decoding.limits.items, "cut the call"));
  command->reports.resize(request->items_size());
  for (int i = 0; i < request->items_size(); ++i) {
    const Field field("items", i);
    v1::ProgressRequest::Item* item = request->mutable_items(i);
    engine::Report& report = command->reports[i];
    report.is_progress = true;
    report.error =
        ReadAttemptToken(Field(field, "attempt_token"), item->attempt_token(), decoding.incarnation, &report.attempt);
    if (!report.error.ok()) continue;
    report.error = PrepareProgress(decoding, Field(field, "progress"), item->mutable_progress());
    if (report.error.ok()) WireWriter(&report.step).Message(kProgress, item->progress());
  }
  return {};
}

Error DecodeSpawnChildren(const Decoding& decoding, const v1::SpawnChildrenRequest& request,
                          engine::SpawnChildrenCommand* command) {
  CHECK_FIELD(
      ReadAttemptToken(Field("attempt_token"), request.attempt_token(), decoding.incarnation, &command->attempt));
  if (request.part() == 0) {
    return InvalidArgument("FIELD_REQUIRED", "part is 0: number the parts of an attempt from 1");
  }
  if (request.children().empty()) {
    return InvalidArgument("FIELD_REQUIRED", "children is required and empty: send at least one child");
  }
  command->part = request.part();
  const size_t limit = decoding.limits.inline_children;
  CHECK_FIELD(CheckCount(Field("children"), request.children_size(), limit,
                         "send them in several parts (setting limits.inline_children)"));
  command->children.resize(request.children_size());
  for (int i = 0; i < request.children_size(); ++i) {
    CHECK_FIELD(DecodeNewTask(decoding, Field("children", i), TaskRole::kChild, command->actor, request.children(i),
                              &command->children[i]));
  }
  return {};
}

void EncodeItemResults(const std::vector<Error>& errors, google::protobuf::RepeatedPtrField<v1::ItemResult>* results) {
  results->Reserve(static_cast<int>(errors.size()));
  for (const Error& error : errors) {
    v1::ItemResult* result = results->Add();
    if (!error.ok()) FillError(error, result->mutable_error());
  }
}

}  // namespace baton::service
