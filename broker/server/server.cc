#include "broker/server/server.h"

#include <grpc/support/time.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <initializer_list>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "baton/v1/access.pb.h"
#include "baton/v1/admin.pb.h"
#include "broker/base/named_thread.h"
#include "broker/base/status_macros.h"
#include "broker/base/steady_notification.h"
#include "broker/server/claim_stream.h"
#include "broker/server/reflection.h"
#include "broker/server/reflection_v1alpha.pb.h"
#include "broker/server/watch_stream.h"

namespace baton::server {
namespace {

// What calls under way get when the broker stops.
constexpr Micros kStopGrace = 2 * kSecond;
// Claim streams ready to be taken at once, and watches.
constexpr int kListeningStreams = 16;
constexpr int kListeningWatches = 4;
// Headers of a call, names and values, and 32 bytes for each. No caller needs more than a token and some names.
constexpr int kMetadataBytes = 8 << 10;
// What may be under way to the broker in one stream, unread: 10 MB/s where an answer takes 100 ms.
constexpr int kWindowBytes = 1 << 20;

std::vector<std::string> NamesOf(std::initializer_list<const RawService*> services) {
  std::vector<std::string> names;
  for (const RawService* service : services) names.push_back(service->descriptor().full_name());
  return names;
}

void SetArguments(grpc::ServerBuilder* builder, const Server::Options& options) {
  grpc::ResourceQuota quota("transport");
  builder->SetResourceQuota(quota.Resize(options.transport_bytes));
  builder->SetMaxReceiveMessageSize(static_cast<int>(options.message_bytes));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams);
  // To find out how much a connection takes, each side would send a ping with every lone message and answer the
  // other's: measured as two fifths of what idle workers cost. So the window is fixed, see kWindowBytes.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kWindowBytes);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytes);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              static_cast<int>(options.handshake_timeout / kMillisecond));
}

int MethodOf(const RawService& service, const std::string& name) {
  return service.descriptor().FindMethodByName(name)->index();
}

gpr_timespec After(Micros delay) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_micros(delay, GPR_TIMESPAN));
}

}  // namespace

Server::Server(Options options)
    : options_(std::move(options)),
      broker_(ServiceBeside<v1::SubmitRequest>()),
      admin_(ServiceBeside<v1::ListTasksRequest>()),
      access_admin_(ServiceBeside<v1::CreateTokenRequest>()),
      health_service_(ServiceBeside<grpc::health::v1::HealthCheckRequest>()),
      reflection_(ServiceBeside<grpc::reflection::v1::ServerReflectionRequest>()),
      reflection_alpha_(ServiceBeside<grpc::reflection::v1alpha::ServerReflectionRequest>()),
      services_(NamesOf({&broker_, &admin_, &access_admin_, &health_service_, &reflection_, &reflection_alpha_})),
      health_(NamesOf({&broker_, &admin_, &access_admin_})) {
  CheckRights({&broker_.descriptor(), &admin_.descriptor(), &access_admin_.descriptor()});
}

Server::~Server() { Stop(); }

absl::StatusOr<std::string> Server::Bind() {
  grpc::ServerBuilder builder;
  SetArguments(&builder, options_);
  using FromDescriptor = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      FromDescriptor::FROM_FD,
      options_.tls != nullptr ? options_.tls->MakeCredentials() : grpc::InsecureServerCredentials());
  for (RawService* service : {&broker_, &admin_, &access_admin_, &health_service_, &reflection_, &reflection_alpha_}) {
    builder.RegisterService(service);
  }
  ASSIGN_OR_RETURN(listener_, Listener::Bind(options_.listener));
  queue_ = builder.AddCompletionQueue();
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    queue_->Shutdown();
    queue_.reset();
    return absl::InternalError("gRPC cannot serve; log_level debug tells why");
  }
  address_ = listener_->address();
  listener_->Start([acceptor = acceptor_.get()](int listening, int connection) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters accepted;
    accepted.listener_fd = listening;
    accepted.fd = connection;
    acceptor->HandleNewConnection(&accepted);
  });
  return address_;
}

