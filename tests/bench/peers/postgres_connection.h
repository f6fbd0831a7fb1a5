#ifndef BATON_TESTS_BENCH_PEERS_POSTGRES_CONNECTION_H_
#define BATON_TESTS_BENCH_PEERS_POSTGRES_CONNECTION_H_

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace baton::peers {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PostgresResult = std::unique_ptr<PGresult, ClearResult>;

// A connection to PostgreSQL. Not thread-safe.
class PostgresConnection {
 public:
  explicit PostgresConnection(int port);
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;
  ~PostgresConnection() { PQfinish(connection_); }

  // Statements without parameters.
  PostgresResult Execute(const std::string& statements);
  void Prepare(const char* name, const char* statement, int parameters);
  // A prepared statement; parameters and result are binary.
  PostgresResult Run(const char* name, const std::vector<std::string>& parameters);
  // A COPY in binary format, of rows made by ToCopyRow.
  void Copy(const char* statement, const std::string& rows);

  // Several prepared statements in one transaction, one round trip: Send each, then Finish for their results.
  void BeginPipeline();
  void Send(const char* name, const std::vector<std::string>& parameters);
  std::vector<PostgresResult> Finish();

  // Waits for a notification, at most so long; whether there was one.
  bool AwaitNotification(int milliseconds);

 private:
  [[noreturn]] void FailHere(const std::string& what) const;
  PostgresResult Check(PGresult* result, const std::string& what) const;
  bool TakeNotifications();

  PGconn* connection_;
};

// Values in the binary format of PostgreSQL.
std::string ToBigint(int64_t value);
std::string ToBigintArray(const std::vector<int64_t>& values);
std::string ToCopyRow(const std::vector<std::string>& values);
int64_t FromBigint(const char* bytes);

}  // namespace baton::peers

#endif  // BATON_TESTS_BENCH_PEERS_POSTGRES_CONNECTION_H_
