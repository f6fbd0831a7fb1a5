// What gRPC says when there is no connection, translated. Its texts are those of version 1.51; others end in the last
// line of the table, which quotes them.
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "client_cli/broker_client.h"
#include "client_cli/doctor/examine.h"
#include "client_cli/error_text.h"
#include "client_cli/status_details.h"
#include "worker_sdk/src/tls_files.h"

namespace baton::cli::doctor {
namespace {

constexpr char kWrongPort[] =
    "name the port of server.listen (7461 if nothing else is set), not that of metrics or of a proxy: `baton --broker "
    "HOST:PORT doctor`";

// A part of gRPC's text, what it stands for, and what to do. $A is the address as other programs take it, without the
// tls:// in front, $H its host, $P the path of a socket.
struct Cause {
  const char* part;
  const char* rule;
  const char* what;
  const char* remedy;
};

constexpr Cause kCauses[] = {
    {"Domain name not found", "no-such-host", "no such host: the name $H is not known here",
     "correct --broker, BATON_BROKER or the profile (`baton profiles`); `getent hosts $H` asks for the name alone"},
    {"DNS resolution failed", "no-such-host", "no such host: the name $H cannot be looked up",
     "correct --broker, BATON_BROKER or the profile (`baton profiles`); `getent hosts $H` asks for the name alone"},
    {"Connection refused", "refused", "the machine answers, and nothing listens at $A",
     "start the broker there (`systemctl start batond`), or name the right port; `journalctl -u batond -n 20` tells "
     "why one ended"},
    {"No such file or directory", "refused", "there is no socket $P",
     "start the broker (`systemctl start batond`), or name the path of its "
     "server.listen: `ls -l $P`"},
    {"Permission denied", "socket-permission", "this user may not use the socket $P",
     "become a member of its group, or change its mode: `ls -l $P`"},
    {"http1.x", "wrong-port", "a web server listens at $A, no broker", kWrongPort},
    {"parsing HTTP/2", "wrong-port", "something else than a broker listens at $A", kWrongPort},
    {"Received http2 header with status", "wrong-port",
     "a proxy or a web server answers at $A, and no broker behind it", kWrongPort},
    {"before receiving SETTINGS", "no-answer", "something listens at $A and says nothing",
     "if it is the broker it is stopped or starved: `systemctl status batond`; else name the right port"},
    {"andshake", "tls", "no agreement on TLS with $A", "`openssl s_client -connect $A` shows what it offers"},
    {"ertificate", "tls", "the certificate of $A, or ours, is refused",
     "`openssl s_client -connect $A -showcerts` shows it, with its names and dates"},
    {"Socket closed", "tls", "something listens at $A and closes the connection: it speaks TLS, or is no broker",
     "`openssl s_client -connect $A` tells which; name the port of server.listen"},
    {"Connection reset", "tls", "something listens at $A and closes the connection: it speaks TLS, or is no broker",
     "`openssl s_client -connect $A` tells which; name the port of server.listen"},
    {"unreachable", "no-route", "no way leads to $H", "look at the network between here and there: `ip route get $H`"},
    {"No route to host", "no-route", "no way leads to $H", "look at the network, and at firewalls: `ip route get $H`"},
    {"imed out", "no-answer", "$H does not answer", "look whether it is up, and at firewalls: `ping $H`"},
};

// What lets us in, by the broker's reason.
std::string AccessRemedy(absl::string_view reason) {
  if (reason == "ACCESS_TOKEN_REQUIRED") {
    return "name the file that has one: --token-file, or BATON_ACCESS_TOKEN_FILE; with the role observe, or operate";
  }
  return "ask its operator for a token with the role observe; on its machine `batond create-token --help` tells how to "
         "make one";
}

std::string HostOf(const std::string& address) { return address.substr(0, address.rfind(':')); }

std::string Filled(absl::string_view text, const std::string& address) {
  const std::string bare(absl::StripPrefix(address, "tls://"));
  const std::string path(absl::StripPrefix(bare, "unix:"));
  return absl::StrReplaceAll(text, {{"$A", bare}, {"$H", HostOf(bare)}, {"$P", path}});
}

// Before what finds out more: what to do about TLS, which other commands tell as well.
std::string WithTlsAdvice(const std::string& remedy, const absl::Status& status, const std::string& address) {
  std::string advice = internal::TlsAdvice(IsEncrypted(address), status.message());
  if (advice.empty()) return remedy;
  advice[0] = absl::ascii_tolower(advice[0]);
  return absl::StrCat(advice, "; ", remedy);
}

Finding Broken(const char* rule, const std::string& what, const std::string& remedy) {
  return {.rule = rule, .severity = Severity::kError, .what = what, .remedy = remedy};
}

}  // namespace

Finding DescribeUnreachable(const absl::Status& status, const std::string& address) {
  const std::string reason = ReasonOf(status);
  if (absl::IsUnavailable(status) && !reason.empty()) {
    return Broken("not-ready", absl::StrCat("the broker is starting or stopping: ", status.message()),
                  "wait; `journalctl -u batond -n 20` tells how far it is");
  }
  if (absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status)) {
    return Broken("no-access", absl::StrCat("the broker does not let us in: ", status.message()), AccessRemedy(reason));
  }
  for (const Cause& cause : kCauses) {
    if (!absl::StrContains(status.message(), cause.part)) continue;
    return Broken(cause.rule, Filled(cause.what, address),
                  WithTlsAdvice(Filled(cause.remedy, address), status, address));
  }
  if (absl::IsDeadlineExceeded(status)) {
    return Broken("no-answer", absl::StrCat("no answer from ", address, " in time"),
                  "it is busy, stopped, or behind a firewall: `baton --timeout 60s doctor` waits for longer");
  }
  if (absl::IsUnimplemented(status)) {
    return Broken("wrong-port", absl::StrCat("what listens at ", address, " is no Baton broker, or a much older one"),
                  kWrongPort);
  }
  return Broken("unreachable", DescribeError(status, address), "`systemctl status batond` tells whether it runs");
}

}  // namespace baton::cli::doctor
