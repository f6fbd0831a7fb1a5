#include "broker/server/metrics/endpoint.h"

#include <civetweb.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "spdlog/spdlog.h"

namespace baton::server {
namespace {

// Enough that a few slow scrapers leave one for /healthz.
constexpr char kThreads[] = "4";
constexpr char kRequestTimeout[] = "10000";

class CivetEndpoint final : public MetricsEndpoint {
 public:
  explicit CivetEndpoint(const Pages* pages) : pages_(pages) { mg_init_library(0); }
  ~CivetEndpoint() override {
    if (context_ != nullptr) mg_stop(context_);
    mg_exit_library();
  }

  absl::Status Listen(const std::string& address);
  const std::string& address() const override { return address_; }

 private:
  static int Serve(mg_connection* connection);
  static int Log(const mg_connection* connection, const char* message);
  static CivetEndpoint* Of(const mg_connection* connection) {
    return static_cast<CivetEndpoint*>(mg_get_user_data(mg_get_context(connection)));
  }

  const Pages* const pages_;
  std::string address_;
  mg_context* context_ = nullptr;
};

// The host as civetweb takes it, which knows no names.
std::string NumericAddress(const std::string& address) {
  absl::string_view port = address;
  return absl::ConsumePrefix(&port, "localhost:") ? absl::StrCat("127.0.0.1:", port) : address;
}

absl::Status CivetEndpoint::Listen(const std::string& address) {
  const std::string numeric = NumericAddress(address);
  const char* const options[] = {"listening_ports", numeric.c_str(),     "num_threads", kThreads, "request_timeout_ms",
                                 kRequestTimeout,   "enable_keep_alive", "no",          nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = Serve;
  callbacks.log_message = Log;
  // Threads may ask for the user data before mg_start has returned, not for context_.
  context_ = mg_start(&callbacks, this, const_cast<const char**>(options));
  mg_server_port port{};
  if (context_ == nullptr || mg_get_server_ports(context_, 1, &port) != 1) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address, " for metrics: choose another metrics.address"));
  }
  address_ = absl::StrCat(address.substr(0, address.rfind(':')), ":", port.port);
  return absl::OkStatus();
}

int CivetEndpoint::Serve(mg_connection* connection) {
  const mg_request_info* const request = mg_get_request_info(connection);
  const std::string method = request->request_method;
  const HttpPage page = Of(connection)->pages_->Answer(method, request->local_uri);
  mg_printf(connection,
            "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
            "Connection: close\r\n%s\r\n",
            page.status, mg_get_response_code_text(connection, page.status), page.content_type.c_str(),
            page.body.size(), page.status == 405 ? "Allow: GET, HEAD\r\n" : "");
  if (method != "HEAD") mg_write(connection, page.body.data(), page.body.size());
  return page.status;
}

int CivetEndpoint::Log(const mg_connection*, const char* message) {
  spdlog::debug("metrics: {}", message);
  return 1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Start(const std::string& address,
                                                                        const Pages* pages) {
  auto endpoint = std::make_unique<CivetEndpoint>(pages);
  const absl::Status status = endpoint->Listen(address);
  if (!status.ok()) return status;
  return endpoint;
}

}  // namespace baton::server
