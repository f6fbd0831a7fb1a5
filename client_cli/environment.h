// Everything outside the process that a command touches; tests pass their own.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "baton/tls.h"
#include "client_cli/broker_client.h"
#include "client_cli/machine.h"
#include "client_cli/top/terminal.h"

namespace baton::cli {

// The streams must outlive the run.
struct Environment {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  // Columns of the terminal; 0: unknown.
  size_t terminal_width = 0;
  // Value of BATON_BROKER.
  std::optional<std::string> broker_variable;
  // Value of BATON_PROFILE.
  std::optional<std::string> profile_variable;
  // Where the file with profiles is, which need not exist; empty: nobody knows.
  std::string config_path;
  // Values of BATON_ACCESS_TOKEN and BATON_ACCESS_TOKEN_FILE.
  std::optional<std::string> access_token_variable;
  std::optional<std::string> access_token_file_variable;
  // NO_COLOR is set.
  bool no_color = false;
  std::string version;
  absl::TimeZone time_zone;
  std::function<absl::Time()> now;
  std::function<void(absl::Duration)> sleep;
  std::function<std::unique_ptr<Broker>(const std::string& address, const TlsOptions& tls)> connect;
  // Bytes that are free for users on the disk of a directory of this machine; nothing if it cannot be seen.
  std::function<std::optional<uint64_t>(const std::string& directory)> free_bytes;
  // Runs `batond` with these arguments to its end.
  std::function<absl::StatusOr<ProgramOutput>(const std::vector<std::string>& arguments)> run_batond;
  // Takes the terminal for a live view; unset if there is none to draw on and to read keys from.
  std::function<absl::StatusOr<std::unique_ptr<top::Terminal>>()> open_terminal;
};

}  // namespace baton::cli
