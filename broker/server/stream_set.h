#ifndef BATON_BROKER_SERVER_STREAM_SET_H_
#define BATON_BROKER_SERVER_STREAM_SET_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/base/error.h"

namespace baton::server {

class StreamSet;

// A streaming call that is waiting for a client, or under way. Belongs to the completion queue's thread.
class Stream {
 public:
  explicit Stream(StreamSet* set) : set_(set) {}
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Asks for a call.
  virtual void Listen() = 0;
  // Ends the call with this error, as soon as what is being written is out. No effect while waiting for a client.
  virtual void End(const Error& error) = 0;
  // Why the call is not to go on: its caller would not be admitted any more.
  virtual Error Objection() const { return {}; }

 protected:
  StreamSet* set() const { return set_; }
  // Deletes this object.
  void Delete();

 private:
  StreamSet* const set_;
};

// Owns all streams of a server.
class StreamSet {
 public:
  template <typename T, typename... Args>
  T* Add(Args&&... args) {
    auto stream = std::make_unique<T>(this, std::forward<Args>(args)...);
    T* added = stream.get();
    streams_.emplace(added, std::move(stream));
    return added;
  }
  void Remove(Stream* stream) { streams_.erase(stream); }
  void EndAll(const Error& error) {
    std::vector<Stream*> streams;
    for (const auto& [stream, owned] : streams_) streams.push_back(stream);
    for (Stream* stream : streams) stream->End(error);
  }
  // Ends those that have an objection.
  void EndRefused() {
    std::vector<std::pair<Stream*, Error>> refused;
    for (const auto& [stream, owned] : streams_) {
      if (Error error = stream->Objection(); !error.ok()) refused.emplace_back(stream, std::move(error));
    }
    for (const auto& [stream, error] : refused) stream->End(error);
  }

 private:
  absl::flat_hash_map<Stream*, std::unique_ptr<Stream>> streams_;
};

inline void Stream::Delete() { set_->Remove(this); }

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_STREAM_SET_H_
