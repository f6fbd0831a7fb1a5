#include "tests/process/kill_loop/ledger.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/process/kill_loop/promises.h"

namespace baton::kill_loop {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class LedgerFileTest : public ::testing::Test {
 protected:
  ~LedgerFileTest() override { std::remove(path_.c_str()); }

  // Of this test alone, and not there yet.
  const std::string path_ = ::testing::TempDir() + ::testing::UnitTest::GetInstance()->current_test_info()->name() +
                            std::to_string(::getpid());
};

TEST_F(LedgerFileTest, WhatWasWrittenIsReadBack) {
  LedgerWriter(path_).Write({"submitted r0-1 0 17 - new", "cancelled 17"});
  LedgerWriter(path_).Write({"resumed 18 d1"});
  EXPECT_THAT(*ReadLedger(path_), ElementsAre(ElementsAre("submitted", "r0-1", "0", "17", "-", "new"),
                                              ElementsAre("cancelled", "17"), ElementsAre("resumed", "18", "d1")));
}

TEST_F(LedgerFileTest, ALineThatAKillCutOffIsNotThere) {
  std::ofstream(path_) << "cancelled 17\ncancelled 1";
  EXPECT_THAT(*ReadLedger(path_), ElementsAre(ElementsAre("cancelled", "17")));
}

TEST_F(LedgerFileTest, AMissingLedgerIsAnError) {
  EXPECT_EQ(ReadLedger(path_).status().code(), absl::StatusCode::kNotFound);
}

TEST(PromisesTest, TheSameAnswerTwiceIsFineAndAnotherOneIsNot) {
  Promises promises;
  Findings findings;
  promises.Add({{"submitted", "r0-1", "0", "17", "-", "new"}, {"submitted", "r0-1", "0", "17", "-", "new"}}, &findings);
  EXPECT_THAT(findings, IsEmpty());
  promises.Add({{"submitted", "r0-1", "0", "18", "-", "new"}}, &findings);
  EXPECT_THAT(findings, ElementsAre(HasSubstr("was answered with the new task 17 and with the new task 18")));
}

TEST(PromisesTest, ARepeatSaysAgainThatTheTaskExisted) {
  Promises promises;
  Findings findings;
  promises.Add({{"submitted", "r0-1", "0", "17", "k", "existing"}, {"submitted", "r0-1", "0", "17", "k", "new"}},
               &findings);
  EXPECT_THAT(findings, ElementsAre(HasSubstr("with the existing task 17 and with the new task 17")));
}

TEST(PromisesTest, AnItemThatWasAcknowledgedIsNotRefusedLater) {
  Promises promises;
  Findings findings;
  promises.Add({{"submitted", "r0-1", "0", "17", "k", "new"}, {"rejected", "r0-1", "0", "UNIQUE_KEY_IN_USE"}},
               &findings);
  EXPECT_THAT(findings, ElementsAre(HasSubstr("got two answers")));
}

TEST(PromisesTest, ReportsAndPartsAreKept) {
  Promises promises;
  Findings findings;
  promises.Add({{"checkpoint", "5", "1", "began"}, {"progress", "5", "2", "ran"}}, &findings);
  promises.Add({{"staged", "5", "1", "40"}, {"staged", "5", "1", "20"}}, &findings);
  EXPECT_THAT(findings, IsEmpty());
  const TaskPromises& task = promises.of(5);
  EXPECT_THAT(task.reports, ElementsAre(AllOf(Field(&PromisedReport::attempt, 1), Field(&PromisedReport::name, "began"),
                                              Field(&PromisedReport::is_progress, false)),
                                        AllOf(Field(&PromisedReport::attempt, 2), Field(&PromisedReport::name, "ran"),
                                              Field(&PromisedReport::is_progress, true))));
  EXPECT_THAT(task.staged, ElementsAre(Pair(1, 40)));
}

TEST(PromisesTest, ViolationsAndUnreadableLinesAreFindings) {
  Promises promises;
  Findings findings;
  promises.Add({{"violation", "task", "5"}, {"outcome", "5"}, {"checkpoint", "5", "one", "began"}, {""}}, &findings);
  EXPECT_THAT(findings, ElementsAre("violation task 5", HasSubstr("unreadable"), HasSubstr("unreadable"),
                                    HasSubstr("unreadable")));
}

}  // namespace
}  // namespace baton::kill_loop
