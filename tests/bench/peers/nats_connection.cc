#include "tests/bench/peers/nats_connection.h"

#include <unistd.h>

#include <vector>

#include "tests/bench/peers/trouble.h"

namespace baton::peers {
namespace {

constexpr int kCallSubscription = 99;

std::vector<std::string_view> Split(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    if (end > 0) words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

size_t ToSize(std::string_view word) { return std::stoul(std::string(word)); }

}  // namespace

NatsConnection::NatsConnection(int port)
    : stream_(port), inbox_("_INBOX." + std::to_string(getpid()) + "-" + std::to_string(MonotonicNow())) {
  // The server speaks first.
  if (!stream_.ReadLine().starts_with("INFO ")) Fail("nats-server does not greet");
  stream_.Append("CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\nPING\r\n");
  stream_.Flush();
  const std::string reply(stream_.ReadLine());
  if (reply != "PONG") Fail("nats-server answers '" + reply + "' instead of PONG");
}

void NatsConnection::Subscribe(std::string_view subject, int id) {
  stream_.Append("SUB " + std::string(subject) + " " + std::to_string(id) + "\r\n");
}

void NatsConnection::Unsubscribe(int id) { stream_.Append("UNSUB " + std::to_string(id) + "\r\n"); }

void NatsConnection::Publish(std::string_view subject, std::string_view body, std::string_view reply) {
  stream_.Append("PUB ");
  stream_.Append(subject);
  if (!reply.empty()) {
    stream_.Append(" ");
    stream_.Append(reply);
  }
  stream_.Append(" " + std::to_string(body.size()) + "\r\n");
  stream_.Append(body);
  stream_.Append("\r\n");
}

NatsConnection::Message NatsConnection::Next() {
  while (true) {
    const std::string_view line = stream_.ReadLine();
    if (line.starts_with("MSG ") || line.starts_with("HMSG ")) return ReadMessage(line);
    if (line.starts_with("-ERR")) Fail("nats-server: " + std::string(line));
    if (line == "PING") {
      stream_.Append("PONG\r\n");
      stream_.Flush();
    }
  }
}

// MSG subject subscription [reply] size, or HMSG subject subscription [reply] header-size size.
NatsConnection::Message NatsConnection::ReadMessage(std::string_view line) {
  line_ = line;
  const std::vector<std::string_view> words = Split(line_);
  const bool has_header = words[0] == "HMSG";
  const size_t numbers = has_header ? 2 : 1;
  if (words.size() < 3 + numbers) Fail("nats-server sends '" + line_ + "'");
  Message message{.subject = words[1], .reply = {}, .body = {}};
  if (words.size() > 3 + numbers) message.reply = words[3];
  const size_t size = ToSize(words.back());
  const size_t header_size = has_header ? ToSize(words[words.size() - 2]) : 0;
  const std::string_view bytes = stream_.Read(size + 2);
  if (has_header) Fail("nats-server sends the status '" + std::string(bytes.substr(0, header_size)) + "'");
  message.body = bytes.substr(0, size);
  return message;
}

nlohmann::json NatsConnection::Call(const std::string& subject, const nlohmann::json& request) {
  const std::string reply = inbox_ + ".call";
  Subscribe(reply, kCallSubscription);
  Publish(subject, request.is_null() ? "" : request.dump(), reply);
  Flush();
  nlohmann::json response = nlohmann::json::parse(Next().body);
  if (response.contains("error")) Fail(subject + ": " + response["error"].dump());
  Unsubscribe(kCallSubscription);
  return response;
}

}  // namespace baton::peers
