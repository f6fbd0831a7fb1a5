// The help of every command: each has examples, which this very program takes.
#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using Words = std::vector<std::string>;

// The words of the first command of a line, as a shell would take them apart; up to a pipe or a redirection. What the
// shell would put in ($(...), $NAME) stays as it is.
Words ShellWords(absl::string_view line) {
  Words words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  int depth = 0;
  for (const char c : line) {
    const bool ends = quote == 0 && depth == 0;
    if (ends && (c == '|' || c == '>' || c == '<' || c == ';' || c == '&')) break;
    if (ends && c == ' ') {
      if (in_word) words.push_back(std::exchange(word, ""));
      in_word = false;
      continue;
    }
    in_word = true;
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else {
      depth += quote == 0 && c == '(' ? 1 : quote == 0 && c == ')' ? -1 : 0;
      word += c;
    }
  }
  if (in_word) words.push_back(word);
  return words;
}

class HelpTest : public CommandTest {
 protected:
  std::string Help(Words command) {
    command.emplace_back("--help");
    EXPECT_EQ(Run(command), ExitCode::kOk) << absl::StrJoin(command, " ");
    EXPECT_EQ(err.str(), "");
    return out.str();
  }

  // Every command that `command`'s help lists, and those below them.
  void ForEachBelow(const Words& command, const std::function<void(const Words&, const std::string& help)>& each) {
    const std::string help = Help(command);
    if (!command.empty()) each(command, help);
    const size_t list = help.find("Subcommands:\n");
    if (list == std::string::npos) return;
    for (absl::string_view line : absl::StrSplit(help.substr(list + 13), '\n')) {
      if (line.empty()) break;
      if (!absl::ConsumePrefix(&line, "  ") || absl::StartsWith(line, " ")) continue;
      Words below = command;
      below.emplace_back(line.substr(0, line.find_first_of(" ,")));
      ForEachBelow(below, each);
    }
  }

  static std::vector<std::string> Examples(const std::string& help) {
    std::vector<std::string> examples;
    const size_t begin = help.find("\nExamples:\n");
    if (begin == std::string::npos) return {};
    bool goes_on = false;
    for (absl::string_view line : absl::StrSplit(help.substr(begin + 11), '\n')) {
      const bool is_command = absl::ConsumePrefix(&line, "  ");
      if (is_command && !goes_on) examples.emplace_back(line);
      goes_on = is_command && (absl::EndsWith(line, "|") || absl::EndsWith(line, "\\"));
    }
    return examples;
  }
};

TEST_F(HelpTest, EveryCommandEndsWithExamplesOfItself) {
  size_t commands = 0;
  ForEachBelow({}, [&](const Words& command, const std::string& help) {
    ++commands;
    const std::vector<std::string> examples = Examples(help);
    EXPECT_THAT(examples, Not(SizeIs(0))) << absl::StrJoin(command, " ");
    const auto shows_it = [&](const std::string& example) {
      return absl::StrContains(absl::StrCat(example, " "), absl::StrCat(" ", absl::StrJoin(command, " "), " "));
    };
    EXPECT_TRUE(std::any_of(examples.begin(), examples.end(), shows_it)) << absl::StrJoin(command, " ");
  });
  EXPECT_GE(commands, 45u) << "every one was found";
}

TEST_F(HelpTest, EveryExampleIsTakenAsItStands) {
  size_t seen = 0;
  ForEachBelow({}, [&](const Words&, const std::string& help) {
    for (const std::string& example : Examples(help)) {
      Words words = ShellWords(example);
      while (!words.empty() && absl::StrContains(words[0], '=')) words.erase(words.begin());
      ASSERT_FALSE(words.empty()) << example;
      ASSERT_EQ(words[0], "baton") << example;
      ++seen;
      const ExitCode code = Run(Words(words.begin() + 1, words.end()));
      EXPECT_THAT(err.str(), Not(HasSubstr("--help`"))) << example;
      // Files that examples name are not there.
      const bool lacks_only_a_file = absl::StrContains(err.str(), ": cannot read ");
      const bool lacks_a_profile = absl::StrContains(err.str(), "there is no profile ");
      const bool lacks_a_terminal = absl::StrContains(err.str(), "top draws on a terminal");
      if (lacks_only_a_file || lacks_a_profile || lacks_a_terminal) continue;
      EXPECT_NE(code, ExitCode::kBadInput) << example << "\n" << err.str();
    }
  });
  EXPECT_GE(seen, 90u);
}

TEST_F(HelpTest, ABadExampleWouldBeFound) {
  EXPECT_EQ(ShellWords("baton submit a --json '{\"b\": 1}' --wait > c | d"),
            (Words{"baton", "submit", "a", "--json", "{\"b\": 1}", "--wait"}));
  EXPECT_EQ(ShellWords("baton backup n-$(date +%F)"), (Words{"baton", "backup", "n-$(date +%F)"}));
  EXPECT_EQ(Run({"list", "--no-such-option"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("See `baton list --help`"));
}

}  // namespace
}  // namespace baton::cli
