// baton complete -- WORD...: what may stand in place of the last word. Hidden: the completion of the shells asks it,
// with the words after `baton` up to the one under the cursor, so that it knows every command and option of this very
// program.
//
// Answers one candidate a line, with a tab and its description behind it; nothing where a file or a word of the user's
// own belongs. Asks no broker.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "client_cli/command_table.h"
#include "client_cli/text/enum_text.h"

namespace baton::cli {
namespace {

struct Candidate {
  std::string word;
  std::string description;
};

// Options are shown on a line each, and descriptions beside them: the first sentence will do.
std::string Summary(const std::string& description) {
  const std::string sentence = description.substr(0, description.find_first_of("\n\t"));
  const size_t end = sentence.find(". ");
  return end == std::string::npos ? sentence : sentence.substr(0, end);
}

bool IsShown(const CLI::App* command) { return !command->get_name().empty() && !command->get_group().empty(); }

// Those of the command, of its option groups, and of the commands above it, which it takes as well.
std::vector<const CLI::Option*> OptionsOf(const CLI::App* command) {
  std::vector<const CLI::Option*> options = command->get_options();
  for (const CLI::App* group :
       command->get_subcommands([](const CLI::App* below) { return below->get_name().empty(); }))
    for (const CLI::Option* option : group->get_options()) options.push_back(option);
  for (const CLI::App* above = command->get_parent(); above != nullptr; above = above->get_parent()) {
    for (const CLI::Option* option : above->get_options()) {
      const bool is_known = std::any_of(options.begin(), options.end(), [option](const CLI::Option* known) {
        return known->get_lnames() == option->get_lnames() && known->get_snames() == option->get_snames();
      });
      // The version is that of the whole program.
      if (!is_known && !option->check_lname("version")) options.push_back(option);
    }
  }
  return options;
}

const CLI::Option* FindOption(const CLI::App* command, const std::string& word) {
  for (const CLI::Option* option : OptionsOf(command)) {
    if (option->nonpositional() && option->check_name(word)) return option;
  }
  return nullptr;
}

bool TakesValue(const CLI::Option* option) { return option != nullptr && option->get_items_expected_max() > 0; }

// By its name or another name of it.
const CLI::App* FindCommand(const CLI::App* above, const std::string& name) {
  const auto found = above->get_subcommands(
      [&name](const CLI::App* command) { return IsShown(command) && command->check_name(name); });
  return found.empty() ? nullptr : found.front();
}

// Where the words before the last one have led to.
struct Place {
  const CLI::App* command;
  // The option whose value comes next; null: none's.
  const CLI::Option* option = nullptr;
};

Place Follow(const CLI::App* root, const std::vector<std::string>& words) {
  Place place{root};
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    // Bash takes --format=json for three words.
    if (word == "=" && place.option != nullptr) continue;
    if (place.option != nullptr) {
      place.option = nullptr;
    } else if (absl::StartsWith(word, "-")) {
      const CLI::Option* option = FindOption(place.command, word);
      if (TakesValue(option)) place.option = option;
    } else if (const CLI::App* command = FindCommand(place.command, word); command != nullptr) {
      place.command = command;
    }
  }
  return place;
}

// What the option's value may be, if that is a set of words.
std::vector<Candidate> ValuesOf(const CLI::Option* option) {
  std::vector<Candidate> values;
  const std::string kind = option->get_type_name();
  if (kind == "STATE") {
    const auto* states = v1::TaskState_descriptor();
    for (int i = 0; i < states->value_count(); ++i) {
      if (states->value(i)->number() == v1::TASK_STATE_UNSPECIFIED) continue;
      values.push_back({absl::AsciiStrToLower(EnumText(*states, states->value(i)->number())), ""});
    }
  } else if (absl::StrContains(kind, '|') && absl::AsciiStrToLower(kind) == kind) {
    for (absl::string_view value : absl::StrSplit(kind, '|')) values.push_back({std::string(value), ""});
  }
  return values;
}

std::vector<Candidate> OptionNames(const CLI::App* command) {
  std::vector<Candidate> names;
  for (const CLI::Option* option : OptionsOf(command)) {
    if (option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) {
      names.push_back({absl::StrCat("--", name), Summary(option->get_description())});
    }
  }
  return names;
}

std::vector<Candidate> CommandNames(const CLI::App* above) {
  std::vector<Candidate> names;
  for (const CLI::App* command : above->get_subcommands(IsShown)) {
    names.push_back({command->get_name(), Summary(command->get_description())});
  }
  return names;
}

std::vector<Candidate> Complete(const CLI::App* root, const std::vector<std::string>& words) {
  const Place place = Follow(root, words);
  std::string begin = words.empty() ? "" : words.back();
  std::vector<Candidate> candidates;
  if (place.option != nullptr) {
    candidates = ValuesOf(place.option);
    if (begin == "=") begin.clear();
  } else if (const size_t sign = begin.find('='); absl::StartsWith(begin, "--") && sign != std::string::npos) {
    const CLI::Option* option = FindOption(place.command, begin.substr(0, sign));
    if (TakesValue(option)) candidates = ValuesOf(option);
    for (Candidate& candidate : candidates) candidate.word.insert(0, begin, 0, sign + 1);
  } else {
    candidates = absl::StartsWith(begin, "-") ? OptionNames(place.command) : CommandNames(place.command);
  }
  const auto differs = [&begin](const Candidate& candidate) { return !absl::StartsWith(candidate.word, begin); };
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(), differs), candidates.end());
  return candidates;
}

}  // namespace

void AddCompleteCommand(CommandTable& commands) {
  auto words = std::make_shared<std::vector<std::string>>();
  auto root = std::make_shared<const CLI::App*>();
  CLI::App& command = commands.Add("complete", "Tells what may stand in place of the last word",
                                   "  baton complete -- submit --ti\n", [words, root](Session& session) {
                                     for (const Candidate& candidate : Complete(*root, *words)) {
                                       session.environment().out << candidate.word << '\t' << candidate.description
                                                                 << '\n';
                                     }
                                     return ExitCode::kOk;
                                   });
  *root = command.get_parent();
  // No group: not listed.
  command.group("");
  command.add_option("words", *words, "The words after `baton`, behind a --")->type_name("WORD");
}

}  // namespace baton::cli
