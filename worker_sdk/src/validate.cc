#include "worker_sdk/src/validate.h"

#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "worker_sdk/src/broker_address.h"
#include "worker_sdk/src/sdk_limits.h"
#include "worker_sdk/src/text.h"
#include "worker_sdk/src/tls_files.h"

namespace baton::inline sdk {
namespace internal {
namespace {

constexpr absl::Duration kLongest = absl::Hours(24 * 30);
constexpr char kAlphabet[] = "[A-Za-z0-9_.:/-]";

// The first failure of several checks.
class Checks {
 public:
  explicit Checks(std::string where) : where_(std::move(where)) {}

  template <typename T>
  void Range(const char* field, const std::optional<T>& value, T low, T high, const char* besides = "") {
    if (value && !(*value >= low && *value <= high)) {
      Refuse(absl::StrCat(field, " is ", Show(*value), "; allowed are ", besides, Show(low), " to ", Show(high),
                          ": change it or leave it unset"));
    }
  }
  void Names(const char* field, const std::vector<std::string>& names, size_t limit) {
    if (names.size() > limit) {
      Refuse(absl::StrCat(field, " has ", names.size(), " names; at most ", limit, " are allowed: remove some"));
    }
    std::set<std::string> seen;
    for (const std::string& name : names) {
      Name(field, name, kNameBytes);
      if (!seen.insert(name).second) Refuse(absl::StrCat(field, " has '", name, "' twice: remove one"));
    }
  }
  void Name(const char* field, const std::string& name, size_t limit) {
    if (!IsName(name, limit)) {
      Refuse(absl::StrCat(field, " is '", CleanText(name, kNameBytes), "' (", name.size(), " bytes); allowed are 1 to ",
                          limit, " bytes of ", kAlphabet, ": rename it"));
    }
  }
  void Text(const char* field, const std::string& text, size_t limit) {
    if (text.size() > limit) {
      Refuse(absl::StrCat(field, " has ", text.size(), " bytes; at most ", limit, " are allowed: shorten it"));
    } else if (!IsUtf8(text)) {
      Refuse(absl::StrCat(field, " is not UTF-8: encode it"));
    }
  }
  void JsonObject(const char* field, const std::string& text, size_t limit) {
    Text(field, text, limit);
    if (status_.ok() && !text.empty() && !IsJsonObject(text)) {
      Refuse(absl::StrCat(field, " is not a well-formed JSON object: write it like {\"key\": 1}"));
    }
  }
  void Refuse(const std::string& what) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(absl::StrCat(where_, what));
  }
  const absl::Status& status() const { return status_; }

 private:
  static std::string Show(int value) { return absl::StrCat(value); }
  static std::string Show(double value) { return absl::StrCat(value); }
  static std::string Show(absl::Duration value) { return absl::FormatDuration(value); }

