#include "broker/server/logging.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace baton::server {
namespace {

TEST(JsonLogLineTest, IsAnObjectOnALineOfItsOwn) {
  EXPECT_EQ(JsonLogLine(1'769'851'800'000'001, "info", "stopped"),
            "{\"time\":\"2026-01-31T09:30:00.000001Z\",\"level\":\"info\",\"message\":\"stopped\"}\n");
}

TEST(JsonLogLineTest, WhateverAMessageHoldsStaysOnTheLine) {
  const std::string nasty = "a \"b\"\nc\\d\x01\xff e";
  const std::string line = JsonLogLine(0, "warning", nasty);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(nlohmann::json::parse(line)["message"], "a \"b\"\nc\\d\x01\xEF\xBF\xBD e");
}

TEST(JsonLogLineTest, NoControlCharacterIsLeft) {
  const std::string line = JsonLogLine(0, "info",
                                       "\x1b[2J\x7f\xC2\x9b"
                                       "31m ü");
  EXPECT_EQ(line.substr(line.find("\"message\"")), "\"message\":\"\\u001b[2J\\u007f\\u009b31m \\u00fc\"}\n");
}

TEST(OneLineTest, KeepsTextAndEscapesWhatSteers) {
  for (const auto& [message, line] :
       {std::pair<std::string, std::string>{"", ""},
        {"worker w1 connected: session 7", "worker w1 connected: session 7"},
        {"größer als 5 €, 漢字, 🙂", "größer als 5 €, 漢字, 🙂"},
        {"a\nb\r\tc", "a\\nb\\x0d\\x09c"},
        {"\x1b]0;title\x07\x7f", "\\x1b]0;title\\x07\\x7f"},
        {"\xC2\x9b"
         "31m\xC2\xA0.",
         "\\xc2\\x9b31m\xC2\xA0."},
        {"no UTF-8: \xff\xC3\xBC", "no UTF-8: \\xff\\xc3\\xbc"},
        {"\u202eevil\u2066 \u2028 \u202f", "\\xe2\\x80\\xaeevil\\xe2\\x81\\xa6 \\xe2\\x80\\xa8 \u202f"},
        {"as RocksDB ends its lines\n", "as RocksDB ends its lines"},
        {"cut off \xC2", "cut off \\xc2"},
        {std::string("a\0b", 3), "a\\x00b"}}) {
    EXPECT_EQ(OneLine(message), line);
  }
}

}  // namespace
}  // namespace baton::server
