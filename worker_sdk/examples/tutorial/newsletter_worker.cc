// The worker of the tutorial, worker_sdk/README.md: a newsletter is rendered, approved by a person, and sent to
// everybody.
#include <baton/json.h>
#include <baton/worker.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace {

using Json = nlohmann::json;

baton::Outcome SendMail(baton::Task& task) {
  const absl::StatusOr<Json> mail = baton::ParseJson(task.payload());
  if (!mail.ok()) return baton::FinalError(mail.status());
  const std::string to = mail->value("to", "");
  // Trying again would not help.
  if (!absl::StrContains(to, '@')) return baton::FinalError(absl::StrCat("'", to, "' is not an address"));
  // This one is tried again, after a while. So is whatever a handler throws.
  if (absl::StartsWith(to, "busy@") && task.attempt() < 3) return baton::Error("mail server: 451 try later");
  return Json{{"sent_to", to}};
}

void RenderPage(baton::Task& task) {
  // Rendering takes its time. It ends at once when nobody wants the page any more.
  if (task.payload().bytes() == "slow") task.WaitCancelled(absl::Minutes(1));
}

baton::Outcome Render(baton::Task& task) {
  constexpr int kPages = 4;
  for (int page = 1; page <= kPages; ++page) {
    RenderPage(task);
    if (task.cancelled()) return {};  // What is returned now is not used.
    task.Progress(100.0 * page / kPages, absl::StrCat("page ", page, " of ", kPages), "rendering").IgnoreError();
  }
  task.Audit("rendered", "all pages are there", R"({"pages": 4})").IgnoreError();
  return "newsletter.pdf";
}

std::vector<baton::NewTask> OneMailForEach(const Json& recipients) {
  std::vector<baton::NewTask> mails;
  for (const Json& recipient : recipients) {
    mails.push_back({.type = "send_mail", .payload = Json{{"to", recipient}}, .tag = "newsletter"});
  }
  return mails;
}

baton::Outcome SumUp(baton::Task& task) {
  Json failed = Json::array();
  for (const baton::ChildOutcome& mail : task.Children()) {
    if (!mail.completed()) failed.push_back(mail.error);
  }
  return Json{{"mails", task.children_count()}, {"failed", failed}};
}

baton::Outcome Newsletter(baton::Task& task) {
  const absl::StatusOr<Json> newsletter = baton::ParseJson(task.payload());
  if (!newsletter.ok()) return baton::FinalError(newsletter.status());
  switch (task.stage()) {
    case 0:
      return task.Next({{.type = "render"}});
    case 1:
      if (task.children_failed() > 0) return baton::FinalError("it could not be rendered");
      return task.Suspend("approval", {.timeout = absl::Hours(72), .when_undecided = baton::WhenUndecided::kCancel});
    case 2: {
      const absl::StatusOr<Json> decision = baton::ParseJson(task.decision());
      if (!decision.ok() || !decision->value("approved", false)) return baton::FinalError("it was rejected");
      return task.Next(OneMailForEach(newsletter->at("to")));
    }
    default:
      return SumUp(task);
  }
}

}  // namespace

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // gRPC's locks cost a quarter without it
  baton::Worker worker({.pod_id = "newsletter-1", .drain_deadline = absl::Seconds(20)});
  baton::HandlerOptions render{
      .handler = Render, .description = "Renders all pages of a newsletter", .max_concurrency = 2};
  render.options.timeout = absl::Minutes(10);
  render.options.progress_timeout = absl::Minutes(2);
  const baton::HandlerOptions send_mail{
      .handler = SendMail,
      .options = {.timeout = absl::Seconds(20),
                  .max_retries = 5,
                  .retry_interval = absl::Milliseconds(500),
                  .retry_backoff = baton::RetryBackoff::kExponential},
  };
  absl::Status ready = worker.Configure({.max_concurrency = 20});
  ready.Update(worker.Use({{"newsletter", Newsletter}, {"render", render}, {"send_mail", send_mail}}));
  if (ready.ok()) {
    worker.ShutdownOnSignals();
    ready = worker.Run();
  }
  if (!ready.ok()) baton::LogToStderr(baton::LogLevel::kError, ready.ToString());
  return ready.ok() ? 0 : 1;
}
