#include "broker/server/setting_table.h"

#include <type_traits>
#include <utility>

#include "absl/strings/string_view.h"
#include "broker/server/address.h"

namespace baton::server {
namespace {

using Kind = Setting::Kind;

constexpr double kKiB = 1 << 10;
constexpr double kMiB = 1 << 20;
constexpr double kGiB = 1 << 30;

// `field` is a function from Settings& to a reference of the field.
template <typename Field>
Setting Number(Kind kind, const char* name, Field field, double low, double high, const char* help) {
  using T = std::remove_reference_t<decltype(field(std::declval<Settings&>()))>;
  using Stored = std::conditional_t<std::is_floating_point_v<T>, double, int64_t>;
  Setting setting{.name = name, .kind = kind, .help = help, .low = low, .high = high};
  setting.get = [field](const Settings& settings) -> Setting::Value {
    return static_cast<Stored>(field(const_cast<Settings&>(settings)));
  };
  setting.set = [field](Settings& settings, const Setting::Value& value) {
    field(settings) = static_cast<T>(std::get<Stored>(value));
  };
  return setting;
}

template <typename Field>
Setting Text(const char* name, Field field, std::vector<std::string> choices, const char* help) {
  Setting setting{.name = name, .kind = Kind::kText, .help = help, .choices = std::move(choices)};
  setting.get = [field](const Settings& settings) -> Setting::Value { return field(const_cast<Settings&>(settings)); };
  setting.set = [field](Settings& settings, const Setting::Value& value) {
    field(settings) = std::get<std::string>(value);
  };
  return setting;
}

Setting Checked(Setting setting, std::function<absl::Status(const std::string&)> check) {
  setting.check = std::move(check);
  return setting;
}

Setting WithZero(Setting setting, const char* word) {
  setting.zero = word;
  return setting;
}

// An age of what ended in one state.
template <typename Field>
Setting RetentionOf(const char* name, Field field, const char* help) {
  static_assert(Setting::kOther == engine::kAsEnded);
  Setting setting = WithZero(Number(Kind::kDuration, name, field, kSecond, 3650 * kDay, help), "never");
  setting.other = "ended";
  return setting;
}

// A setting that is an enumeration in memory: `values` and `choices` go together.
template <typename Field, typename Enum>
Setting Choice(const char* name, Field field, std::vector<std::pair<std::string, Enum>> values, const char* help) {
  Setting setting{.name = name, .kind = Kind::kText, .help = help};
  for (const auto& [text, value] : values) setting.choices.push_back(text);
  setting.get = [field, values](const Settings& settings) -> Setting::Value {
    for (const auto& [text, value] : values) {
      if (field(const_cast<Settings&>(settings)) == value) return text;
    }
    return std::string();
  };
  setting.set = [field, values](Settings& settings, const Setting::Value& chosen) {
    for (const auto& [text, value] : values) {
      if (text == std::get<std::string>(chosen)) field(settings) = value;
    }
  };
  return setting;
}

absl::Status CheckDirectory(const std::string& directory) {
  return directory.empty() ? absl::InvalidArgumentError("is empty: name a directory") : absl::OkStatus();
}

#define FIELD(path) \
  [](Settings & s) -> auto& { return s.path; }

std::vector<Setting> ServerSettings() {
  using Recover = storage::RocksDbOptions::Recover;
  return {
      Checked(Text("server.data_dir", FIELD(store.directory), {},
                   "Where everything is stored; created if it is missing. One broker at a time."),
              CheckDirectory),
      Checked(Text("server.listen", FIELD(listen), {},
                   "HOST:PORT (port 0 picks a free one) or unix:PATH. An address that other machines reach needs "
                   "tls.certificate and access.tokens_file."),
              CheckAddress),
      Choice("server.socket_mode", FIELD(socket_mode),
             std::vector<std::pair<std::string, mode_t>>{{"0600", 0600}, {"0660", 0660}, {"0666", 0666}},
             "Who may connect to unix:PATH: the broker's user, its group too, or everybody on this machine."),
      Text("server.log_level", FIELD(log_level), {"trace", "debug", "info", "warning", "error", "critical", "off"},
           "The least severe messages to log, on the standard error output."),
      Number(Kind::kDuration, "server.drain_deadline", FIELD(engine.drain_deadline), 0, kHour,
             "How long running attempts may take when the broker, or a worker, is told to stop."),
      Number(Kind::kCount, "server.max_concurrent_streams", FIELD(max_concurrent_streams), 1, 100'000,
             "Calls under way on one connection."),
      Number(
          Kind::kCount, "server.max_connections", FIELD(max_connections), 1, 1'000'000,
          "Connections, roughly; more are closed at once, and so are those that would leave the store too few of the "
          "files that the system allows this process."),
      Number(Kind::kDuration, "server.handshake_timeout", FIELD(handshake_timeout), 100 * kMillisecond, 10 * kMinute,
             "How long a new connection may take until it speaks HTTP/2, the handshake of TLS included; then it is "
             "closed."),
      Number(
          Kind::kBytes, "server.transport_bytes", FIELD(transport_bytes), 64 * kMiB, 64 * kGiB,
          "Memory for requests that are coming in and for connections. When it is used up, no connection is taken and "
          "some calls fail with RESOURCE_EXHAUSTED."),
      Number(
          Kind::kBytes, "server.unread_bytes", FIELD(unread_bytes), 16 * kMiB, 64 * kGiB,
          "Memory for answers that their clients have not read. When it is used up, the client with most of them has "
          "its calls cancelled."),
      Number(Kind::kCount, "server.max_watches", FIELD(max_watches), 0, 100'000,
             "Calls of Watch under way in all; each reads the whole journal as it comes."),
      Number(Kind::kDuration, "server.watch_heartbeat", FIELD(watch_heartbeat), 100 * kMillisecond, kHour,
             "A watcher that is told nothing for this long gets an empty response, so that dead connections show."),
      Choice("storage.recover", FIELD(store.recover),
             std::vector<std::pair<std::string, Recover>>{{"tail", Recover::kTail},
                                                          {"point-in-time", Recover::kPointInTime}},
             "What to do with a damaged log: 'tail' forgives only a last record that was cut off; 'point-in-time' "
             "drops everything behind the damage, acknowledged or not, and is for stores without a backup; attempts "
             "that run are then over, as after a backup was restored."),
      Number(Kind::kBytes, "storage.block_cache_bytes", FIELD(store.block_cache_bytes), kMiB, 64 * kGiB,
             "Memory for blocks read from disk."),
      Number(Kind::kBytes, "storage.memtable_bytes", FIELD(store.memtable_bytes), kMiB, 4 * kGiB,
             "Memory for what was written and is not flushed yet; a restart replays about twice as much."),
      WithZero(Number(Kind::kBytes, "storage.reserve_bytes", FIELD(reserve_bytes), 0, 16'384 * kGiB,
                      "While less is free on the disk of the data directory no new task is taken (DISK_FULL), so that "
                      "those that were can end: a full disk stops the broker. Leave more than engine.lane_bytes and "
                      "twice storage.memtable_bytes together."),
               "none"),
      WithZero(Number(Kind::kBytes, "storage.ballast_bytes", FIELD(ballast_bytes), 0, 1024 * kGiB,
                      "A file BALLAST of this size in the data directory is given up when the disk is too full for the "
                      "broker to start. As much as storage.memtable_bytes is enough."),
               "none"),
      Text("backup.directory", FIELD(backup_directory), {},
           "Where backups are written, each into a directory of its own; created if it is missing. Not within the data "
           "directory, and not shared with other brokers. Empty: this broker makes no backups."),
  };
}

std::vector<Setting> TlsSettings() {
  return {
      Text("tls.certificate", FIELD(tls.certificate), {},
           "PEM file with the broker's certificate and, behind it, those that lead to its CA. It and the other two are "
           "read again when they change, and at SIGHUP; connections that are open stay. Empty: no encryption."),
      Text("tls.private_key", FIELD(tls.private_key), {},
           "PEM file with the key of that certificate, which only the broker's user may be able to read."),
      Text("tls.client_ca", FIELD(tls.client_ca), {},
           "PEM file with the CAs whose clients may connect: each needs a certificate of one of them. Empty: clients "
           "are not asked for a certificate."),
  };
}

std::vector<Setting> AccessSettings() {
  return {
      Text("access.tokens_file", FIELD(access_tokens_file), {},
           "File with the access tokens that calls are admitted by; `batond create-token` makes it, `baton token` and "
           "SIGHUP change what is in force. Empty: no access control, everybody who can connect may do everything."),
  };
}

std::vector<Setting> ObservationSettings() {
  return {
      Text("log.format", FIELD(log_format), {"text", "json"},
           "A line of text for each message, or an object of JSON with time, level and message. SIGHUP has the broker "
           "read its settings again and take this and server.log_level from there."),
      Checked(Text("metrics.address", FIELD(metrics_address), {},
                   "HOST:PORT where metrics for Prometheus (/metrics) and health (/healthz, /readyz) are served over "
                   "HTTP; port 0 picks a free one. Only addresses of this machine. Empty: they are not served."),
              CheckMetricsAddress),
      Number(Kind::kCount, "metrics.types", FIELD(metrics_types), 1, 10'000,
             "Task types with metrics of their own; further ones are counted together, as type 'other'."),
  };
}

std::vector<Setting> LimitSettings() {
  return {
      Number(Kind::kBytes, "limits.payload_bytes", FIELD(limits.payload_bytes), kKiB, 1 * kMiB,
             "Payload, result, context and decision of a task, each."),
      Number(Kind::kBytes, "limits.message_bytes", FIELD(limits.message_bytes), 64 * kKiB, 16 * kMiB,
             "A whole request; also where answers and deliveries are cut."),
      Number(Kind::kBytes, "limits.error_bytes", FIELD(limits.error_bytes), 256, kMiB,
             "Text of a failure; longer text is cut, with a mark."),
      Number(Kind::kBytes, "limits.metadata_bytes", FIELD(limits.metadata_bytes), 0, 256 * kKiB,
             "Metadata of one checkpoint or progress report."),
      Number(Kind::kCount, "limits.items", FIELD(limits.items), 1, 1000, "Tasks, outcomes or reports in one call."),
      Number(Kind::kCount, "limits.inline_children", FIELD(limits.inline_children), 1, 1000,
             "Children inside one outcome, and in one staged part."),
      Number(Kind::kCount, "limits.page_size", FIELD(limits.page_size), 1, 1000, "Largest page of a list."),
      Number(Kind::kCount, "limits.children", FIELD(engine.max_children), 1, 10'000'000, "Children of one spawn."),
      Number(Kind::kCount, "limits.depth", FIELD(engine.max_depth), 1, 64, "Levels of children below a task."),
      Number(Kind::kCount, "limits.schedules", FIELD(engine.max_schedules), 0, 10'000'000,
             "Schedules; all of them are kept in memory."),
      Number(Kind::kBytes, "limits.schedule_bytes", FIELD(engine.schedule_bytes), 0, 64 * kGiB,
             "What they occupy with the payloads of their tasks."),
      Number(Kind::kCount, "limits.interruptions", FIELD(engine.max_interruptions), 0, 1000,
             "Attempts that may end without fault of the task (worker lost) before it fails for good."),
  };
}

std::vector<Setting> TaskSettings() {
  using engine::Backoff;
  return {
      Number(Kind::kCount, "defaults.priority", FIELD(engine.defaults.priority), service::kMinPriority,
             service::kMaxPriority, "Priority of a task that sets none; larger runs first."),
      Number(Kind::kDuration, "defaults.timeout", FIELD(engine.defaults.timeout), service::kMinTimeout,
             service::kMaxTimeout, "Longest time of one attempt."),
      Number(Kind::kCount, "defaults.max_retries", FIELD(engine.defaults.max_retries), 1, service::kMaxRetries,
             "Attempts in all, the first one included."),
      Number(Kind::kDuration, "defaults.retry_interval", FIELD(engine.defaults.retry_interval), 0,
             service::kMaxRetryInterval, "Wait before a retry."),
      Choice("defaults.retry_backoff", FIELD(engine.defaults.retry_backoff),
             std::vector<std::pair<std::string, Backoff>>{{"fixed", Backoff::kFixed},
                                                          {"exponential", Backoff::kExponential}},
             "How the wait grows with every retry: not at all, or twofold."),
      Number(Kind::kDuration, "defaults.retry_interval_cap", FIELD(engine.defaults.retry_interval_cap), 0,
             service::kMaxRetryInterval, "Longest wait of an exponential backoff."),
      Number(Kind::kRatio, "defaults.exponential_jitter", FIELD(engine.defaults.exponential_jitter), 0, 1,
             "Share of an exponential wait that is drawn at random."),
      Number(Kind::kDuration, "workers.beat_interval", FIELD(engine.beat_interval), 10 * kMillisecond, kHour,
             "How often a worker tells that it lives."),
      Number(Kind::kDuration, "workers.beat_window", FIELD(engine.beat_window), 30 * kMillisecond, kDay,
             "Without a sign of life for this long, a worker's tasks go to others. At least three intervals."),
      Number(Kind::kDuration, "workers.grace", FIELD(engine.grace), 0, kHour,
             "How long a worker whose stream closed may take to come back before its tasks go to others."),
  };
}

std::vector<Setting> EngineSettings() {
  return {
      WithZero(Number(Kind::kDuration, "dispatch.ageing", FIELD(engine.ageing), kMillisecond, 365 * kDay,
                      "How long a task has to have waited to count as one of the next larger priority, so that none "
                      "is passed by for ever. May change with any start."),
               "off"),
      WithZero(Number(Kind::kDuration, "retention.ended", FIELD(engine.retention), kSecond, 3650 * kDay,
                      "How long ended tasks are kept, with results and history. They go in groups of 16384 ids, a "
                      "group when all that ended in it is that old; a workflow only as a whole."),
               "never"),
      RetentionOf("retention.completed", FIELD(engine.retention_completed),
                  "How long tasks are kept that completed, and workflows whose first task did, whatever became of the "
                  "others in them; 'ended': as long as retention.ended says."),
      RetentionOf("retention.permanently_failed", FIELD(engine.retention_failed),
                  "How long those are kept that failed for good."),
      RetentionOf("retention.cancelled", FIELD(engine.retention_cancelled),
                  "How long those are kept that were cancelled."),
      Number(Kind::kCount, "engine.resident_tasks", FIELD(engine.resident_tasks), 1024, 100'000'000,
             "Waiting tasks kept in memory with their payload."),
      Number(Kind::kBytes, "engine.resident_bytes", FIELD(engine.resident_bytes), kMiB, 64 * kGiB, "Memory for them."),
      Number(Kind::kDuration, "engine.page_interval", FIELD(engine.page_interval), 100 * kMillisecond, kHour,
             "A checkpoint of a changed page is stored after this time, or after page_journal_bytes."),
      Number(Kind::kBytes, "engine.page_journal_bytes", FIELD(engine.page_journal_bytes), kMiB, 4 * kGiB,
             "Journal to be replayed by a restart, at most."),
      Number(Kind::kDuration, "engine.watch_window", FIELD(engine.watch_window), 0, 7 * kDay,
             "The journal is kept at least this long, for watchers, or watch_bytes of it."),
      Number(Kind::kBytes, "engine.watch_bytes", FIELD(engine.watch_bytes), 0, 64 * kGiB, "See watch_window."),
      Number(Kind::kCount, "engine.lane_commands", FIELD(engine.lane_commands), 16, 1'000'000,
             "Calls that wait for the engine, of each kind, and reads that wait; more are refused as overload."),
      Number(Kind::kBytes, "engine.lane_bytes", FIELD(engine.lane_bytes), 16 * kMiB, 4 * kGiB, "Their bytes."),
  };
}

#undef FIELD

std::vector<Setting> Joined() {
  std::vector<Setting> all;
  for (auto& part : {ServerSettings(), TlsSettings(), AccessSettings(), ObservationSettings(), LimitSettings(),
                     TaskSettings(), EngineSettings()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

const std::vector<Setting>& AllSettings() {
  static const auto* const kAll = new std::vector<Setting>(Joined());
  return *kAll;
}

}  // namespace baton::server
