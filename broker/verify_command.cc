#include "broker/verify_command.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "broker/base/clock.h"
#include "broker/base/status_macros.h"
#include "broker/engine/verify/verify.h"
#include "broker/storage/rocksdb_store.h"

namespace baton {
namespace {

using engine::Check;
using engine::Findings;
using engine::LiveState;

constexpr int kDamaged = 1;
constexpr int kNotVerified = 2;

constexpr char kHelp[] = R"(
Reads every record of a stopped broker's store once, and compares with it what is derived: pages, checkpoint, journal,
counters and unique keys. Without --repair nothing in DIR is changed.

Each finding is one line, `KIND: what is wrong`, at most 20 of a kind. A kind marked (lost) is damage that nothing else
in the store makes good.

--repair writes everything derived anew. Running tasks become pending, at no cost to them; their workers are told that
their attempts are over. Copy DIR first if you can. Root becomes the user who owns DIR, so that the broker can open what
is written. A repair that was interrupted has to be repeated before a broker starts. If anything is lost the repair
refuses, and the best way out is a backup; --drop-lost takes the tasks that are affected out of the store for good, as
if they had been deleted, and keeps all others.

Exit codes: 0 no damage, or all of it was mended; 1 the store is damaged; 2 it could not be verified: there is no store,
a broker is using it, it is of a newer version, or a flag is wrong.)";

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "batond: %s\n", std::string(status.message()).c_str());
  return status.code() == absl::StatusCode::kDataLoss ? kDamaged : kNotVerified;
}

// Damaged files are named by their own messages.
absl::Status WithWayOut(const absl::Status& status, const std::string& directory) {
  if (status.code() != absl::StatusCode::kDataLoss || status.message().find("Restore a backup") != std::string::npos) {
    return status;
  }
  return absl::DataLossError(absl::StrCat("data directory ", directory, " is damaged: ", status.message(),
                                          ". Restore a backup: what a damaged file held is nowhere else"));
}

absl::StatusOr<Findings> Look(const VerifyFlags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store> store,
                   storage::OpenRocksDbStoreForReading({.directory = flags.directory}));
  return engine::Verify(engine::EngineSettings(), *store);
}

// Root repairs as the user whose directory it is: the broker, which runs as that user, must be able to open what is
// written.
absl::Status BecomeOwner(const std::string& directory) {
  struct stat owner = {};
  if (geteuid() != 0 || stat(directory.c_str(), &owner) != 0 || owner.st_uid == 0) return absl::OkStatus();
  if (setgroups(0, nullptr) != 0 || setgid(owner.st_gid) != 0 || setuid(owner.st_uid) != 0) {
    return absl::FailedPreconditionError(absl::StrCat("cannot become user ", owner.st_uid, ", who owns ", directory,
                                                      ": ", std::strerror(errno), "; run the repair as that user"));
  }
  return absl::OkStatus();
}

absl::Status Mend(const VerifyFlags& flags) {
  RETURN_IF_ERROR(BecomeOwner(flags.directory));
  ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store> store,
                   storage::OpenRocksDbStore({.directory = flags.directory}));
  std::random_device device;
  const auto random = [&device] { return uint64_t{device()} << 32 | device(); };
  const engine::RepairOptions options{SystemClock().Read().wall, random, flags.drop_lost};
  return engine::Repair(engine::EngineSettings(), store.get(), options).status();
}

void PrintFindings(const Findings& findings) {
  for (const engine::Finding& finding : findings.kept()) {
    std::printf("%s%s: %s\n", std::string(engine::NameOf(finding.check)).c_str(),
                engine::IsLoss(finding.check) ? " (lost)" : "", finding.text.c_str());
  }
  std::vector<std::string> kinds;
  for (int i = 0; i < engine::kCheckCount; ++i) {
    const Check check = static_cast<Check>(i);
    if (findings.count(check) > 0) kinds.push_back(absl::StrCat(findings.count(check), " ", engine::NameOf(check)));
  }
  std::printf("%d finding%s: %s\n", static_cast<int>(findings.total()), findings.total() == 1 ? "" : "s",
              absl::StrJoin(kinds, ", ").c_str());
}

void PrintInventory(const engine::Inventory& inventory, Micros took) {
  std::vector<std::string> states;
  for (int state = 0; state < engine::kLiveStates; ++state) {
    if (inventory.tasks[state] == 0) continue;
    states.push_back(absl::StrCat(inventory.tasks[state], " ",
                                  absl::AsciiStrToLower(records::v1::LiveState_Name(static_cast<LiveState>(state)))));
  }
  std::printf(
      "verified as of commit %s in %s: tasks %s; %s\n", absl::StrCat(inventory.number).c_str(),
      absl::StrFormat("%.1f s", static_cast<double>(took) / kSecond).c_str(),
      states.empty() ? "none" : absl::StrJoin(states, ", ").c_str(),
      absl::StrCat(inventory.steps, " steps, ", inventory.pages, " pages, ", inventory.journal_entries,
                   " journal entries, ", inventory.unique_keys, " unique keys, ", inventory.requests, " request ids")
          .c_str());
}

void PrintNext(const VerifyFlags& flags, const Findings& findings) {
  const std::string again = absl::StrCat("batond verify ", flags.directory, " --repair");
  if (findings.losses() == 0) {
    std::printf("Nothing is lost: all of it can be rebuilt by %s\n", again.c_str());
    return;
  }
  std::printf(
      "%s of the findings cannot be made good. Restore a backup; or give up the tasks they name, and mend the rest, by "
      "%s --drop-lost\n",
      absl::StrCat(findings.losses()).c_str(), again.c_str());
}

// One look, with everything that is to be told about it.
absl::StatusOr<Findings> LookAndTell(const VerifyFlags& flags) {
  const SteadyMicros begin = SystemClock().Read().steady;
  ASSIGN_OR_RETURN(Findings findings, Look(flags));
  if (!findings.clean()) PrintFindings(findings);
  PrintInventory(findings.inventory, SystemClock().Read().steady - begin);
  return findings;
}

}  // namespace

CLI::App* DeclareVerify(CLI::App* app, VerifyFlags* flags) {
  CLI::App* verify = app->add_subcommand("verify", "Look for damage in the store of a stopped broker, and mend it");
  verify->footer(kHelp);
  verify->add_option("DIR", flags->directory, "The data directory")->required();
  CLI::Option* repair = verify->add_flag("--repair", flags->repair, "Rebuild what is derived, if there is damage");
  verify->add_flag("--drop-lost", flags->drop_lost, "Remove tasks of which a record is lost, for good")->needs(repair);
  return verify;
}

int RunVerify(const VerifyFlags& flags) {
  absl::StatusOr<Findings> findings = LookAndTell(flags);
  if (!findings.ok()) return Complain(WithWayOut(findings.status(), flags.directory));
  if (findings->clean()) {
    std::printf("No damage was found.\n");
    return EXIT_SUCCESS;
  }
  if (!flags.repair || (findings->losses() > 0 && !flags.drop_lost)) {
    PrintNext(flags, *findings);
    return kDamaged;
  }
  if (const absl::Status status = Mend(flags); !status.ok()) return Complain(WithWayOut(status, flags.directory));
  std::printf("Repaired; looking again.\n");
  findings = LookAndTell(flags);
  if (!findings.ok()) return Complain(WithWayOut(findings.status(), flags.directory));
  if (!findings->clean()) {
    std::printf("The repair did not mend everything. Restore a backup.\n");
    return kDamaged;
  }
  std::printf("No damage is left: the broker can be started.\n");
  return EXIT_SUCCESS;
}

}  // namespace baton
