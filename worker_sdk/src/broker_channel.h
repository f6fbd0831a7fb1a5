#ifndef BATON_WORKER_SDK_BROKER_CHANNEL_H_
#define BATON_WORKER_SDK_BROKER_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "worker_sdk/src/tls_files.h"

namespace baton::inline sdk {
namespace internal {

// Makes gRPC's channels to a broker: encrypted, if that is wanted, with the files as they are. Not thread-safe.
class BrokerChannel {
 public:
  // `address` and `tls` as in WorkerIdentity. Files that cannot be read count as empty: whoever wants to tell so has
  // called ValidateTls before.
  BrokerChannel(const std::string& address, const TlsOptions& tls);

  const std::shared_ptr<grpc::Channel>& get() const { return channel_; }
  // "host:port" or "unix:/path".
  const std::string& target() const { return endpoint_.target; }
  bool encrypted() const { return endpoint_.encrypted; }

  // Makes another channel if there is no connection now, and the files have changed since the last one. True if it did.
  bool RenewIfChanged();
  // As BrokerConnection::SetAddress.
  void SetAddress(const std::string& address, bool stay_encrypted);

 private:
  void Make();

  const TlsOptions tls_;
  Endpoint endpoint_;
  // Of the files when they were read last; empty: no address was encrypted so far.
  std::string stamp_;
  TlsMaterial material_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_BROKER_CHANNEL_H_
