#include "broker/server/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/server/address.h"
#include "broker/server/setting_table.h"
#include "broker/server/setting_value.h"

namespace baton::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

TEST(Settings, EveryDefaultIsInItsRange) {  // B262
  const Settings settings;
  for (const Setting& setting : AllSettings()) {
    EXPECT_TRUE(CheckValue(setting, setting.get(settings)).ok()) << setting.name;
    EXPECT_FALSE(setting.help.empty()) << setting.name;
  }
  EXPECT_TRUE(CheckSettings(settings).ok());
}

TEST(Settings, WhatIsPrintedIsReadBack) {
  Settings settings;
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"server.data_dir", "/tmp/a \"b\""},
                                                        {"server.listen", "unix:/tmp/x"},
                                                        {"workers.grace", "1.5s"},
                                                        {"limits.payload_bytes", "512KiB"},
                                                        {"defaults.priority", "-3"},
                                                        {"defaults.exponential_jitter", "0.5"},
                                                        {"defaults.retry_backoff", "exponential"},
                                                        {"storage.recover", "point-in-time"}}) {
    ASSERT_TRUE(SetSetting(name, value, &settings).ok()) << name;
  }
  const std::string toml = SettingsToToml(settings, Comments::kYes);
  Settings read;
  const absl::Status status = ReadSettings(toml, "printed", &read);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(SettingsToToml(read, Comments::kYes), toml);
  EXPECT_EQ(read.engine.defaults.priority, -3);
  EXPECT_EQ(read.engine.grace, 1'500'000);
  EXPECT_EQ(read.limits.payload_bytes, 512u << 10);
  EXPECT_EQ(read.engine.defaults.retry_backoff, engine::Backoff::kExponential);
  EXPECT_EQ(read.store.directory, "/tmp/a \"b\"");
}

TEST(Settings, RetentionHasAWordForEver) {  // B238, B239
  Settings settings;
  EXPECT_EQ(settings.engine.retention, kDay);
  for (const char* never : {"never", "0", "0s"}) {
    settings.engine.retention = kDay;
    ASSERT_TRUE(SetSetting("retention.ended", never, &settings).ok()) << never;
    EXPECT_EQ(settings.engine.retention, 0) << never;
  }
  const std::string toml = SettingsToToml(settings, Comments::kYes);
  EXPECT_THAT(toml, AllOf(HasSubstr("[retention]\n"), HasSubstr("(1s to 3650d, or never)\nended = \"never\"\n")));
  Settings read;
  ASSERT_TRUE(ReadSettings(toml, "printed", &read).ok());
  EXPECT_EQ(read.engine.retention, 0);
  ASSERT_TRUE(SetSetting("retention.ended", "90d", &settings).ok());
  EXPECT_EQ(settings.engine.retention, 90 * kDay);
}

TEST(Settings, EachStateHasAnAgeOrThatOfAllThatEnded) {  // B238, B239
  Settings settings;
  EXPECT_EQ(settings.engine.retention_failed, engine::kAsEnded);
  EXPECT_THAT(SettingsToToml(settings, Comments::kYes),
              HasSubstr("(1s to 3650d, or never, or ended)\npermanently_failed = \"ended\"\n"));
  const std::string toml = "[retention]\ncompleted = \"2h\"\npermanently_failed = \"never\"\ncancelled = \"ended\"\n";
  ASSERT_TRUE(ReadSettings(toml, "f.toml", &settings).ok());
  EXPECT_EQ(settings.engine.retention_completed, 2 * kHour);
  EXPECT_EQ(settings.engine.retention_failed, 0);
  EXPECT_EQ(settings.engine.retention_cancelled, engine::kAsEnded);
  Settings read;
  ASSERT_TRUE(ReadSettings(SettingsToToml(settings, Comments::kNo), "printed", &read).ok());
  EXPECT_EQ(read.engine.retention_completed, 2 * kHour);
  EXPECT_EQ(read.engine.retention_failed, 0);
  EXPECT_EQ(read.engine.retention_cancelled, engine::kAsEnded);
}

TEST(Settings, AgeingIsOffUnlessItIsSet) {
  Settings settings;
  EXPECT_EQ(settings.engine.ageing, 0);
  EXPECT_THAT(SettingsToToml(settings, Comments::kYes), HasSubstr("ageing = \"off\"\n"));
  ASSERT_TRUE(SetSetting("dispatch.ageing", "5m", &settings).ok());
  EXPECT_EQ(settings.engine.ageing, 5 * kMinute);
  ASSERT_TRUE(SetSetting("dispatch.ageing", "off", &settings).ok());
  EXPECT_EQ(settings.engine.ageing, 0);
  EXPECT_FALSE(SetSetting("dispatch.ageing", "1us", &settings).ok());
  EXPECT_FALSE(SetSetting("dispatch.ageing", "366d", &settings).ok());
}

