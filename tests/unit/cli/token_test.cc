// Access tokens from the command line: which one is shown to the broker, and their administration.
#include "client_cli/text/json_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class TokenCommandTest : public CommandTest {
 protected:
  TokenCommandTest() {
    broker.list_tokens = [] { return absl::StatusOr<v1::ListTokensResponse>(v1::ListTokensResponse()); };
  }
  // What is shown to the broker after a run with these words before the command.
  std::string Shown(std::vector<std::string> words) {
    broker.access_token = nullptr;
    words.insert(words.end(), {"token", "list"});
    EXPECT_EQ(Run(words), ExitCode::kOk) << err.str();
    return broker.access_token == nullptr ? "" : broker.access_token();
  }
};

TEST_F(TokenCommandTest, TheTokenComesFromAFileOrTheEnvironment) {
  const std::string file = File("baton_of_file\n"), other = File("baton_of_other");
  EXPECT_EQ(Shown({}), "");
  token_file_variable = other;
  EXPECT_EQ(Shown({}), "baton_of_other");
  token_variable = "baton_of_variable";
  EXPECT_EQ(Shown({}), "baton_of_variable");
  EXPECT_EQ(Shown({"--token-file", file}), "baton_of_file");
  // A file that is replaced is taken over, and one that is gone for a moment does no harm.
  std::ofstream(file) << "baton_rotated";
  EXPECT_EQ(broker.access_token(), "baton_rotated");
  std::filesystem::remove(file);
  EXPECT_EQ(broker.access_token(), "baton_rotated");
}

