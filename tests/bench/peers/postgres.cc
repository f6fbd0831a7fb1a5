// PostgreSQL: a table as a queue, claimed with SKIP LOCKED. Rows stay when they are finished.
#include <string>

#include "tests/bench/peers/postgres_connection.h"
#include "tests/bench/peers/system.h"
#include "tests/bench/peers/trouble.h"

namespace baton::peers {
namespace {

constexpr int kDefaultProducers = 3;
constexpr int kDefaultWorkers = 1;
// Between two looks at an empty queue, when nobody notifies the worker.
constexpr int kPollMs = 1;
constexpr int kPatienceMs = 100;

// The payload stands last: an update on the same page then logs only what is before it. The partial index holds what
// waits and nothing else. A completion touches no indexed column, so it needs no new index entry if its page has room,
// which the fill factor leaves.
constexpr char kTable[] =
    "CREATE TABLE tasks (id bigint NOT NULL, claimed_at timestamptz, finished_at timestamptz, payload bytea NOT NULL) "
    "WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100000, "
    "autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 1); "
    "ALTER TABLE tasks ALTER payload SET STORAGE PLAIN; "
    "ALTER TABLE tasks ADD PRIMARY KEY (id); "
    "CREATE INDEX waiting ON tasks (id) WHERE claimed_at IS NULL";

constexpr char kCopy[] = "COPY tasks (id, payload) FROM STDIN (FORMAT binary)";
constexpr char kInsert[] = "INSERT INTO tasks (id, payload) VALUES ($1, $2)";
constexpr char kNotify[] = "SELECT pg_notify('tasks', '')";
constexpr char kClaim[] =
    "UPDATE tasks SET claimed_at = now() WHERE id = ANY(ARRAY("
    "SELECT id FROM tasks WHERE claimed_at IS NULL ORDER BY id LIMIT $1::bigint FOR UPDATE SKIP LOCKED)) "
    "RETURNING id, payload";
constexpr char kComplete[] = "UPDATE tasks SET finished_at = now() WHERE id = ANY($1::bigint[])";
// A claim that a power cut takes back is made again: a transaction with nothing else need not wait for the disk.
constexpr char kDoNotWait[] = "SELECT set_config('synchronous_commit', 'off', true)";

using Connections = std::vector<std::unique_ptr<PostgresConnection>>;

Connections Connect(const SystemOptions& options, int count) {
  Connections connections;
  for (int i = 0; i < (options.connections > 0 ? options.connections : count); ++i) {
    connections.push_back(std::make_unique<PostgresConnection>(options.port));
    // Statistics of a table that grows from nothing mislead the planner.
    connections.back()->Execute(
        "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; "
        "SET enable_bitmapscan = off; SET enable_sort = off; SET jit = off");
  }
  return connections;
}

class PostgresProducer : public Producer {
 public:
  explicit PostgresProducer(const SystemOptions& options)
      : notify_(options.paced), connections_(Connect(options, options.paced ? 1 : kDefaultProducers)) {
    if (!notify_) return;
    for (const auto& connection : connections_) {
      connection->Prepare("insert", kInsert, 2);
      connection->Prepare("notify", kNotify, 0);
      connection->BeginPipeline();
    }
  }

  void Submit(Supply* supply) override {
    ForEachInParallel<PostgresConnection>(&connections_, [this, supply](PostgresConnection* connection) {
      while (const std::optional<Batch> batch = supply->Next()) {
        if (notify_) {
          InsertAndNotify(connection, *batch, *supply);
        } else {
          Copy(connection, *batch, *supply);
        }
        supply->Acknowledge(batch->first, batch->count);
      }
    });
  }

 private:
  // Many rows: COPY takes two thirds of what INSERT with arrays takes.
  static void Copy(PostgresConnection* connection, const Batch& batch, const Supply& supply) {
    std::string rows;
    for (uint64_t i = 0; i < batch.count; ++i) {
      rows += ToCopyRow({ToBigint(static_cast<int64_t>(batch.first + i)), supply.Payload(batch.first + i)});
    }
    connection->Copy(kCopy, rows);
  }

  static void InsertAndNotify(PostgresConnection* connection, const Batch& batch, const Supply& supply) {
    for (uint64_t i = batch.first; i < batch.first + batch.count; ++i) {
      connection->Send("insert", {ToBigint(static_cast<int64_t>(i)), supply.Payload(i)});
    }
    connection->Send("notify", {});
    connection->Finish();
  }

  // Under load a worker finds tasks whenever it looks, and notifications would only make commits wait for each other.
  const bool notify_;
  Connections connections_;
};

class PostgresWorker : public Worker {
 public:
  explicit PostgresWorker(const SystemOptions& options)
      : patience_ms_(options.paced ? kPatienceMs : kPollMs),
        batch_(options.batch),
        connections_(Connect(options, options.paced ? 1 : kDefaultWorkers)) {
    for (const auto& connection : connections_) {
      connection->Prepare("claim", kClaim, 1);
      connection->Prepare("complete", kComplete, 1);
      connection->Prepare("do-not-wait", kDoNotWait, 0);
      if (options.paced) connection->Execute("LISTEN tasks");
      connection->BeginPipeline();
    }
  }

  void Work(Ledger* ledger) override {
    ForEachInParallel<PostgresConnection>(
        &connections_, [this, ledger](PostgresConnection* connection) { WorkOn(connection, ledger); });
  }

 private:
  // Each turn is one transaction: it completes the tasks of the turn before and claims the next ones.
  void WorkOn(PostgresConnection* connection, Ledger* ledger) const {
    std::vector<int64_t> ran;
    while (true) {
      const bool more = !ledger->all_ran();
      if (!more && ran.empty()) return;
      connection->Send(ran.empty() ? "do-not-wait" : "complete",
                       ran.empty() ? std::vector<std::string>{} : std::vector<std::string>{ToBigintArray(ran)});
      if (more) connection->Send("claim", {ToBigint(static_cast<int64_t>(batch_))});
      const std::vector<PostgresResult> results = connection->Finish();
      if (!ran.empty()) ledger->Completed(ran.size());
      ran.clear();
      if (!more) return;
      const PGresult* claimed = results.at(1).get();
      for (int row = 0; row < PQntuples(claimed); ++row) {
        ledger->Run({PQgetvalue(claimed, row, 1), static_cast<size_t>(PQgetlength(claimed, row, 1))});
        ran.push_back(FromBigint(PQgetvalue(claimed, row, 0)));
      }
      if (ran.empty()) connection->AwaitNotification(patience_ms_);
    }
  }

  const int patience_ms_;
  const uint64_t batch_;
  Connections connections_;
};

class Postgres : public System {
 public:
  explicit Postgres(const SystemOptions& options) : options_(options) {}

  void Prepare() override { PostgresConnection(options_.port).Execute(kTable); }
  std::unique_ptr<Producer> MakeProducer() override { return std::make_unique<PostgresProducer>(options_); }
  std::unique_ptr<Worker> MakeWorker() override { return std::make_unique<PostgresWorker>(options_); }

  Counts Count() override {
    const PostgresResult result = PostgresConnection(options_.port)
                                      .Execute(
                                          "SELECT count(*) FILTER (WHERE finished_at IS NULL), "
                                          "count(finished_at) FROM tasks");
    return {.waiting = std::stoull(PQgetvalue(result.get(), 0, 0)),
            .finished = std::stoull(PQgetvalue(result.get(), 0, 1))};
  }

 private:
  const SystemOptions options_;
};

}  // namespace

std::unique_ptr<System> MakePostgres(const SystemOptions& options) { return std::make_unique<Postgres>(options); }

}  // namespace baton::peers