TEST(Settings, RefusesByFileLineNameAndRange) {  // B239, B263
  const struct {
    const char* toml;
    std::vector<std::string> said;
  } kBad[] = {
      {"[limits]\npayload_byte = 5\n", {"f.toml:2:", "limits.payload_byte", "nearest is 'limits.payload_bytes'"}},
      {"[server]\nlisten = \"0.0.0.0\"\n", {"f.toml:2:", "server.listen", "has no port"}},
      {"[server]\nsocket_mode = \"0777\"\n", {"f.toml:2:", "server.socket_mode is '0777'", "0600, 0660, 0666"}},
      {"[server]\nsocket_mode = 0o660\n", {"f.toml:2:", "server.socket_mode is '432'", "0600, 0660, 0666"}},
      {"[metrics]\naddress = \"0.0.0.0:1\"\n", {"f.toml:2:", "metrics.address", "other machines"}},
      {"[server]\nlog_level = \"loud\"\n", {"server.log_level", "'loud'", "one of trace"}},
      {"[defaults]\n\npriority = 21\n", {"f.toml:3:", "defaults.priority is 21", "-20 to 20"}},
      {"[defaults]\npriority = \"high\"\n", {"defaults.priority", "'high'", "whole number"}},
      {"[workers]\ngrace = 5\n", {"workers.grace", "duration", "1.5s"}},
      {"[workers]\ngrace = \"2h\"\n", {"workers.grace is 2h", "0s to 1h"}},
      {"[limits]\npayload_bytes = \"2MiB\"\n", {"limits.payload_bytes is 2MiB", "1KiB to 1MiB"}},
      {"[retention]\nended = \"10ms\"\n", {"retention.ended is 10ms", "1s to 3650d, or never"}},
      {"[retention]\nended = \"always\"\n", {"retention.ended", "'always'", "duration"}},
      {"[retention]\nended = \"ended\"\n", {"retention.ended", "'ended'", "duration"}},
      {"[retention]\ncancelled = \"500ms\"\n", {"retention.cancelled is 500ms", "1s to 3650d, or never, or ended"}},
      {"[retention]\nfailed = \"1d\"\n", {"there is no setting 'retention.failed'"}},
      {"[limits]\nitems = [1]\n", {"limits.items", "list or table"}},
      {"beat_window = \"3s\"\n", {"beat_window", "nearest is 'workers.beat_window'"}},
      {"[limits\n", {"f.toml:1:", "not TOML"}},
  };
  for (const auto& bad : kBad) {
    Settings settings;
    const absl::Status status = ReadSettings(bad.toml, "f.toml", &settings);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad.toml;
    for (const std::string& part : bad.said) EXPECT_THAT(MessageOf(status), HasSubstr(part)) << bad.toml;
  }
}

TEST(Settings, SettingsThatContradictEachOtherAreRefused) {
  Settings settings;
  ASSERT_TRUE(SetSetting("workers.beat_window", "8s", &settings).ok());
  EXPECT_THAT(MessageOf(CheckSettings(settings)), AllOf(HasSubstr("beat_window"), HasSubstr("beat_interval")));
  settings = Settings();
  ASSERT_TRUE(SetSetting("limits.message_bytes", "1MiB", &settings).ok());
  EXPECT_THAT(MessageOf(CheckSettings(settings)), AllOf(HasSubstr("message_bytes"), HasSubstr("payload_bytes")));
}

TEST(Settings, CallsAndMetricsNeedPortsOfTheirOwn) {
  Settings settings;
  ASSERT_TRUE(SetSetting("metrics.address", settings.listen, &settings).ok());
  EXPECT_THAT(MessageOf(CheckSettings(settings)), AllOf(HasSubstr("metrics.address"), HasSubstr("server.listen")));
  ASSERT_TRUE(SetSetting("metrics.address", "127.0.0.1:0", &settings).ok());
  ASSERT_TRUE(SetSetting("server.listen", "127.0.0.1:0", &settings).ok());
  EXPECT_TRUE(CheckSettings(settings).ok());
}

TEST(Settings, WhatHasChangedIsNamed) {
  Settings settings;
  EXPECT_TRUE(ChangedSettings(Settings(), settings).empty());
  settings.log_format = "json";
  settings.engine.grace = 7;
  EXPECT_THAT(ChangedSettings(Settings(), settings), ::testing::UnorderedElementsAre("log.format", "workers.grace"));
}

