// Who may call what: every call with every role, and tokens that come, change and go.
#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "broker/server/access/rights_table.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"
#include "tests/integration/access_fixture.h"

namespace baton {
namespace {

using server::Grant;
using server::Right;

constexpr grpc::StatusCode kUnknown = grpc::StatusCode::UNAUTHENTICATED;

std::string PathOf(const Right& right) { return std::string("/") + right.service + "/" + right.method; }

class EveryCallTest : public AccessTest {
 protected:
  // An empty request: what is admitted fails otherwise, or does nothing.
  grpc::Status Try(const Right& right, const std::string& authorization) {
    return RawCall(channel(), PathOf(right), "", 1, authorization).status;
  }
};

TEST_F(EveryCallTest, NeedsAToken) {
  for (const Right& right : server::AllRights()) {
    SCOPED_TRACE(PathOf(right));
    EXPECT_THAT(Try(right, ""), FailsWith(kUnknown, "ACCESS_TOKEN_REQUIRED", "authorization: Bearer"));
    EXPECT_THAT(Try(right, "Basic eDp5"), FailsWith(kUnknown, "ACCESS_TOKEN_REQUIRED", "begin with `Bearer `"));
    EXPECT_THAT(Try(right, "Bearer  "), FailsWith(kUnknown, "ACCESS_TOKEN_REQUIRED", ""));
  }
}

TEST_F(EveryCallTest, NeedsAValidToken) {
  const std::string revoked = Take("revoked", "operate");
  file_.pop_back();
  const std::string expired = Add("expired", "operate");
  file_.back().secret.end = 1;
  Reload();
  std::string wrong = TextOf("operate");
  wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
  for (const Right& right : server::AllRights()) {
    SCOPED_TRACE(PathOf(right));
    const grpc::Status of_unknown = Try(right, "Bearer x");
    EXPECT_THAT(of_unknown, FailsWith(kUnknown, "ACCESS_TOKEN_REFUSED", "is not valid here"));
    // Nobody learns why.
    for (const std::string& text : {wrong, revoked, expired}) {
      const grpc::Status status = Try(right, "Bearer " + text);
      EXPECT_THAT(status, FailsWith(kUnknown, "ACCESS_TOKEN_REFUSED", ""));
      EXPECT_EQ(status.error_message(), of_unknown.error_message());
    }
  }
}

TEST_F(EveryCallTest, NeedsTheRight) {
  for (const Right& right : server::AllRights()) {
    for (const char* role : server::kRoleNames) {
      SCOPED_TRACE(PathOf(right) + " as " + role);
      const grpc::Status status = Try(right, "bearer " + TextOf(role));
      EXPECT_NE(status.error_code(), kUnknown) << status.error_message();
      if (right.GrantOf(*server::RoleNamed(role)) == Grant::kNo) {
        EXPECT_THAT(status, FailsWith(kDenied, "RIGHT_REQUIRED", std::string("has role ") + role));
        EXPECT_THAT(status, FailsWith(kDenied, "RIGHT_REQUIRED", right.method));
        EXPECT_THAT(status, FailsWith(kDenied, "RIGHT_REQUIRED", "operate"));
      } else {
        EXPECT_NE(ReasonOf(status), "RIGHT_REQUIRED") << status.error_message();
      }
    }
  }
}

TEST_F(EveryCallTest, OfALimitedTokenIsRefusedWhereTheLimitCannotHold) {
  for (const char* role : server::kRoleNames) Add(std::string(role) + "-mail", role, {"mail."});
  Reload();
  for (const Right& right : server::AllRights()) {
    for (const char* role : server::kRoleNames) {
      if (right.GrantOf(*server::RoleNamed(role)) == Grant::kNo) continue;
      SCOPED_TRACE(PathOf(right) + " as " + role);
      const grpc::Status status = Try(right, "Bearer " + TextOf(std::string(role) + "-mail"));
      if (right.reach == server::Reach::kEverything) {
        EXPECT_THAT(status, FailsWith(kDenied, "RIGHT_REQUIRED", "limited to type prefixes"));
      } else {
        EXPECT_NE(ReasonOf(status), "RIGHT_REQUIRED") << status.error_message();
      }
    }
  }
}

TEST_F(EveryCallTest, HealthIsOpenAndReflectionNeedsAnyToken) {
  EXPECT_THAT(RawCall(channel(), "/grpc.health.v1.Health/Check", "").status, IsOk());
  EXPECT_THAT(RawCall(channel(), "/grpc.health.v1.Health/Watch", "").status, IsOk());
  for (const std::string version : {"v1", "v1alpha"}) {
    const std::string method = "/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo";
    EXPECT_THAT(RawCall(channel(), method, "").status, FailsWith(kUnknown, "ACCESS_TOKEN_REQUIRED", ""));
    for (const char* role : server::kRoleNames) {
      EXPECT_THAT(RawCall(channel(), method, "", 1, "Bearer " + TextOf(role)).status, IsOk());
    }
  }
}

// ── Administration ──

// No call may wait for a reader.
class NoReadsTest : public AccessTest {
 protected:
  NoReadsTest() { settings_.engine.lane_commands = 0; }
};

TEST_F(NoReadsTest, ChangesOfTokensWaitAsReadsDo) {
  const auto refused = FailsWith(grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", "calls wait to be answered");
  v1::CreateTokenRequest create;
  v1::CreateTokenResponse created;
  create.set_name("ci");
  create.set_role(v1::ACCESS_ROLE_SUBMIT);
  EXPECT_THAT(Call("operate", "AccessAdmin/CreateToken", create, &created), refused);
  v1::RotateTokenRequest rotate;
  v1::RotateTokenResponse rotated;
  rotate.set_name("submit");
  EXPECT_THAT(Call("operate", "AccessAdmin/RotateToken", rotate, &rotated), refused);
  v1::RevokeTokenRequest revoke;
  v1::RevokeTokenResponse revoked;
  revoke.set_name("submit");
  EXPECT_THAT(Call("operate", "AccessAdmin/RevokeToken", revoke, &revoked), refused);
}

TEST_F(AccessTest, ChangesOfTokensMakeRoomForTheNextOne) {
  Stop();
  settings_.engine.lane_commands = 1;
  Start();
  v1::RotateTokenRequest rotate;
  v1::RotateTokenResponse rotated;
  rotate.set_name("submit");
  for (int i = 0; i < 3; ++i) EXPECT_THAT(Call("operate", "AccessAdmin/RotateToken", rotate, &rotated), IsOk());
}

TEST_F(AccessTest, TokensAreAdministeredByCalls) {
  v1::CreateTokenRequest create;
  v1::CreateTokenResponse created;
  create.set_name("ci");
  create.set_role(v1::ACCESS_ROLE_SUBMIT);
  create.add_type_prefixes("mail.");
  ASSERT_THAT(Call("operate", "AccessAdmin/CreateToken", create, &created), IsOk());
  texts_["ci"] = created.text();
  EXPECT_GT(SubmitAs("ci", "mail.send"), 0u);
  EXPECT_THAT(Call("operate", "AccessAdmin/CreateToken", create, &created),
              FailsWith(grpc::StatusCode::ALREADY_EXISTS, "TOKEN_EXISTS", "'ci'"));

  v1::ListTokensResponse list;
  ASSERT_THAT(Call("operate", "AccessAdmin/ListTokens", v1::ListTokensRequest(), &list), IsOk());
  ASSERT_EQ(list.tokens_size(), 5);
  EXPECT_EQ(list.tokens(0).name(), "ci");
  EXPECT_EQ(list.tokens(0).type_prefixes(0), "mail.");
  EXPECT_EQ(list.SerializeAsString().find("baton_"), std::string::npos);

  v1::RotateTokenRequest rotate;
  v1::RotateTokenResponse rotated;
  rotate.set_name("ci");
  rotate.mutable_keep_old()->set_seconds(3600);
  ASSERT_THAT(Call("operate", "AccessAdmin/RotateToken", rotate, &rotated), IsOk());
  SubmitAs("ci", "mail.old");
  texts_["ci"] = rotated.text();
  SubmitAs("ci", "mail.new");

  v1::RevokeTokenRequest revoke;
  v1::RevokeTokenResponse revoked;
  revoke.set_name("ci");
  ASSERT_THAT(Call("operate", "AccessAdmin/RevokeToken", revoke, &revoked), IsOk());
  v1::GetResponse got;
  EXPECT_THAT(Call("ci", "TaskBroker/Get", v1::GetRequest(), &got), FailsWith(kUnknown, "ACCESS_TOKEN_REFUSED", ""));
  revoke.set_name("operate");
  EXPECT_THAT(Call("operate", "AccessAdmin/RevokeToken", revoke, &revoked),
              FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "LAST_OPERATOR", "'operate'"));
  // All of it is on disk.
  Restart();
  SubmitAs("submit", "after");
  EXPECT_THAT(Call("ci", "TaskBroker/Get", v1::GetRequest(), &got), FailsWith(kUnknown, "ACCESS_TOKEN_REFUSED", ""));
}

TEST_F(AccessTest, ReloadTakesWhatWasWrittenByHandAndKeepsWhatWorksOtherwise) {
  const std::string& added = Add("added", "submit");
  v1::GetResponse got;
  EXPECT_THAT(Call("added", "TaskBroker/Get", v1::GetRequest(), &got), FailsWith(kUnknown, "ACCESS_TOKEN_REFUSED", ""));
  Reload();
  EXPECT_GT(SubmitAs("added", "x"), 0u);
  std::ofstream(settings_.access_tokens_file) << "[[token]]\nnam = \"x\"\n";
  const absl::Status broken = broker().ReloadTokens();
  EXPECT_THAT(std::string(broken.message()), ::testing::HasSubstr("tokens.toml:2: a token has no key 'nam'"));
  EXPECT_GT(SubmitAs("added", "x"), 0u);
  EXPECT_THAT(std::string(broken.message()), ::testing::Not(::testing::HasSubstr(added)));
  Write();
  chmod(settings_.access_tokens_file.c_str(), 0644);
  EXPECT_EQ(broker().ReloadTokens().code(), absl::StatusCode::kPermissionDenied);
  Stop();
  const auto refused = server::Broker::Start(settings_);
  EXPECT_THAT(std::string(refused.status().message()), ::testing::HasSubstr("chmod 600"));
}

TEST_F(AccessTest, WithoutATokensFileThereIsNoAccessControl) {
  Stop();
  settings_.access_tokens_file.clear();
  Start();
  const uint64_t task = SubmitAs("", "free");
  v1::ListEventsRequest request;
  v1::ListEventsResponse events;
  request.set_task_id(task);
  ASSERT_THAT(Call("", "TaskAdmin/ListEvents", request, &events), IsOk());
  EXPECT_EQ(events.events(0).actor(), "local");
  v1::ListTokensResponse list;
  EXPECT_THAT(Call("", "AccessAdmin/ListTokens", v1::ListTokensRequest(), &list),
              FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "ACCESS_NOT_CONFIGURED", "access.tokens_file"));
}

// ── Streams ──

class AccessStreamTest : public AccessTest {
 protected:
  static v1::ClaimRequest Hello(const std::string& worker) {
    v1::ClaimRequest request;
    *request.mutable_hello() = HelloOf(worker, "mail.send");
    return request;
  }
  // Whether so many workers have an open stream.
  bool Connected(int workers) {
    v1::ListWorkersResponse response;
    EXPECT_THAT(Call("operate", "TaskAdmin/ListWorkers", v1::ListWorkersRequest(), &response), IsOk());
    return response.workers_size() == workers;
  }
};

TEST_F(AccessStreamTest, ARevokedTokenClosesIts) {
  const std::string work = "Bearer " + Take("worker-7", "work");
  TestContext context;
  context.AddMetadata("authorization", "Bearer " + Take("board", "observe"));
  const auto watch = admin().Watch(&context, v1::WatchRequest());
  v1::WatchResponse told;
  ASSERT_TRUE(watch->Read(&told));
  RawAnswer claim;
  std::thread claiming(
      [&] { claim = RawCall(channel(), "/baton.v1.TaskBroker/Claim", Hello("w").SerializeAsString(), 2, work); });
  EXPECT_TRUE(Await([&] { return Connected(1); }));
  file_.resize(4);
  Reload();
  claiming.join();
  while (watch->Read(&told)) {
  }
  EXPECT_EQ(claim.messages.size(), 1u);
  EXPECT_THAT(claim.status, FailsWith(kUnknown, "ACCESS_TOKEN_REFUSED", "revoked"));
  EXPECT_THAT(watch->Finish(), FailsWith(kUnknown, "ACCESS_TOKEN_REFUSED", "revoked"));
}

TEST_F(AccessStreamTest, AnExpiredTokenClosesIts) {
  const std::string work = "Bearer " + Take("worker-7", "work", {}, false, 2 * kSecond);
  const RawAnswer claim = RawCall(channel(), "/baton.v1.TaskBroker/Claim", Hello("w").SerializeAsString(), 2, work);
  EXPECT_EQ(claim.messages.size(), 1u);
  EXPECT_THAT(claim.status, FailsWith(kUnknown, "ACCESS_TOKEN_REFUSED", "expired"));
}

TEST_F(AccessStreamTest, AnotherTokensChangeLeavesThemOpen) {
  const std::string work = "Bearer " + TextOf("work");
  RawAnswer claim;
  std::thread claiming(
      [&] { claim = RawCall(channel(), "/baton.v1.TaskBroker/Claim", Hello("w").SerializeAsString(), 2, work); });
  EXPECT_TRUE(Await([&] { return Connected(1); }));
  Take("other", "work");
  // A delivery still arrives: the second message.
  SubmitAs("submit", "mail.send");
  claiming.join();
  EXPECT_THAT(claim.status, IsOk());
  EXPECT_EQ(claim.messages.size(), 2u);
}

// ── Secrets ──

TEST_F(AccessTest, SecretsAreNeverLogged) {
  auto log = std::make_shared<std::ostringstream>();
  const auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(*log);
  const auto level = spdlog::get_level();
  spdlog::default_logger()->sinks().push_back(sink);
  spdlog::set_level(spdlog::level::trace);
  v1::CreateTokenRequest create;
  v1::CreateTokenResponse created;
  create.set_name("ci");
  create.set_role(v1::ACCESS_ROLE_SUBMIT);
  ASSERT_THAT(Call("operate", "AccessAdmin/CreateToken", create, &created), IsOk());
  std::string wrong = created.text();
  wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
  v1::GetResponse got;
  const grpc::Status refused = CallWith("Bearer " + wrong, "TaskBroker/Get", v1::GetRequest(), &got);
  Stop();
  spdlog::default_logger()->sinks().pop_back();
  spdlog::set_level(level);
  EXPECT_THAT(log->str(), ::testing::HasSubstr("CreateToken of access token 'ci' by operate"));
  EXPECT_THAT(log->str(), ::testing::HasSubstr("its secret is not that of token 'ci'"));
  for (const std::string& text : {created.text(), wrong, TextOf("operate")}) {
    const std::string secret = text.substr(19, 40);
    EXPECT_EQ(log->str().find(secret), std::string::npos);
    EXPECT_EQ(refused.error_message().find(secret), std::string::npos);
  }
}

}  // namespace
}  // namespace baton
