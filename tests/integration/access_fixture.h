#ifndef BATON_TESTS_INTEGRATION_ACCESS_FIXTURE_H_
#define BATON_TESTS_INTEGRATION_ACCESS_FIXTURE_H_

#include <poll.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "baton/v1/access.pb.h"
#include "broker/server/access/token_changes.h"
#include "broker/server/access/token_file.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/raw_call.h"

namespace baton {

inline constexpr grpc::StatusCode kDenied = grpc::StatusCode::PERMISSION_DENIED;

// A broker with access control, with one token of each role, named as the role.
class AccessTest : public BrokerTest {
 protected:
  AccessTest() {
    std::string name = (std::filesystem::temp_directory_path() / "baton-access-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    tokens_directory_ = name;
    settings_.access_tokens_file = tokens_directory_ / "tokens.toml";
  }
  ~AccessTest() override {
    Stop();
    std::filesystem::remove_all(tokens_directory_);
  }
  void SetUp() override {
    for (const char* role : server::kRoleNames) Add(role, role);
    Write();
    Start();
  }

  // Adds a token to those that Write writes; answers its text.
  const std::string& Add(const std::string& name, const std::string& role, std::vector<std::string> prefixes = {},
                         bool payloads = false, Micros life = 0) {
    v1::CreateTokenRequest request;
    v1::CreateTokenResponse response;
    request.set_name(name);
    request.set_role(server::WireRole(*server::RoleNamed(role)));
    for (const std::string& prefix : prefixes) request.add_type_prefixes(prefix);
    request.set_payloads(payloads);
    const Error error = server::CreateToken(request, SystemClock().Read().wall, &file_, &response);
    EXPECT_TRUE(error.ok()) << error.message;
    if (life != 0) file_.back().secret.end = SystemClock().Read().wall + life;
    return texts_[name] = response.text();
  }
  void Write() { EXPECT_TRUE(server::WriteTokensFile(settings_.access_tokens_file, file_).ok()); }
  void Reload() {
    Write();
    const absl::Status status = broker().ReloadTokens();
    ASSERT_TRUE(status.ok()) << status;
  }
  // Adds a token and has the broker know it.
  std::string Take(const std::string& name, const std::string& role, std::vector<std::string> prefixes = {},
                   bool payloads = false, Micros life = 0) {
    const std::string text = Add(name, role, std::move(prefixes), payloads, life);
    Reload();
    return text;
  }
  const std::string& TextOf(const std::string& name) { return texts_[name]; }

  // One call with the token of this name; with none if that is empty.
  template <typename Response, typename Request>
  grpc::Status Call(const std::string& token, const std::string& method, const Request& request, Response* response) {
    return CallWith<Response>(token.empty() ? "" : "Bearer " + TextOf(token), method, request, response);
  }
  template <typename Response, typename Request>
  grpc::Status CallWith(const std::string& authorization, const std::string& method, const Request& request,
                        Response* response) {
    const RawAnswer answer = RawCall(channel(), "/baton.v1." + method, request.SerializeAsString(), 1, authorization);
    if (!answer.messages.empty()) {
      EXPECT_TRUE(response->ParseFromString(answer.messages[0]));
    }
    return answer.status;
  }

  v1::SubmitResult SubmitAs(const std::string& token, const v1::NewTask& task) {
    v1::SubmitRequest request;
    v1::SubmitResponse response;
    *request.add_tasks() = task;
    EXPECT_THAT(Call(token, "TaskBroker/Submit", request, &response), IsOk());
    return response.results_size() == 1 ? response.results(0) : v1::SubmitResult();
  }
  uint64_t SubmitAs(const std::string& token, const std::string& type, const std::string& json = "") {
    v1::NewTask task;
    task.set_type(type);
    if (!json.empty()) task.mutable_payload()->set_json(json);
    const v1::SubmitResult result = SubmitAs(token, task);
    EXPECT_FALSE(result.has_error()) << result.error().message();
    return result.task_id();
  }

  // Until the condition holds; false after 20 s.
  static bool Await(const std::function<bool()>& condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (!condition()) {
      if (absl::Now() > deadline) return false;
      poll(nullptr, 0, 5);
    }
    return true;
  }

  std::filesystem::path tokens_directory_;
  std::vector<server::Token> file_;
  std::map<std::string, std::string> texts_;
};

}  // namespace baton

#endif  // BATON_TESTS_INTEGRATION_ACCESS_FIXTURE_H_
