#ifndef BATON_TESTS_BENCH_PEERS_STREAM_H_
#define BATON_TESTS_BENCH_PEERS_STREAM_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace baton::peers {

// A connection to a server on the loopback address. What is sent is collected until Flush, so that many commands take
// one system call. Not thread-safe.
class Stream {
 public:
  explicit Stream(int port);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  void Append(std::string_view bytes) { output_.append(bytes); }
  void Flush();

  // The next line without its "\r\n" or "\n"; valid until the next read. Waits for it.
  std::string_view ReadLine();
  // So many bytes; valid until the next read. Waits for them.
  std::string_view Read(size_t count);
  // Whether a read may return without waiting for the server.
  bool has_input() const { return position_ < input_.size(); }
  // Waits for input, at most for so long; whether there is some.
  bool AwaitInput(int milliseconds) const;

 private:
  // Waits for more bytes.
  void Receive();

  int descriptor_;
  std::string output_;
  std::string chunk_;
  std::string input_;
  // How much of the input was read.
  size_t position_ = 0;
};

}  // namespace baton::peers

#endif  // BATON_TESTS_BENCH_PEERS_STREAM_H_
