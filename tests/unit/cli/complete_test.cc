// What the completion of the shells asks for.
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CompleteTest : public CommandTest {
 protected:
  // The candidates for the last word, without their descriptions.
  std::vector<std::string> Candidates(std::vector<std::string> words) {
    words.insert(words.begin(), {"complete", "--"});
    EXPECT_EQ(Run(words), ExitCode::kOk) << err.str();
    std::vector<std::string> candidates;
    for (absl::string_view line : absl::StrSplit(out.str(), '\n', absl::SkipEmpty())) {
      candidates.emplace_back(line.substr(0, line.find('\t')));
    }
    return candidates;
  }
};

TEST_F(CompleteTest, CommandsAndThoseBelowThem) {
  EXPECT_THAT(Candidates({""}), AllOf(Contains("submit"), Contains("schedule"), Contains("top")));
  EXPECT_THAT(Candidates({"sub"}), ElementsAre("submit"));
  EXPECT_EQ(out.str(), "submit\tSubmits one task or many\n");
  EXPECT_THAT(Candidates({"schedule", ""}), AllOf(Contains("create"), Contains("preview"), Not(Contains("submit"))));
  EXPECT_THAT(Candidates({"types", "pa"}), ElementsAre("pause"));
  EXPECT_THAT(Candidates({"types", "li"}), ElementsAre("list", "limit"));
  EXPECT_THAT(Candidates({"workers", ""}), ElementsAre("list", "drain"));
  EXPECT_THAT(Candidates({"workers", "list", "--cap"}), ElementsAre("--capability"));
  // Another name of `types unpause`, which has nothing below it.
  EXPECT_THAT(Candidates({"types", "resume", ""}), IsEmpty());
  EXPECT_EQ(connected_to, "");
}

TEST_F(CompleteTest, OptionsOfTheCommandOfItsGroupsAndOfTheWholeProgram) {
  EXPECT_THAT(Candidates({"submit", "resize", "--"}),
              AllOf(Contains("--priority"), Contains("--json"), Contains("--broker"), Contains("--help")));
  EXPECT_THAT(Candidates({"submit", "--prio"}), ElementsAre("--priority"));
  EXPECT_THAT(Candidates({"--ver"}), ElementsAre("--version"));
  EXPECT_THAT(Candidates({"submit", "--ver"}), IsEmpty());
  // Its own --timeout and that of the program are one word.
  EXPECT_THAT(Candidates({"submit", "--timeo"}), Contains("--timeout"));
}

TEST_F(CompleteTest, ValuesThatAreASetOfWords) {
  EXPECT_THAT(Candidates({"list", "-o", ""}), ElementsAre("table", "json", "jsonl"));
  EXPECT_THAT(Candidates({"list", "--format", "js"}), ElementsAre("json", "jsonl"));
  EXPECT_THAT(Candidates({"list", "--format=t"}), ElementsAre("--format=table"));
  EXPECT_THAT(Candidates({"list", "--state", "perm"}), ElementsAre("permanently_failed"));
}

TEST_F(CompleteTest, BashTakesTheEqualSignForAWord) {
  EXPECT_THAT(Candidates({"list", "--format", "="}), ElementsAre("table", "json", "jsonl"));
  EXPECT_THAT(Candidates({"list", "--format", "=", "ta"}), ElementsAre("table"));
}

TEST_F(CompleteTest, NothingWhereTheUserKnowsBetter) {
  EXPECT_THAT(Candidates({"get", ""}), IsEmpty());
  EXPECT_THAT(Candidates({"submit", "--data", "s"}), IsEmpty());
  EXPECT_THAT(Candidates({"nonsense"}), IsEmpty());
  EXPECT_THAT(Candidates({"get", "--nonsense="}), IsEmpty());
}

TEST_F(CompleteTest, TheValueOfAnOptionIsNoCommand) {
  EXPECT_THAT(Candidates({"--broker", "schedule", "sub"}), ElementsAre("submit"));
  EXPECT_THAT(Candidates({"--no-color", "schedule", "pre"}), ElementsAre("preview"));
}

TEST_F(CompleteTest, ItIsHiddenItself) {
  EXPECT_THAT(Candidates({"comp"}), IsEmpty());
  Run({"--help"});
  EXPECT_THAT(out.str(), Not(HasSubstr("complete ")));
  Run({});
  EXPECT_THAT(err.str(), Not(HasSubstr(", complete,")));
}

TEST_F(CompleteTest, WithoutWordsItAnswersAsAtTheBeginning) { EXPECT_THAT(Candidates({}), Contains("submit")); }

}  // namespace
}  // namespace baton::cli
