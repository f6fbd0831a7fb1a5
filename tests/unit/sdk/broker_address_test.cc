// Addresses as people write them: for workers, clients and the command line alike.
#include "worker_sdk/src/broker_address.h"

#include <cstdlib>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker_sdk/src/broker_connection.h"
#include "worker_sdk/src/validate.h"
#include "worker_sdk/src/worker_core.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BrokerAddressTest : public ::testing::Test {
 protected:
  BrokerAddressTest() { unsetenv("BATON_BROKER"); }
  ~BrokerAddressTest() override { unsetenv("BATON_BROKER"); }

  static std::string Normal(const std::string& addresses) {
    const absl::StatusOr<std::string> normal = NormalizeAddresses(addresses, "--broker");
    return normal.ok() ? *normal : normal.status().ToString();
  }
};

TEST_F(BrokerAddressTest, AListIsGivenInItsOrder) {
  EXPECT_THAT(SplitAddresses("a:1"), ElementsAre("a:1"));
  EXPECT_THAT(SplitAddresses("a:1, b:2 ,unix:/c"), ElementsAre("a:1", "b:2", "unix:/c"));
  EXPECT_THAT(SplitAddresses(""), ElementsAre(""));
}

TEST_F(BrokerAddressTest, AMissingPortIsThatOfTheBroker) {
  const struct {
    const char* written;
    const char* normal;
  } table[] = {
      {"localhost", "localhost:7461"},
      {"127.0.0.1", "127.0.0.1:7461"},
      {" broker.example:9 ", "broker.example:9"},
      {"[::1]", "[::1]:7461"},
      {"[::1]:65535", "[::1]:65535"},
      {"tls://broker.example", "tls://broker.example:7461"},
      {"tls://[::1]", "tls://[::1]:7461"},
      {"unix:/run/baton.sock", "unix:/run/baton.sock"},
      {"unix:baton.sock", "unix:baton.sock"},
      {"one, two:9,unix:/s", "one:7461,two:9,unix:/s"},
  };
  for (const auto& row : table) {
    EXPECT_EQ(Normal(row.written), row.normal);
    EXPECT_EQ(Normal(row.normal), row.normal);
  }
}

TEST_F(BrokerAddressTest, BehindAnEncryptedOneAllButSocketsAreEncrypted) {
  EXPECT_EQ(Normal("tls://one,two:2"), "tls://one:7461,tls://two:2");
  EXPECT_EQ(Normal("one,tls://two,unix:/s,three"), "one:7461,tls://two:7461,unix:/s,tls://three:7461");
}

TEST_F(BrokerAddressTest, WhatIsNoAddressIsNamedWithTheCure) {
  const struct {
    const char* written;
    const char* said;
  } table[] = {
      {"", "\"\" cannot be used: it is empty"},
      {"http://x", "\"http://x\" cannot be used: it is a URL or a path"},
      {"tls://h:1/x", "it is a URL or a path"},
      {"/run/baton.sock", "it is a URL or a path"},
      {"a b", "it has blanks in it"},
      {"unix:", "the path is missing"},
      {"tls://unix:/s", "what goes through a Unix socket is not encrypted"},
      {"tls://", "the host is missing"},
      {":7461", "the host is missing"},
      {"::1", "an IPv6 address needs brackets around it"},
      {"[::1", "an IPv6 address needs brackets around it"},
      {"[::1]7461", "the brackets do not fit"},
      {"h:", "the port is no number from 1 to 65535"},
      {"h:0", "the port is no number from 1 to 65535"},
      {"h:65536", "the port is no number from 1 to 65535"},
      {"h:+1", "the port is no number from 1 to 65535"},
      {"h:http", "the port is no number from 1 to 65535"},
      {"one,http://x", "\"http://x\" cannot be used"},
      {"a:1,,b:2", "address 2 of 3 in 'a:1,,b:2' is empty"},
  };
  for (const auto& row : table) {
    const absl::Status status = NormalizeAddresses(row.written, "--broker").status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << row.written;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(row.said), HasSubstr("write HOST:PORT (for example 127.0.0.1:7461)"),
                      HasSubstr("unix:PATH in --broker")))
        << row.written;
  }
}

TEST_F(BrokerAddressTest, TheOptionTheVariableOrTheDefaultIsMadeNormal) {
  EXPECT_EQ(ResolveAddress(""), "127.0.0.1:7461");
  EXPECT_EQ(ResolveAddress("localhost"), "localhost:7461");
  setenv("BATON_BROKER", "tls://one,two", 1);
  EXPECT_EQ(ResolveAddress(""), "tls://one:7461,tls://two:7461");
  EXPECT_EQ(CompleteIdentity({}, 1).broker, "tls://one:7461,tls://two:7461");
  EXPECT_EQ(ResolveAddress("localhost"), "localhost:7461");
  EXPECT_EQ(ResolveAddress("in-process:by name"), "in-process:by name");
}

TEST_F(BrokerAddressTest, WhereItCannotBeUsedBothPlacesAreNamed) {
  const auto names_both = AllOf(HasSubstr("\"http://x\""), HasSubstr("the option broker"), HasSubstr("BATON_BROKER"));
  EXPECT_TRUE(ValidateAddresses("", {}).ok());
  EXPECT_TRUE(ValidateAddresses("a:1,b:2", {}).ok());
  EXPECT_THAT(std::string(ValidateAddresses("http://x", {}).message()), names_both);
  setenv("BATON_BROKER", "http://x", 1);
  EXPECT_THAT(std::string(ValidateAddresses("", {}).message()), names_both);
  const WorkerIdentity identity = CompleteIdentity({.worker_id = "w"}, 1);
  EXPECT_THAT(std::string(ValidateIdentity(identity, 1).message()), names_both);
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
