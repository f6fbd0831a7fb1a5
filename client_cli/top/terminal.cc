#include "client_cli/top/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace baton::cli::top {
namespace {

// Alternate screen, no cursor, and long lines do not go on in the next one; and all that undone.
constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l\x1b[?7l";
constexpr char kLeave[] = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr char kHome[] = "\x1b[H";
constexpr char kClearLine[] = "\x1b[2K";
constexpr char kClearBelow[] = "\x1b[J";
// How long the rest of a sequence may take; after it, Esc was the key.
constexpr absl::Duration kSequenceTime = absl::Milliseconds(30);

absl::Status SystemError(absl::string_view what) {
  return absl::UnknownError(absl::StrCat("terminal: cannot ", what, ": ", std::strerror(errno)));
}

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH}) sigaddset(&signals, signal);
  return signals;
}

absl::Status WriteAll(absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return SystemError("write");
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

class ProcessTerminal : public Terminal {
 public:
  ~ProcessTerminal() override {
    if (entered_) Leave();
    if (signals_ >= 0) close(signals_);
    if (blocked_) pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
  }

  absl::Status Open() {
    if (tcgetattr(STDIN_FILENO, &old_mode_) != 0) return SystemError("read its mode");
    const sigset_t signals = Signals();
    if (pthread_sigmask(SIG_BLOCK, &signals, &old_mask_) != 0) return SystemError("block signals");
    blocked_ = true;
    signals_ = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals_ < 0) return SystemError("wait for signals");
    return Enter();
  }

  Size size() override {
    winsize window{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0) return {};
    return {.width = window.ws_col, .height = window.ws_row};
  }

  absl::Status Draw(const std::vector<std::string>& lines) override {
    std::string text = kHome;
    for (size_t i = 0; i < lines.size(); ++i) absl::StrAppend(&text, i == 0 ? "" : "\r\n", kClearLine, lines[i]);
    // Not where nothing is below: after a line of the full width it would take its last character.
    if (lines.size() < size().height) absl::StrAppend(&text, "\r\n", kClearBelow);
    return WriteAll(text);
  }

  Input Wait(absl::Duration timeout) override {
    Input input;
    if (!bytes_.empty()) timeout = std::min(timeout, kSequenceTime);
    pollfd ready[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals_, .events = POLLIN}};
    const absl::Duration rounded = absl::Ceil(std::max(timeout, absl::ZeroDuration()), absl::Milliseconds(1));
    poll(ready, 2, static_cast<int>(absl::ToInt64Milliseconds(rounded)));
    if (ready[1].revents != 0) TakeSignals(input);
    if (ready[0].revents != 0) TakeBytes(input);
    input.keys = TakeKeys(bytes_, /*complete=*/ready[0].revents == 0);
    return input;
  }

 private:
  absl::Status Enter() {
    // Once again after a stop: the shell may have changed it.
    termios mode = old_mode_;
    // Ctrl-C and Ctrl-Z still send signals. Ctrl-S would hold what is written, and so this program.
    mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | IEXTEN);
    mode.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL | INLCR | ISTRIP);
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) != 0) return SystemError("set its mode");
    entered_ = true;
    return WriteAll(kEnter);
  }

  void Leave() {
    WriteAll(kLeave).IgnoreError();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &old_mode_);
    entered_ = false;
  }

  void TakeSignals(Input& input) {
    signalfd_siginfo signal{};
    while (read(signals_, &signal, sizeof signal) == sizeof signal) {
      if (signal.ssi_signo == SIGTSTP) {
        Leave();
        raise(SIGSTOP);
        if (!Enter().ok()) input.leave = true;
      } else if (signal.ssi_signo != SIGWINCH) {
        input.leave = true;
      }
    }
  }

  void TakeBytes(Input& input) {
    char buffer[256];
    const ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
    if (count > 0) {
      bytes_.append(buffer, static_cast<size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      input.leave = true;
    }
  }

  termios old_mode_{};
  sigset_t old_mask_{};
  int signals_ = -1;
  bool blocked_ = false;
  bool entered_ = false;
  // The begin of a sequence.
  std::string bytes_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Terminal>> OpenTerminal() {
  auto terminal = std::make_unique<ProcessTerminal>();
  const absl::Status opened = terminal->Open();
  if (!opened.ok()) return opened;
  return terminal;
}

}  // namespace baton::cli::top
