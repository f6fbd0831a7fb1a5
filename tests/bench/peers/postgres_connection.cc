#include "tests/bench/peers/postgres_connection.h"

#include <endian.h>
#include <poll.h>

#include <cstring>
#include <string_view>

#include "tests/bench/peers/trouble.h"

namespace baton::peers {
namespace {

constexpr int kBinary = 1;
// The number of the type in the catalogue of every database.
constexpr int32_t kBigintType = 20;
// Of the binary format of COPY: a signature, no flags, no further header; and a row of -1 fields.
constexpr std::string_view kCopyHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
constexpr std::string_view kCopyEnd("\377\377", 2);

void AppendInteger(std::string* bytes, int32_t value) {
  const uint32_t big_endian = htobe32(static_cast<uint32_t>(value));
  bytes->append(reinterpret_cast<const char*>(&big_endian), sizeof(big_endian));
}

void AppendValue(std::string* bytes, std::string_view value) {
  AppendInteger(bytes, static_cast<int32_t>(value.size()));
  bytes->append(value);
}

// One dimension, no nulls, the first index is 1.
std::string ArrayHeader(int32_t type, size_t size) {
  std::string bytes;
  for (const int32_t number : {1, 0, type, static_cast<int32_t>(size), 1}) AppendInteger(&bytes, number);
  return bytes;
}

struct Parameters {
  explicit Parameters(const std::vector<std::string>& all) : formats(all.size(), kBinary) {
    for (const std::string& one : all) {
      values.push_back(one.data());
      lengths.push_back(static_cast<int>(one.size()));
    }
  }
  int count() const { return static_cast<int>(values.size()); }

  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
};

}  // namespace

PostgresConnection::PostgresConnection(int port)
    : connection_(PQconnectdb(
          ("host=127.0.0.1 user=postgres dbname=postgres sslmode=disable port=" + std::to_string(port)).c_str())) {
  if (PQstatus(connection_) != CONNECTION_OK) FailHere("connecting");
}

PostgresResult PostgresConnection::Execute(const std::string& statements) {
  return Check(PQexec(connection_, statements.c_str()), statements);
}

void PostgresConnection::Prepare(const char* name, const char* statement, int parameters) {
  Check(PQprepare(connection_, name, statement, parameters, nullptr), statement);
}

PostgresResult PostgresConnection::Run(const char* name, const std::vector<std::string>& parameters) {
  const Parameters given(parameters);
  return Check(PQexecPrepared(connection_, name, given.count(), given.values.data(), given.lengths.data(),
                              given.formats.data(), kBinary),
               name);
}

void PostgresConnection::Copy(const char* statement, const std::string& rows) {
  Check(PQexec(connection_, statement), statement);
  for (const std::string_view part : {kCopyHeader, std::string_view(rows), kCopyEnd}) {
    if (PQputCopyData(connection_, part.data(), static_cast<int>(part.size())) != 1) FailHere(statement);
  }
  if (PQputCopyEnd(connection_, nullptr) != 1) FailHere(statement);
  while (PGresult* result = PQgetResult(connection_)) Check(result, statement);
}

void PostgresConnection::BeginPipeline() {
  if (PQenterPipelineMode(connection_) != 1) FailHere("pipeline mode");
}

void PostgresConnection::Send(const char* name, const std::vector<std::string>& parameters) {
  const Parameters given(parameters);
  if (PQsendQueryPrepared(connection_, name, given.count(), given.values.data(), given.lengths.data(),
                          given.formats.data(), kBinary) != 1) {
    FailHere(name);
  }
}

std::vector<PostgresResult> PostgresConnection::Finish() {
  if (PQpipelineSync(connection_) != 1) FailHere("pipeline");
  std::vector<PostgresResult> results;
  while (true) {
    PGresult* result = PQgetResult(connection_);
    // Stands between the results of two statements.
    if (result == nullptr) continue;
    results.push_back(Check(result, "pipeline"));
    if (PQresultStatus(results.back().get()) == PGRES_PIPELINE_SYNC) break;
  }
  results.pop_back();
  return results;
}

bool PostgresConnection::AwaitNotification(int milliseconds) {
  if (TakeNotifications()) return true;
  pollfd waiting{PQsocket(connection_), POLLIN, 0};
  if (poll(&waiting, 1, milliseconds) <= 0) return false;
  if (PQconsumeInput(connection_) != 1) FailHere("waiting for a notification");
  return TakeNotifications();
}

void PostgresConnection::FailHere(const std::string& what) const {
  Fail("PostgreSQL: " + what + ": " + PQerrorMessage(connection_));
}

PostgresResult PostgresConnection::Check(PGresult* result, const std::string& what) const {
  PostgresResult owned(result);
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_IN:
    case PGRES_PIPELINE_SYNC:
      return owned;
    default:
      FailHere(what);
  }
}

bool PostgresConnection::TakeNotifications() {
  bool any = false;
  while (PGnotify* notification = PQnotifies(connection_)) {
    PQfreemem(notification);
    any = true;
  }
  return any;
}

std::string ToBigint(int64_t value) {
  const uint64_t big_endian = htobe64(static_cast<uint64_t>(value));
  return {reinterpret_cast<const char*>(&big_endian), sizeof(big_endian)};
}

std::string ToBigintArray(const std::vector<int64_t>& values) {
  std::string bytes = ArrayHeader(kBigintType, values.size());
  for (const int64_t value : values) AppendValue(&bytes, ToBigint(value));
  return bytes;
}

std::string ToCopyRow(const std::vector<std::string>& values) {
  const uint16_t count = htobe16(static_cast<uint16_t>(values.size()));
  std::string row(reinterpret_cast<const char*>(&count), sizeof(count));
  for (const std::string& value : values) AppendValue(&row, value);
  return row;
}

int64_t FromBigint(const char* bytes) {
  uint64_t big_endian = 0;
  std::memcpy(&big_endian, bytes, sizeof(big_endian));
  return static_cast<int64_t>(be64toh(big_endian));
}

}  // namespace baton::peers
