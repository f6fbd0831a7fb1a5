// What encrypts connections, from options, environment and files. Handshakes: tests/process/tls_test.py.
#include "worker_sdk/src/tls_files.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class TlsFilesTest : public ::testing::Test {
 protected:
  TlsFilesTest() { Clear(); }
  ~TlsFilesTest() override { Clear(); }

  static void Clear() {
    for (const char* name : {"BATON_TLS_CA", "BATON_TLS_CERT", "BATON_TLS_KEY", "BATON_TLS_SERVER_NAME"}) {
      unsetenv(name);
    }
  }

  static std::string WriteFile(const std::string& name, const std::string& text) {
    const std::string path = ::testing::TempDir() + "tls_files_test_" + name;
    std::ofstream(path) << text;
    return path;
  }

  static std::string Refused(const TlsOptions& tls) {
    const absl::Status status = ReadTls(tls).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }
};

TEST_F(TlsFilesTest, TheAddressOrAnyOptionHasAConnectionEncrypted) {
  const struct {
    const char* address;
    TlsOptions tls;
    const char* target;
    bool encrypted;
  } cases[] = {
      {"h:1", {}, "h:1", false},
      {"tls://h:1", {}, "h:1", true},
      {"h:1", {.ca = "c"}, "h:1", true},
      {"h:1", {.certificate = "c"}, "h:1", true},
      {"h:1", {.key = "k"}, "h:1", true},
      {"h:1", {.server_name = "n"}, "h:1", true},
      {"unix:/s", {.ca = "c"}, "unix:/s", false},
  };
  for (const auto& one : cases) {
    const Endpoint endpoint = ResolveEndpoint(one.address, one.tls);
    EXPECT_EQ(endpoint.target, one.target);
    EXPECT_EQ(endpoint.encrypted, one.encrypted) << one.address;
  }
}

TEST_F(TlsFilesTest, TheEnvironmentHasWhatIsNotSet) {
  setenv("BATON_TLS_CA", "env-ca", 1);
  setenv("BATON_TLS_CERT", "env-cert", 1);
  setenv("BATON_TLS_KEY", "env-key", 1);
  setenv("BATON_TLS_SERVER_NAME", "env-name", 1);
  const TlsOptions open = CompleteTls({});
  EXPECT_EQ(open.ca, "env-ca");
  EXPECT_EQ(open.certificate, "env-cert");
  EXPECT_EQ(open.key, "env-key");
  EXPECT_EQ(open.server_name, "env-name");
  // A certificate of one's own is not paired with the key of another one.
  const TlsOptions set = CompleteTls({.ca = "own-ca", .certificate = "own-cert", .server_name = "own-name"});
  EXPECT_EQ(set.ca, "own-ca");
  EXPECT_EQ(set.certificate, "own-cert");
  EXPECT_EQ(set.key, "");
  EXPECT_EQ(set.server_name, "own-name");
}

TEST_F(TlsFilesTest, NamesTheFileThatCannotBeUsed) {
  EXPECT_THAT(Refused({.ca = "/nowhere/ca.pem"}),
              AllOf(HasSubstr("CA file '/nowhere/ca.pem'"), HasSubstr("No such file"), HasSubstr("BATON_TLS_CA")));
  EXPECT_THAT(Refused({.ca = ::testing::TempDir()}), HasSubstr("Is a directory"));
  EXPECT_THAT(Refused({.ca = WriteFile("empty", "")}), HasSubstr("is not PEM"));
  EXPECT_THAT(Refused({.ca = WriteFile("damaged", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")}),
              HasSubstr("cannot be used"));
  EXPECT_THAT(Refused({.certificate = "c"}), AllOf(HasSubstr("client certificate 'c'"), HasSubstr("no client key")));
  EXPECT_THAT(Refused({.key = "k"}), AllOf(HasSubstr("client key 'k'"), HasSubstr("no client certificate")));
}

TEST_F(TlsFilesTest, NoFileIsReadForAConnectionThatIsNotEncrypted) {
  EXPECT_TRUE(ValidateTls("unix:/s", {.ca = "/nowhere"}).ok());
  EXPECT_TRUE(ValidateTls("h:1", {}).ok());
  EXPECT_TRUE(ValidateTls("tls://h:1", {}).ok());
  EXPECT_FALSE(ValidateTls("h:1", {.ca = "/nowhere"}).ok());
}

TEST_F(TlsFilesTest, TheStampChangesWithAFile) {
  const TlsOptions tls = {.ca = WriteFile("stamp", "1")};
  const std::string before = TlsStamp(tls);
  EXPECT_EQ(TlsStamp(tls), before);
  WriteFile("stamp", "12");
  EXPECT_NE(TlsStamp(tls), before);
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
