// batond: reads flags and settings, runs a broker until it is told to stop.
//
// Exit codes: 0 stopped as told; 1 the broker could not start or go on; 2 a flag or a setting is wrong. Those of the
// verbs `verify` and `create-token` are told in verify_command.h and token_command.h.
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <sys/resource.h>
#include <csignal>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "broker/base/clock.h"
#include "broker/base/named_thread.h"
#include "broker/server/access/rights_table.h"
#include "broker/server/broker.h"
#include "broker/server/certificates.h"
#include "broker/server/logging.h"
#include "broker/server/settings.h"
#include "broker/server/version.h"
#include "broker/service_manager.h"
#include "broker/token_command.h"
#include "broker/verify_command.h"
#include "spdlog/spdlog.h"

namespace {

using baton::server::Broker;
using baton::server::Settings;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

struct Flags {
  std::string config;
  bool print_config = false;
  bool print_access = false;
  // Settings given as flags, which override the file.
  std::vector<std::pair<std::string, std::string>> settings;
};

int Complain(int code, const absl::Status& status) {
  std::fprintf(stderr, "batond: %s\n", std::string(status.message()).c_str());
  return code;
}

void AddSetting(CLI::App* app, const std::string& flag, const std::string& setting, const std::string& help,
                Flags* flags) {
  app->add_option_function<std::string>(
      flag, [flags, setting](const std::string& value) { flags->settings.emplace_back(setting, value); },
      help + " (setting " + setting + ")");
}

void DeclareFlags(CLI::App* app, Flags* flags) {
  app->add_option("--config", flags->config, "Read settings from this TOML file; flags override it");
  AddSetting(app, "--data-dir", "server.data_dir", "Directory where everything is stored", flags);
  AddSetting(app, "--listen", "server.listen", "HOST:PORT or unix:PATH, default 127.0.0.1:7461", flags);
  AddSetting(app, "--log-level", "server.log_level", "trace, debug, info, warning, error, critical or off", flags);
  AddSetting(app, "--log-format", "log.format", "text or json", flags);
  AddSetting(app, "--metrics", "metrics.address", "HOST:PORT of metrics and health over HTTP, default none", flags);
  AddSetting(app, "--recover", "storage.recover", "tail or point-in-time: what to do with a damaged log", flags);
  app->add_flag("--print-config", flags->print_config, "Print all settings in force, with their meaning, and exit");
  app->add_flag("--print-access", flags->print_access, "Print which role of access tokens has which call, and exit");
  app->set_version_flag("--version", std::string("batond ") + baton::server::kVersion);
}

absl::Status ReadAllSettings(const Flags& flags, Settings* settings) {
  if (!flags.config.empty()) {
    if (absl::Status status = baton::server::ReadSettingsFile(flags.config, settings); !status.ok()) return status;
  }
  for (const auto& [name, value] : flags.settings) {
    if (absl::Status status = baton::server::SetSetting(name, value, settings); !status.ok()) return status;
  }
  return baton::server::CheckSettings(*settings);
}

// Settings that name files which cannot be used.
absl::Status CheckFiles(const Settings& settings) {
  if (settings.tls.certificate.empty()) return absl::OkStatus();
  return baton::server::ReadCertificates(settings.tls, baton::SystemClock().Read().wall).status();
}

// Each connection is a descriptor, and when they run out gRPC stops listening for good.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) spdlog::warn("the limit of open files cannot be raised");
}

void LogFromGrpc(gpr_log_func_args* args) {
  const bool severe = args->severity == GPR_LOG_SEVERITY_ERROR;
  spdlog::log(severe ? spdlog::level::debug : spdlog::level::trace, "grpc: {}", args->message);
}

void LogFromProtobuf(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  spdlog::debug("protobuf: {}", message);
}

void SetUpLogging(const std::string& level, const std::string& format) {
  baton::server::StartLogging(level, format);
  gpr_set_log_function(LogFromGrpc);
  google::protobuf::SetLogHandler(LogFromProtobuf);
}

// The broker, as far as signals are concerned.
class RunningBroker {
 public:
  void Set(Broker* broker) {
    absl::MutexLock lock(&mutex_);
    broker_ = broker;
  }
  // One that is starting or has stopped has nothing to reload.
  void Reload() {
    absl::MutexLock lock(&mutex_);
    if (broker_ == nullptr) return;
    broker_->ReloadCertificates();
    const absl::Status status = broker_->ReloadTokens();
    if (status.ok()) return;
    spdlog::error("told to reload (SIGHUP), but the access tokens stay as they were: {}",
                  std::string(status.message()));
  }

