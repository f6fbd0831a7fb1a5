#include "worker_sdk/src/broker_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <utility>

#include "absl/strings/match.h"

namespace baton::inline sdk {
namespace internal {
namespace {

grpc::ChannelArguments ChannelSettings() {
  grpc::ChannelArguments arguments;
  // A dead peer is noticed within 15 s also when nothing is sent; the broker allows such pings.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // As the broker has it: no pings that measure the connection, which cost more than the beats of an idle worker, and
  // 1 MiB under way in a stream, which is 10 MB/s where an answer takes 100 ms.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 20);
  // The defaults (20 s, 120 s) are made for the internet; a broker that was restarted is found within a second.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  // Retries are made by those who know what may be repeated.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // One item may be larger than what the broker cuts its messages to.
  arguments.SetMaxReceiveMessageSize(16 * 1024 * 1024);
  // Workers and clients of one process do not share a connection: a broker sees each come and go by itself.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

}  // namespace

BrokerChannel::BrokerChannel(const std::string& address, const TlsOptions& tls)
    : tls_(CompleteTls(tls)), endpoint_(ResolveEndpoint(address, tls_)) {
  Make();
}

bool BrokerChannel::RenewIfChanged() {
  if (!encrypted() || channel_->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY) return false;
  std::string stamp = TlsStamp(tls_);
  if (stamp == stamp_) return false;
  stamp_ = std::move(stamp);
  absl::StatusOr<TlsMaterial> material = ReadTls(tls_);
  if (!material.ok() || *material == material_) return false;
  material_ = *std::move(material);
  Make();
  return true;
}

void BrokerChannel::SetAddress(const std::string& address, bool stay_encrypted) {
  const bool was_encrypted = encrypted();
  endpoint_ = ResolveEndpoint(address, tls_);
  if (stay_encrypted && was_encrypted && !absl::StartsWith(endpoint_.target, "unix:")) endpoint_.encrypted = true;
  Make();
}

void BrokerChannel::Make() {
  // The first address may have been one that needs no files.
  if (encrypted() && stamp_.empty()) {
    stamp_ = TlsStamp(tls_);
    material_ = ReadTls(tls_).value_or(TlsMaterial());
  }
  grpc::ChannelArguments arguments = ChannelSettings();
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (encrypted()) {
    // The deadline of an attempt to connect, which is more than a greeting here.
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5'000);
    credentials = grpc::SslCredentials({material_.ca, material_.key, material_.certificate});
    if (!tls_.server_name.empty()) arguments.SetSslTargetNameOverride(tls_.server_name);
  }
  channel_ = grpc::CreateCustomChannel(endpoint_.target, credentials, arguments);
}

}  // namespace internal
}  // namespace baton::inline sdk