TEST(Settings, AMissingFileIsNamed) {
  Settings settings;
  const absl::Status status = ReadSettingsFile("/nowhere/batond.toml", &settings);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(MessageOf(status), HasSubstr("/nowhere/batond.toml"));
}

TEST(Settings, AnEmptyFileChangesNothing) {
  Settings settings;
  const absl::Status status = ReadSettingsFile("/dev/null", &settings);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(SettingsToToml(settings, Comments::kNo), SettingsToToml(Settings(), Comments::kNo));
}

TEST(Settings, TlsNeedsACertificateAndItsKey) {
  Settings settings;
  settings.tls.certificate = "c.pem";
  EXPECT_THAT(MessageOf(CheckSettings(settings)), HasSubstr("tls.certificate is 'c.pem', but tls.private_key is not"));
  settings.tls = {.private_key = "k.pem"};
  EXPECT_THAT(MessageOf(CheckSettings(settings)), HasSubstr("tls.private_key is 'k.pem', but tls.certificate is not"));
  settings.tls = {.client_ca = "ca.pem"};
  EXPECT_THAT(MessageOf(CheckSettings(settings)), HasSubstr("tls.client_ca is 'ca.pem', but tls.certificate is not"));
  settings.tls = {.certificate = "c.pem", .private_key = "k.pem"};
  EXPECT_TRUE(CheckSettings(settings).ok());
  settings.listen = "unix:/x";
  EXPECT_THAT(MessageOf(CheckSettings(settings)), AllOf(HasSubstr("tls.certificate"), HasSubstr("server.listen")));
}

TEST(Settings, OtherMachinesReachABrokerOnlyWithTlsAndAccessControl) {
  for (const char* address : {"0.0.0.0:7461", "[::]:7461", "192.168.1.4:7461", "nowhere.invalid:7461"}) {
    Settings settings;
    settings.listen = address;
    EXPECT_THAT(MessageOf(CheckSettings(settings)),
                AllOf(HasSubstr(address), HasSubstr("tls.certificate and access.tokens_file are not set"),
                      HasSubstr("listen on 127.0.0.1")));
    settings.tls = {.certificate = "c.pem", .private_key = "k.pem", .client_ca = "ca.pem"};
    EXPECT_THAT(MessageOf(CheckSettings(settings)), HasSubstr("but access.tokens_file is not set"));
    settings.access_tokens_file = "tokens";
    EXPECT_TRUE(CheckSettings(settings).ok()) << CheckSettings(settings);
    settings.tls = {};
    EXPECT_THAT(MessageOf(CheckSettings(settings)), HasSubstr("but tls.certificate is not set"));
  }
}

TEST(Address, OnlyTheLoopbackAndSocketFilesStayOnThisMachine) {
  for (const char* near : {"127.0.0.1:7461", "127.1.2.3:0", "localhost:1", "[::1]:65535", "[::ffff:127.0.0.1]:1",
                           "unix:/run/baton.sock"}) {
    EXPECT_TRUE(CheckAddress(near).ok()) << near;
    EXPECT_FALSE(ReachesFurther(near)) << near;
  }
  for (const char* far : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:10.0.0.1]:1", "[fe80::1]:1"}) {
    EXPECT_TRUE(CheckAddress(far).ok()) << far;
    EXPECT_TRUE(ReachesFurther(far)) << far;
  }
}

TEST(Address, RefusesWhatIsNone) {
  const std::string long_path = "unix:/" + std::string(200, 'x');
  for (const char* bad :
       {"", "127.0.0.1", ":7461", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "unix:", long_path.c_str()}) {
    const absl::Status status = CheckAddress(bad);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(MessageOf(status), HasSubstr(bad));
  }
}

TEST(Address, MetricsGoNowhereOrStayOnThisMachine) {
  for (const char* good : {"", "127.0.0.1:7462", "localhost:0", "[::1]:65535"}) {
    EXPECT_TRUE(CheckMetricsAddress(good).ok()) << good;
  }
  for (const char* bad : {"127.0.0.1", ":7462", "127.0.0.1:65536", "unix:/run/metrics.sock", "0.0.0.0:7462"}) {
    const absl::Status status = CheckMetricsAddress(bad);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(MessageOf(status), HasSubstr(bad));
  }
  EXPECT_THAT(MessageOf(CheckMetricsAddress("unix:/x")), HasSubstr("write HOST:PORT such as 127.0.0.1:7462"));
  EXPECT_THAT(MessageOf(CheckMetricsAddress("0.0.0.0:1")), HasSubstr("everybody there could read metrics"));
}

}  // namespace
}  // namespace baton::server