 private:
  absl::Mutex mutex_;
  Broker* broker_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

// SIGHUP: reads the settings again, and logs as they say from now on. What else has changed needs a restart.
void Reload(const Flags& flags, const Settings& running) {
  Settings settings;
  if (absl::Status status = ReadAllSettings(flags, &settings); !status.ok()) {
    return spdlog::error("told to reload (SIGHUP), but nothing is changed: {}", std::string(status.message()));
  }
  baton::server::ChangeLogging(settings.log_level, settings.log_format);
  spdlog::info("told to reload (SIGHUP): server.log_level is {}, log.format is {}", settings.log_level,
               settings.log_format);
  for (const std::string& name : baton::server::ChangedSettings(running, settings)) {
    const bool taken = name == "server.log_level" || name == "log.format";
    if (!taken) spdlog::warn("setting {} has changed: it needs a restart", name);
  }
}

// SIGTERM and SIGINT: the first one asks to stop, the second one ends the process at once.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

// The next one that is not SIGHUP, which is done on the way.
void WaitForStop(const sigset_t& signals, const std::function<void()>& reload) {
  int number = 0;
  while (sigwait(&signals, &number) != 0 || number == SIGHUP) {
    if (number == SIGHUP) reload();
  }
}

void WatchSignals(sigset_t signals, std::function<void()> reload, absl::Notification* stop) {
  baton::NamedThread("signals", [signals, reload = std::move(reload), stop] {
    WaitForStop(signals, reload);
    stop->Notify();
    WaitForStop(signals, reload);
    std::fprintf(stderr, "batond: told to stop twice: stopping at once\n");
    std::_Exit(kFailed);
  }).detach();
}

// What to tell the service manager when the broker begins to stop. A drain may take longer than it usually waits.
std::string StoppingState(const Settings& settings) {
  return absl::StrCat("STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=",
                      settings.engine.drain_deadline + baton::kMinute);
}

// A backup that is being written is finished first, however long that takes: the service manager is asked for more time
// again and again.
void AwaitBackup(Broker* broker) {
  while (!broker->WaitForBackup(absl::Seconds(10))) {
    baton::TellServiceManager(
        absl::StrCat("STATUS=finishing a backup\nEXTEND_TIMEOUT_USEC=", baton::kMinute));
  }
}

int Run(const Flags& flags, const Settings& settings) {
  // Live as long as the process: a detached thread refers to them.
  auto* stop = new absl::Notification;
  auto* running = new RunningBroker;
  const auto reload = [flags, settings, running] {
    Reload(flags, settings);
    running->Reload();
  };
  WatchSignals(BlockSignals(), reload, stop);
  absl::StatusOr<std::unique_ptr<Broker>> broker = Broker::Start(settings);
  if (!broker.ok()) return Complain(kFailed, broker.status());
  running->Set(broker->get());
  std::printf("batond %s serving on %s %s(data in %s)\n", baton::server::kVersion, (*broker)->address().c_str(),
              (*broker)->has_tls() ? "with TLS " : "", settings.store.directory.c_str());
  std::fflush(stdout);
  baton::TellServiceManager(absl::StrCat("READY=1\nSTATUS=serving on ", (*broker)->address()));
  stop->WaitForNotification();
  baton::TellServiceManager(StoppingState(settings));
  spdlog::info("told to stop: draining");
  if (!(*broker)->Drain("the broker is stopping"))
    spdlog::warn("the drain deadline passed with attempts still running");
  running->Set(nullptr);
  AwaitBackup(broker->get());
  broker->reset();
  spdlog::info("stopped");
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  // Costs three quarters of every lock, and would end the process at a cycle anywhere, also in gRPC.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  CLI::App app("The Baton task broker.", "batond");
  Flags flags;
  DeclareFlags(&app, &flags);
  baton::VerifyFlags verify_flags;
  const CLI::App* verify = baton::DeclareVerify(&app, &verify_flags);
  baton::TokenFlags token_flags;
  const CLI::App* create_token = baton::DeclareCreateToken(&app, &token_flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? EXIT_SUCCESS : kUsage;
  }
  if (verify->parsed()) {
    SetUpLogging("warning", "text");
    return baton::RunVerify(verify_flags);
  }
  if (create_token->parsed()) return baton::RunCreateToken(token_flags);
  if (flags.print_access) {
    std::fputs(baton::server::RightsAsText().c_str(), stdout);
    return EXIT_SUCCESS;
  }
  Settings settings;
  if (absl::Status status = ReadAllSettings(flags, &settings); !status.ok()) return Complain(kUsage, status);
  if (flags.print_config) {
    std::fputs(SettingsToToml(settings, baton::server::Comments::kYes).c_str(), stdout);
    return EXIT_SUCCESS;
  }
  if (absl::Status status = CheckFiles(settings); !status.ok()) return Complain(kUsage, status);
  SetUpLogging(settings.log_level, settings.log_format);
  RaiseDescriptorLimit();
  return Run(flags, settings);
}