  const std::string where_;
  absl::Status status_;
};

std::optional<absl::Duration> Given(absl::Duration value) { return value; }

}  // namespace

absl::Status ValidateTaskOptions(const std::string& where, const TaskOptions& options) {
  Checks checks(absl::StrCat(where, ": "));
  checks.Range("priority", options.priority, -20, 20);
  checks.Range("timeout", options.timeout, absl::Milliseconds(1), kLongest);
  checks.Range("max_retries", options.max_retries, 1, 1000);
  checks.Range("retry_interval", options.retry_interval, absl::ZeroDuration(), kLongest);
  checks.Range("retry_interval_cap", options.retry_interval_cap, absl::ZeroDuration(), kLongest);
  checks.Range("retry_jitter", options.retry_jitter, 0.0, 1.0);
  if (options.progress_timeout != absl::ZeroDuration()) {
    checks.Range("progress_timeout", options.progress_timeout, absl::Milliseconds(1), kLongest, "0 (none) or ");
  }
  if (options.required_capabilities) {
    checks.Names("required_capabilities", *options.required_capabilities, kTaskCapabilities);
  }
  return checks.status();
}

absl::Status ValidateRegistration(const Registration& registration) {
  if (registration.type.empty()) {
    return absl::InvalidArgumentError(
        "handler without a type: name the task type it serves, e.g. Use(\"resize\", ...)");
  }
  Checks type("handler: ");
  type.Name("type", registration.type, kNameBytes);
  if (!type.status().ok()) return type.status();
  const std::string where = absl::StrCat("handler '", registration.type, "'");
  Checks checks(absl::StrCat(where, ": "));
  if (!registration.options.handler) {
    checks.Refuse("the function is empty: give one that takes a baton::Task& and returns a baton::Outcome");
  }
  checks.Text("description", registration.options.description, kDescriptionBytes);
  checks.Range("max_concurrency", registration.options.max_concurrency, 1, kSlots);
  if (!checks.status().ok()) return checks.status();
  return ValidateTaskOptions(where, registration.options.options);
}

absl::Status ValidateWorkerOptions(const WorkerOptions& options) {
  Checks checks("worker options: ");
  checks.Range("max_concurrency", std::optional<int>(options.max_concurrency), 1, kSlots);
  checks.Range("prefetch", std::optional<int>(options.prefetch), 0, kSlots);
  if (checks.status().ok() && options.max_concurrency + options.prefetch > kSlots) {
    checks.Refuse(absl::StrCat("max_concurrency and prefetch are ", options.max_concurrency + options.prefetch,
                               " together; at most ", kSlots, " are allowed: lower one"));
  }
  checks.Names("capabilities", options.capabilities, kWorkerCapabilities);
  checks.Range("retry.max_attempts", options.retry.max_attempts, 1, 1000);
  checks.Range("retry.interval", options.retry.interval, absl::ZeroDuration(), kLongest);
  checks.Range("retry.cap", options.retry.cap, absl::ZeroDuration(), kLongest);
  checks.Range("retry.jitter", options.retry.jitter, 0.0, 1.0);
  return checks.status();
}

absl::Status ValidateAddresses(const std::string& broker, const TlsOptions& tls) {
  const absl::StatusOr<std::string> addresses = FindAddresses(broker);
  if (!addresses.ok()) return addresses.status();
  for (const std::string& address : SplitAddresses(*addresses)) {
    if (absl::Status status = ValidateTls(address, tls); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ValidateIdentity(const WorkerIdentity& identity, int max_concurrency) {
  Checks checks("worker identity: ");
  checks.Name("worker_id", identity.worker_id, kNameBytes);
  if (!identity.pod_id.empty()) checks.Name("pod_id", identity.pod_id, kNameBytes);
  checks.Range("drain_deadline", Given(identity.drain_deadline), absl::ZeroDuration(), absl::Hours(1));
  checks.Range("lost_slot_grace", Given(identity.lost_slot_grace), absl::ZeroDuration(), absl::Hours(1));
  checks.Range("max_lost_slots", std::optional<int>(identity.max_lost_slots), 0, max_concurrency);
  const absl::Status addresses = ValidateAddresses(identity.broker, identity.tls);
  if (!addresses.ok()) checks.Refuse(std::string(addresses.message()));
  if (!identity.log) checks.Refuse("log is empty: leave it at LogToStderr or give a function");
  return checks.status();
}

absl::StatusOr<v1::Checkpoint> MakeCheckpoint(const std::string& code, const std::string& message,
                                              const std::string& metadata_json) {
  Checks checks("Audit: ");
  const std::string trimmed(Trimmed(code));
  if (trimmed.empty()) checks.Refuse("code is empty: name what happened, e.g. \"rows_loaded\"");
  checks.Text("code", trimmed, kNameBytes);
  checks.Text("message", message, kTextBytes);
  checks.JsonObject("metadata_json", metadata_json, kMetadataBytes);
  if (!checks.status().ok()) return checks.status();
  v1::Checkpoint checkpoint;
  checkpoint.set_code(trimmed);
  checkpoint.set_message(message);
  checkpoint.set_metadata_json(metadata_json);
  return checkpoint;
}

absl::StatusOr<v1::Progress> MakeProgress(const ProgressReport& report) {
  Checks checks("Progress: ");
  if (!report.percent && Trimmed(report.text).empty() && Trimmed(report.stage_name).empty()) {
    checks.Refuse("it says nothing: set percent, text or stage_name");
  }
  checks.Range("percent", report.percent, 0.0, 100.0);
  checks.Text("text", report.text, kTextBytes);
  checks.Text("stage_name", report.stage_name, kNameBytes);
  checks.JsonObject("metadata_json", report.metadata_json, kMetadataBytes);
  if (!checks.status().ok()) return checks.status();
  v1::Progress progress;
  if (report.percent) progress.set_percent(*report.percent);
  progress.set_text(report.text);
  progress.set_stage_name(report.stage_name);
  progress.set_metadata_json(report.metadata_json);
  return progress;
}

}  // namespace internal
}  // namespace baton::inline sdk
