// Entry point of `baton`, the command line of the broker.
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "client_cli/application.h"
#include "client_cli/top/terminal.h"

namespace {

size_t TerminalWidth() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool CanDraw(bool out_is_terminal) {
  const char* kind = std::getenv("TERM");
  return out_is_terminal && isatty(STDIN_FILENO) == 1 && kind != nullptr && std::string(kind) != "dumb";
}

// Empty values are as good as none.
std::optional<std::string> Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

std::string ConfigPath() {
  constexpr char kFile[] = "/baton/config.toml";
  if (const auto folder = Variable("XDG_CONFIG_HOME")) return *folder + kFile;
  const auto home = Variable("HOME");
  return home.has_value() ? *home + "/.config" + kFile : "";
}

baton::cli::Environment ProcessEnvironment() {
  baton::cli::Environment environment{.in = std::cin, .out = std::cout, .err = std::cerr};
  environment.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  environment.err_is_terminal = isatty(STDERR_FILENO) == 1;
  environment.terminal_width = TerminalWidth();
  environment.broker_variable = Variable("BATON_BROKER");
  environment.profile_variable = Variable("BATON_PROFILE");
  environment.config_path = ConfigPath();
  environment.access_token_variable = Variable("BATON_ACCESS_TOKEN");
  environment.access_token_file_variable = Variable("BATON_ACCESS_TOKEN_FILE");
  environment.no_color = Variable("NO_COLOR").has_value();
  environment.version = BATON_VERSION;
  environment.time_zone = absl::LocalTimeZone();
  environment.now = absl::Now;
  environment.sleep = absl::SleepFor;
  environment.connect = [](const std::string& address, const baton::TlsOptions& tls) {
    return baton::cli::ConnectBroker(address, absl::SleepFor, tls);
  };
  environment.free_bytes = baton::cli::FreeBytes;
  environment.run_batond = baton::cli::RunBatond;
  if (CanDraw(environment.out_is_terminal)) environment.open_terminal = baton::cli::top::OpenTerminal;
  return environment;
}

}  // namespace

int main(int argc, char** argv) {
  // gRPC locks absl::Mutex all over; looking for lock cycles costs more than the locks, and aborts where it finds one.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::ios::sync_with_stdio(false);
  return static_cast<int>(
      baton::cli::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc), ProcessEnvironment()));
}