TEST_F(TokenCommandTest, AFileWithoutATokenIsRefused) {
  EXPECT_EQ(Run({"--token-file", "/nowhere/token", "token", "list"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("--token-file: cannot read /nowhere/token"));
  token_file_variable = File("a secret of two words");
  EXPECT_EQ(Run({"token", "list"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("BATON_ACCESS_TOKEN_FILE"));
  EXPECT_THAT(err.str(), Not(HasSubstr("two words")));
}

TEST_F(TokenCommandTest, WhatIsNoTokenIsRefusedAndNotShown) {
  for (const char* text :
       {"", "baton_secret\nbaton: keep it", "baton_secret of two words", "baton_secret\xc2\xa0", "\x01"}) {
    token_variable = text;
    EXPECT_EQ(Run({"token", "list"}), ExitCode::kBadInput) << text;
    EXPECT_THAT(err.str(), HasSubstr("BATON_ACCESS_TOKEN is to have one access token and nothing else"));
    EXPECT_THAT(err.str(), Not(HasSubstr("secret")));
    token_variable.reset();
    EXPECT_EQ(Run({"--token-file", File(text), "token", "list"}), ExitCode::kBadInput) << text;
    EXPECT_THAT(err.str(), Not(HasSubstr("secret")));
  }
  EXPECT_EQ(Run({"--token-file",
                 File("\xef\xbb\xbf"
                      "baton_secret"),
                 "token", "list"}),
            ExitCode::kBadInput);
}

TEST_F(TokenCommandTest, ATokenDoesNotCrossTheNetworkUnencrypted) {
  token_variable = "baton_secret";
  for (const char* here : {"127.0.0.1:7461", "localhost:1", "[::1]:7461", "unix:/run/baton.sock", "127.1.2.3"}) {
    EXPECT_EQ(Run({"--broker", here, "token", "list"}), ExitCode::kOk) << here << err.str();
  }
  for (const char* there : {"10.0.0.1:7461", "broker.example", "127.evil.example:7461", "localhost.example:1"}) {
    EXPECT_EQ(Run({"--broker", there, "token", "list"}), ExitCode::kBadInput) << there;
    EXPECT_THAT(err.str(), HasSubstr("not encrypted"));
    EXPECT_THAT(err.str(), Not(HasSubstr("baton_secret")));
  }
}

TEST_F(TokenCommandTest, CreatePrintsTheTextAlone) {
  v1::CreateTokenRequest asked;
  broker.create_token = [&asked](const v1::CreateTokenRequest& request, absl::Duration) {
    asked = request;
    v1::CreateTokenResponse response;
    response.set_text("baton_text");
    response.mutable_token()->set_name(request.name());
    response.mutable_token()->set_role(request.role());
    return absl::StatusOr<v1::CreateTokenResponse>(response);
  };
  EXPECT_EQ(Run({"token", "create", "board", "--role", "observe", "--type-prefix", "mail.", "--type-prefix", "sms.",
                 "--payloads", "--expires", "90d"}),
            ExitCode::kOk)
      << err.str();
  EXPECT_EQ(out.str(), "baton_text\n");
  EXPECT_THAT(err.str(), HasSubstr("token board (observe) was created, expires: never"));
  EXPECT_EQ(asked.name(), "board");
  EXPECT_EQ(asked.role(), v1::ACCESS_ROLE_OBSERVE);
  EXPECT_THAT(asked.type_prefixes(), testing::ElementsAre("mail.", "sms."));
  EXPECT_TRUE(asked.payloads());
  EXPECT_EQ(asked.expires_in().seconds(), 90 * 86400);
  EXPECT_EQ(Run({"token", "create", "x", "--role", "work", "-o", "json"}), ExitCode::kOk);
  EXPECT_FALSE(asked.has_expires_in());
  EXPECT_EQ(Json::parse(out.str())["text"], "baton_text");
  EXPECT_EQ(Run({"token", "create", "x", "--role", "admin"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("submit, work, observe, operate"));
  EXPECT_EQ(Run({"token", "create", "x"}), ExitCode::kBadInput);
  EXPECT_EQ(Run({"token", "create", "x", "--role", "work", "--expires", "soon"}), ExitCode::kBadInput);
}

TEST_F(TokenCommandTest, ListTellsWhoMayDoWhatUntilWhen) {
  broker.list_tokens = [] {
    v1::ListTokensResponse response;
    v1::AccessToken& token = *response.add_tokens();
    token.set_name("board");
    token.set_role(v1::ACCESS_ROLE_OBSERVE);
    token.add_type_prefixes("mail.");
    token.mutable_expires_at()->set_seconds(1'800'000'000 + 3600);
    response.add_tokens()->set_name("ops");
    response.mutable_tokens(1)->set_role(v1::ACCESS_ROLE_OPERATE);
    return absl::StatusOr<v1::ListTokensResponse>(response);
  };
  EXPECT_EQ(Run({"token", "list"}), ExitCode::kOk);
  for (const char* text : {"board", "observe", "mail.*", "hidden", "ops", "operate", "all", "never"}) {
    EXPECT_THAT(out.str(), HasSubstr(text));
  }
  EXPECT_EQ(Run({"token"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("board"));
}

TEST_F(TokenCommandTest, RotateAndRevoke) {
  v1::RotateTokenRequest asked;
  broker.rotate_token = [&asked](const v1::RotateTokenRequest& request, absl::Duration) {
    asked = request;
    v1::RotateTokenResponse response;
    response.set_text("baton_new");
    response.mutable_token()->set_name(request.name());
    response.mutable_token()->mutable_old_until()->set_seconds(1'800'000'000 + 3600);
    return absl::StatusOr<v1::RotateTokenResponse>(response);
  };
  EXPECT_EQ(Run({"token", "rotate", "board", "--keep-old", "1h", "--expires", "2d"}), ExitCode::kOk) << err.str();
  EXPECT_EQ(out.str(), "baton_new\n");
  EXPECT_THAT(err.str(), HasSubstr("The old text is valid until"));
  EXPECT_EQ(asked.keep_old().seconds(), 3600);
  EXPECT_EQ(asked.expires_in().seconds(), 2 * 86400);
  std::string revoked;
  broker.revoke_token = [&revoked](const v1::RevokeTokenRequest& request) {
    revoked = request.name();
    return absl::OkStatus();
  };
  EXPECT_EQ(Run({"token", "revoke", "board"}), ExitCode::kOk);
  EXPECT_EQ(revoked, "board");
}

TEST_F(TokenCommandTest, HiddenPayloadsAreToldApartFromEmptyOnes) {
  broker.get = [](const v1::GetRequest&, absl::Duration) {
    v1::GetResponse response;
    *response.mutable_task() = MakeTask(7, v1::TASK_STATE_COMPLETED);
    response.mutable_task()->mutable_result()->set_content_type("application/x-baton-hidden");
    return absl::StatusOr<v1::GetResponse>(response);
  };
  EXPECT_EQ(Run({"get", "7"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("(hidden: the access token may not see payloads)"));
  const std::string file = File("from before");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"result", "7"}, {"result", "7", "--output", file}}) {
    EXPECT_EQ(Run(command), ExitCode::kOther);
    EXPECT_EQ(out.str(), "");
    EXPECT_THAT(err.str(), HasSubstr("may not see payloads"));
  }
  EXPECT_EQ(std::filesystem::file_size(file), 11u) << "what was there is not overwritten with nothing";
}

}  // namespace
}  // namespace baton::cli
