// Profiles: which broker is asked, and what is said of a file that is wrong.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::HasSubstr;

constexpr char kTwo[] =
    "default = \"local\"\n"
    "\n"
    "[profile.local]\n"
    "broker = \"unix:/run/b.sock\"\n"
    "[profile.production]\n"
    "broker = \"tasks.example.com\"\n";

class ProfilesTest : public CommandTest {
 protected:
  // The broker that a command with these words in front would ask.
  std::string Asked(std::vector<std::string> words) {
    connected_to.clear();
    words.emplace_back("stats");
    Run(words);
    return connected_to;
  }
};

TEST_F(ProfilesTest, TheFirstThatIsGivenDecides) {
  config_path = File(kTwo);
  EXPECT_EQ(Asked({}), "unix:/run/b.sock") << "the default of the file";
  profile_variable = "production";
  EXPECT_EQ(Asked({}), "tasks.example.com:7461") << "a port is filled in";
  broker_variable = "variable:1";
  EXPECT_EQ(Asked({}), "variable:1");
  EXPECT_EQ(Asked({"--profile", "local"}), "unix:/run/b.sock") << "a flag goes before a variable";
  EXPECT_EQ(Asked({"--broker", "flag:2"}), "flag:2");
  EXPECT_EQ(Asked({"--broker", "flag:2", "--profile", "local"}), "flag:2");
}

TEST_F(ProfilesTest, WithoutAFileThereIsTheBuiltInAddress) {
  EXPECT_EQ(Asked({}), kDefaultAddress);
  config_path = "/nonexistent/baton/config.toml";
  EXPECT_EQ(Asked({}), kDefaultAddress);
  EXPECT_EQ(Asked({"--profile", "x"}), "");
  EXPECT_THAT(err.str(),
              HasSubstr("--profile: there is no profile \"x\": /nonexistent/baton/config.toml does not exist"));
  config_path = "";
  Asked({"--profile", "x"});
  EXPECT_THAT(err.str(), HasSubstr("neither XDG_CONFIG_HOME nor HOME tells where profiles are"));
}

TEST_F(ProfilesTest, ABrokerByNameNeedsNoFile) {
  config_path = File("[profile");
  EXPECT_EQ(Asked({"--broker", "flag:2"}), "flag:2");
  broker_variable = "variable:1";
  EXPECT_EQ(Asked({}), "variable:1");
  EXPECT_EQ(Asked({"--profile", "x"}), "");
}

TEST_F(ProfilesTest, WhatAProfileSaysOfItsBrokerIsForNoOther) {
  config_path = File("[profile.p]\nbroker = \"b.example\"\ntls_server_name = \"x.example\"\ntoken_file = \"" +
                     File("baton_secret") + "\"\n");
  EXPECT_EQ(Asked({"--profile", "p"}), "tls://b.example:7461");
  ASSERT_TRUE(broker.access_token);
  EXPECT_EQ(broker.access_token(), "baton_secret");
  broker.access_token = nullptr;
  EXPECT_EQ(Asked({"--broker", "127.0.0.1"}), "127.0.0.1:7461");
  EXPECT_FALSE(broker.access_token);
}

TEST_F(ProfilesTest, MistakesNameTheLineAndTheNearestName) {
  struct Case {
    const char* file;
    const char* message;
  };
  for (const Case& c : {
           Case{"[profile.a]\nbroker = \"x\"\nbrokr = \"y\"\n",
                ":3: profile \"a\" cannot have the key \"brokr\"; the nearest is \"broker\", and all are broker"},
           {"defalt = \"a\"\n", ":1: there is no key \"defalt\"; the nearest is \"default\""},
           {"default = 7\n", ":1: default is not the name of a profile"},
           {"default = \"b\"\n[profile.abc]\nbroker = \"x\"\n", "default: there is no profile \"b\" in "},
           {"[profile.a]\n", ":1: profile \"a\" has no key \"broker\""},
           {"[profile.a]\nbroker = 7\n", ":2: profile \"a\": broker is not a text in quotes"},
           {"[profile.a]\nbroker = \"http://x\"\n", ":2: profile \"a\": broker address: \"http://x\""},
           {"profile = 7\n", ":1: profile is no table: write [profile.NAME]"},
           {"[profile]\na = 7\n", ":2: profile \"a\" is no table"},
           {"[profile.a\n", ":1: "},
       }) {
    config_path = File(c.file);
    for (const char* command : {"stats", "profiles"}) {
      EXPECT_EQ(Run({command}), ExitCode::kBadInput) << c.file;
      EXPECT_THAT(err.str(), HasSubstr(c.message));
      EXPECT_THAT(err.str(), HasSubstr(config_path));
    }
  }
  EXPECT_EQ(connected_to, "");
}

TEST_F(ProfilesTest, AnUnknownProfileNamesTheNearest) {
  config_path = File(kTwo);
  profile_variable = "producton";
  EXPECT_EQ(Run({"stats"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("BATON_PROFILE: there is no profile \"producton\" in " + config_path +
                                   "; the nearest is \"production\", and all are local, production"));
}

TEST_F(ProfilesTest, AreListedWithTheOneInForce) {
  config_path = File(kTwo);
  EXPECT_EQ(Run({"profiles", "--profile", "production"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "PROFILE     BROKER                  DEFAULT  IN FORCE\n"
            "local       unix:/run/b.sock        yes      -\n"
            "production  tasks.example.com:7461  -        by --profile\n");
  EXPECT_EQ(err.str(), "");
  broker_variable = "variable:1";
  EXPECT_EQ(Run({"profiles"}), ExitCode::kOk);
  EXPECT_EQ(err.str(), "the broker in force is variable:1, by BATON_BROKER\n");
  EXPECT_EQ(Run({"profiles", "--profile", "local", "--broker", "b:1"}), ExitCode::kOk);
  EXPECT_EQ(err.str(), "the broker in force is b:1, by --broker\n");
  EXPECT_EQ(Run({"profiles", "--profile", "local", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_EQ(
      nlohmann::json::parse(out.str().substr(0, out.str().find('\n'))),
      (nlohmann::json{{"profile", "local"}, {"broker", "unix:/run/b.sock"}, {"default", true}, {"in_force", true}}));
  EXPECT_EQ(connected_to, "");
}

TEST_F(ProfilesTest, NoneIsNoMistake) {
  config_path = File("");
  EXPECT_EQ(Run({"profiles"}), ExitCode::kOk);
  EXPECT_EQ(err.str(), "no profiles: " + config_path +
                           " has none\nthe broker in force is 127.0.0.1:7461, by default of this program\n");
}

}  // namespace
}  // namespace baton::cli
