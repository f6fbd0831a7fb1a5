#include "client_cli/session.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client_cli/error_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/style.h"
#include "client_cli/text/time_text.h"

namespace baton::cli {

namespace {

// How long one broker of several may take to show that it is there.
constexpr absl::Duration kReachable = absl::Seconds(2);

bool IsThere(Broker& broker, absl::Duration timeout) {
  const absl::Status status = broker.GetServerInfo(std::min(timeout, kReachable)).status();
  return !absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status);
}

}  // namespace

Broker& Session::broker() {
  if (broker_ == nullptr) broker_ = Connect();
  return *broker_;
}

std::unique_ptr<Broker> Session::Connect() const {
  const std::vector<std::string> addresses = absl::StrSplit(address(), ',');
  for (size_t i = 0; i + 1 < addresses.size(); ++i) {
    std::unique_ptr<Broker> broker = ConnectTo(addresses[i]);
    if (IsThere(*broker, call_timeout())) return broker;
  }
  return ConnectTo(addresses.back());
}

std::unique_ptr<Broker> Session::ConnectTo(const std::string& address) const {
  std::unique_ptr<Broker> broker = environment_.connect(address, options_.tls);
  if (options_.access_token != nullptr) broker->UseAccessToken(options_.access_token);
  return broker;
}

void Session::Reconnect() {
  if (absl::StrContains(address(), ",")) broker_ = nullptr;
}

TableStyle Session::style() const {
  bool terminal = environment_.out_is_terminal;
  return {.color = terminal && !options_.no_color && !environment_.no_color,
          .terminal_width = terminal ? environment_.terminal_width : 0};
}

ExitCode Session::Fail(const absl::Status& status) {
  environment_.out.flush();
  environment_.err << "baton: " << DescribeError(status, options_.connection.address) << std::endl;
  return ExitCodeFor(status);
}

ExitCode Session::Print(const Json& object) {
  bool one_line = options_.format == OutputFormat::kJsonLines;
  environment_.out << (one_line ? CompactJson(object) : PrettyJson(object)) << '\n';
  return ExitCode::kOk;
}

std::string Session::Local(absl::Time time) const {
  return FormatLocal(time, environment_.now(), environment_.time_zone);
}

std::string Session::Local(int64_t unix_microseconds) const {
  return unix_microseconds == 0 ? "" : Local(absl::FromUnixMicros(unix_microseconds));
}

RecordWriter::RecordWriter(Session& session, std::vector<std::string> header)
    : session_(session), table_(session.environment().out, std::move(header), session.style()) {}

void RecordWriter::Add(std::vector<Cell> row, const google::protobuf::Message& record) {
  if (session_.is_table()) {
    ++count_;
    table_.AddRow(std::move(row));
  } else {
    Add({}, MessageJson(record));
  }
}

void RecordWriter::Add(std::vector<Cell> row, const Json& record) {
  ++count_;
  std::ostream& out = session_.environment().out;
  switch (session_.options().format) {
    case OutputFormat::kTable:
      table_.AddRow(std::move(row));
      break;
    case OutputFormat::kJson:
      out << (count_ == 1 ? "[\n" : ",\n") << PrettyJson(record);
      break;
    case OutputFormat::kJsonLines:
      out << CompactJson(record) << '\n';
      break;
  }
}

void RecordWriter::Flush() {
  if (session_.is_table() && count_ > 0) table_.Flush();
  session_.environment().out.flush();
}

ExitCode RecordWriter::Finish(const std::string& empty_note) {
  Flush();
  if (session_.options().format == OutputFormat::kJson) session_.environment().out << (count_ == 0 ? "[]\n" : "\n]\n");
  if (session_.is_table() && count_ == 0 && !empty_note.empty()) session_.environment().err << empty_note << std::endl;
  return ExitCode::kOk;
}

namespace {

// SimpleAtoi alone would take blanks around the number and a plus sign.
bool ParseDigits(const std::string& text, uint64_t* value) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos && absl::SimpleAtoi(text, value);
}

}  // namespace

absl::StatusOr<uint64_t> ParseCount(absl::string_view option, const std::string& text, uint64_t smallest,
                                    uint64_t largest) {
  uint64_t count = 0;
  if (ParseDigits(text, &count) && count >= smallest && count <= largest) return count;
  return absl::InvalidArgumentError(
      absl::StrCat(option, ": \"", Printable(text), "\" is not a whole number between ", smallest, " and ", largest));
}

absl::StatusOr<uint64_t> ParseTaskId(const std::string& text, absl::string_view option) {
  uint64_t id = 0;
  if (ParseDigits(text, &id) && id > 0) return id;
  return absl::InvalidArgumentError(absl::StrCat(option, ": \"", Printable(text),
                                                 "\" is not a task id; it is a whole number from 1, as `baton submit` "
                                                 "and `baton list` print it"));
}

absl::StatusOr<std::vector<uint64_t>> ParseTaskIds(const std::vector<std::string>& texts) {
  std::vector<uint64_t> ids;
  for (const std::string& text : texts) {
    absl::StatusOr<uint64_t> id = ParseTaskId(text);
    if (!id.ok()) return id.status();
    ids.push_back(*id);
  }
  return ids;
}

}  // namespace baton::cli
