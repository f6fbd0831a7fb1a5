// Whether a limited token reaches what a request names, also where that cannot be read.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/engine/format/keys.h"
#include "broker/server/access/reach.h"
#include "tests/unit/read/scene.h"

namespace baton::server {
namespace {

using engine::TaskId;
using service::testing::ErrorIs;
using storage::Family;

constexpr char kGarbage[] = "\xff";

class ReachTest : public ::testing::Test {
 protected:
  ReachTest() : mail_(scene_.Submit({.type = "mail.send"})), bank_(scene_.Submit({.type = "bank.pay"})) {}

  // With a token that is limited to "mail.".
  Error ById(TaskId id, const std::string& owner = "") { return Check({{id}, false, ""}, owner); }
  Error ByAttempt(TaskId id) { return Check({{id}, true, ""}, ""); }

  void End(TaskId id) {
    scene_.Claim(id, "w1");
    scene_.Complete(id);
  }
  void Damage(TaskId id) { scene_.PutRow(Family::kTask, engine::TaskKey(id), kGarbage); }

  service::testing::Scene scene_;
  const TaskId mail_, bank_;

 private:
  Error Check(const Named& named, const std::string& owner) {
    const Limit limit{service::TypePrefixes({"mail."}), owner};
    Error error;
    scene_.partition().Read([&](const std::shared_ptr<const engine::View>& view) {  // Calls at once.
      error = CheckNamed(*view, named, limit);
    });
    return error;
  }
};

MATCHER(IsAllowed, "is allowed") {
  *result_listener << arg.reason << ": " << arg.message;
  return arg.ok();
}

auto IsOfAnotherType() { return ErrorIs(absl::StatusCode::kPermissionDenied, "TYPE_NOT_ALLOWED"); }
auto IsUnreadable() { return ErrorIs(absl::StatusCode::kDataLoss, "STORE_DAMAGED"); }
auto IsUnknown() { return ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"); }

TEST_F(ReachTest, TheTypeOfALiveTaskIsKnownWithoutItsRow) {
  for (const bool damaged : {false, true}) {
    SCOPED_TRACE(damaged);
    EXPECT_THAT(ById(mail_), IsAllowed());
    EXPECT_THAT(ByAttempt(mail_), IsAllowed());
    EXPECT_THAT(ById(bank_), IsOfAnotherType());
    EXPECT_THAT(ByAttempt(bank_), IsOfAnotherType());
    Damage(mail_);
    Damage(bank_);
  }
}

TEST_F(ReachTest, WhoSubmittedATaskIsToldByItsRow) {
  EXPECT_THAT(ById(mail_, "local"), IsAllowed());
  EXPECT_THAT(ById(mail_, "another"), ErrorIs(absl::StatusCode::kPermissionDenied, "NOT_YOUR_TASK"));
  Damage(mail_);
  EXPECT_THAT(ById(mail_, "local"), IsUnreadable());
}

TEST_F(ReachTest, AnUnreadableTaskThatHasEndedIsLeftToTheHandlersOfAttempts) {
  for (const TaskId id : {mail_, bank_}) End(id);
  EXPECT_THAT(ByAttempt(mail_), IsAllowed());
  EXPECT_THAT(ByAttempt(bank_), IsOfAnotherType());
  for (const TaskId id : {mail_, bank_}) {
    Damage(id);
    EXPECT_THAT(ByAttempt(id), IsAllowed());
    EXPECT_THAT(ById(id), IsUnreadable());
  }
}

TEST_F(ReachTest, WhatHasGoneIsLeftToTheHandlersOfAttempts) {
  End(bank_);
  scene_.Remove(bank_);
  EXPECT_THAT(ByAttempt(bank_), IsAllowed());
  EXPECT_THAT(ById(bank_), ErrorIs(absl::StatusCode::kNotFound, "TASK_EXPIRED"));
}

TEST_F(ReachTest, AMadeUpTokenReachesNoTaskThatIsAboutToBe) {
  const TaskId staged = scene_.Submit({.type = "bank.pay", .staged = true});
  EXPECT_THAT(ByAttempt(staged), IsOfAnotherType());
  EXPECT_THAT(ByAttempt(scene_.Submit({.type = "mail.send", .staged = true})), IsAllowed());
  EXPECT_THAT(ById(staged), IsUnknown());
  EXPECT_THAT(ByAttempt(staged + 2), IsUnknown());
  EXPECT_THAT(ById(staged + 2), IsUnknown());
}

TEST_F(ReachTest, NothingIsReachedOnAPageThatCannotBeRead) {
  scene_.SkipTo(2 * engine::kPageIds);
  scene_.PutRow(Family::kPage, engine::PageKey(1), kGarbage);
  EXPECT_THAT(ByAttempt(engine::kPageIds + 1), IsUnreadable());
  EXPECT_THAT(ById(engine::kPageIds + 1), IsUnreadable());
}

}  // namespace
}  // namespace baton::server