void Server::Serve(Core::Settings settings, engine::Partition* partition, service::ReadService* reads,
                   service::BackupService* backups, const Clock* clock, TokenStore* tokens,
                   std::shared_ptr<const TokenBook> book) {
  access_keeper_.Start(queue_.get(), clock, std::move(book));
  core_ = std::make_unique<Core>(CoreParts{std::move(settings), partition, reads, backups, clock, &mailbox_, &meters_,
                                           &access_keeper_.access(), tokens});
  Listen();
  mailbox_.Open(queue_.get());
  thread_ = NamedThread("io", [this] { Run(); });
}

void Server::Listen() {
  calls_ = std::make_unique<Calls>(core_.get(), &broker_, &admin_, &access_admin_, queue_.get());
  calls_->Start();
  // Open to everybody: whoever probes it has no token to lose, and learns nothing else.
  health_check_ =
      std::make_unique<UnaryMethod>(&health_service_, MethodOf(health_service_, "Check"), queue_.get(),
                                    UnaryMethod::Options{}, [this](UnaryCall* call) { health_.Check(call); });
  health_check_->Start();
  const int watch_health = MethodOf(health_service_, "Watch");
  streams_.Add<HealthWatch>(&health_, &health_service_, watch_health, queue_.get())->Listen();
  for (RawService* service : {&reflection_, &reflection_alpha_}) {
    streams_.Add<ReflectionStream>(service, &services_, &access_keeper_.access(), queue_.get())->Listen();
  }
  const int claim = MethodOf(broker_, "Claim");
  for (int i = 0; i < kListeningStreams; ++i) {
    streams_.Add<ClaimStream>(core_.get(), &broker_, claim, queue_.get())->Listen();
  }
  const int watch_tasks = MethodOf(admin_, "Watch");
  for (int i = 0; i < kListeningWatches; ++i) {
    streams_.Add<WatchStream>(core_.get(), &admin_, watch_tasks, queue_.get())->Listen();
  }
}

void Server::Run() {
  void* tag;
  bool ok;
  while (queue_->Next(&tag, &ok)) {
    // What ends after the queue was shut down is dropped: nobody may begin an operation any more.
    if (!queue_shut_down_) static_cast<Completion*>(tag)->Proceed(ok);
  }
}

void Server::Release(engine::Outbox outbox) {
  mailbox_.Post([this, outbox = std::move(outbox)]() mutable { core_->Release(std::move(outbox)); });
}

void Server::UseTokens(std::shared_ptr<const TokenBook> book) {
  mailbox_.Post([this, book = std::move(book)]() mutable { access_keeper_.Use(std::move(book)); });
}

bool Server::Drain(const std::string& reason, Micros deadline) {
  auto drained = std::make_shared<SteadyNotification>();
  mailbox_.Post([this, reason, drained] {
    core_->draining = true;
    health_.StopServing();
    auto command = std::make_unique<Answering<engine::DrainCommand>>();
    command->actor = "broker";
    command->reason = reason;
    command->on_answer = [drained](engine::DrainCommand&) { drained->Notify(); };
    core_->SendSurely(std::move(command));
  });
  return drained->WaitFor(deadline);
}

void Server::Stop() {
  if (!thread_.joinable()) return;
  core_->reads->Stop();
  mailbox_.Post([this] {
    core_->draining = true;
    core_->stopping = true;
    health_.StopServing();
    access_keeper_.Stop();
    streams_.EndAll(Unavailable("STOPPING", "the broker is stopping: reconnect with backoff"));
  });
  listener_->Stop();
  server_->Shutdown(After(kStopGrace));
  mailbox_.Post([this] {
    mailbox_.Close();
    queue_->Shutdown();
    queue_shut_down_ = true;
  });
  thread_.join();
}

}  // namespace baton::server
