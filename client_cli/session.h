// One run of a command: the global options, the broker, and the ways to answer.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "baton/tls.h"
#include "client_cli/access_token.h"
#include "client_cli/environment.h"
#include "client_cli/exit_code.h"
#include "client_cli/profiles.h"
#include "client_cli/text/json_text.h"
#include "client_cli/text/table.h"
#include "google/protobuf/message.h"

namespace baton::cli {

enum class OutputFormat { kTable, kJson, kJsonLines };

struct GlobalOptions {
  OutputFormat format = OutputFormat::kTable;
  // Its address is as EncryptAddress returns it.
  ConnectionChoice connection;
  // Complete.
  TlsOptions tls;
  // Null: none.
  AccessTokenSource access_token;
  // As given; unset: ten seconds for an answer, no limit for the end of a task.
  std::optional<absl::Duration> timeout;
  bool no_color = false;
  // Results are printed as they are on a terminal, too.
  bool raw = false;
};

// Not thread-safe. `environment` must outlive the session.
class Session {
 public:
  Session(const Environment& environment, GlobalOptions options)
      : environment_(environment), options_(std::move(options)) {}

  const Environment& environment() const { return environment_; }
  const GlobalOptions& options() const { return options_; }
  bool is_table() const { return options_.format == OutputFormat::kTable; }

  // Of the broker; of several, with commas between them.
  const std::string& address() const { return options_.connection.address; }

  // Connects at the first use; of several brokers, to the first that answers, or else to the last.
  Broker& broker();
  // The broker has not answered: of several, the next use looks anew for one that does.
  void Reconnect();

  // How long a call may take.
  absl::Duration call_timeout() const { return options_.timeout.value_or(absl::Seconds(10)); }

  TableStyle style() const;

  // Prints the error and returns its exit code.
  ExitCode Fail(const absl::Status& status);

  // Prints one JSON object in the chosen format; kOk.
  ExitCode Print(const Json& object);

  // "2026-11-23 17:00:00 (5m ago)".
  std::string Local(absl::Time time) const;
  // The same for microseconds since the Unix epoch; empty for 0.
  std::string Local(int64_t unix_microseconds) const;

 private:
  std::unique_ptr<Broker> Connect() const;
  std::unique_ptr<Broker> ConnectTo(const std::string& address) const;

  const Environment& environment_;
  const GlobalOptions options_;
  std::unique_ptr<Broker> broker_;
};

// Prints a list of records as rows of a table, as one JSON array, or as one JSON object a line.
class RecordWriter {
 public:
  // `session` must outlive the writer.
  RecordWriter(Session& session, std::vector<std::string> header);

  void Add(std::vector<Cell> row, const google::protobuf::Message& record);
  void Add(std::vector<Cell> row, const Json& record);

  // What was added so far is complete enough to be shown: the end of a page.
  void Flush();

  // Ends the list. `empty_note` goes to standard error when a table would have no rows.
  ExitCode Finish(const std::string& empty_note);

 private:
  Session& session_;
  Table table_;
  size_t count_ = 0;
};

// A count from the command line, `smallest` to `largest`. CLI11 would take "-1" for the largest unsigned number.
absl::StatusOr<uint64_t> ParseCount(absl::string_view option, const std::string& text, uint64_t smallest,
                                    uint64_t largest = std::numeric_limits<uint64_t>::max());

// A task id from the command line. The error names the option and what was written.
absl::StatusOr<uint64_t> ParseTaskId(const std::string& text, absl::string_view option = "task id");
absl::StatusOr<std::vector<uint64_t>> ParseTaskIds(const std::vector<std::string>& texts);

}  // namespace baton::cli
