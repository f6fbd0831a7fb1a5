#include "client_cli/machine.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"

namespace baton::cli {
namespace {

constexpr char kBroker[] = "batond";

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

std::string Content(std::FILE* file) {
  std::string content;
  char part[4096];
  std::rewind(file);
  while (const size_t length = std::fread(part, 1, sizeof(part), file)) content.append(part, length);
  return content;
}

std::string BrokerProgram() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path beside = self.parent_path() / kBroker;
  return !error && access(beside.c_str(), X_OK) == 0 ? beside.string() : kBroker;
}

absl::Status CannotRun(const std::string& program, int error) {
  if (error != ENOENT) return absl::InternalError(absl::StrCat("cannot run ", program, ": ", std::strerror(error)));
  return absl::NotFoundError("batond is neither beside this program nor on PATH: install the package batond");
}

// 0, or the error. The output of the process goes to these files.
int Spawn(const std::string& program, const std::vector<std::string>& arguments, std::FILE* out, std::FILE* err,
          pid_t* process) {
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, fileno(out), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(err), STDERR_FILENO);
  const int error = posix_spawnp(process, program.c_str(), &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

int WaitForEnd(pid_t process) {
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::optional<uint64_t> FreeBytes(const std::string& directory) {
  struct statvfs disk {};
  if (statvfs(directory.c_str(), &disk) != 0) return std::nullopt;
  return uint64_t{disk.f_bavail} * disk.f_frsize;
}

absl::StatusOr<ProgramOutput> RunBatond(const std::vector<std::string>& arguments) {
  const File out(std::tmpfile(), std::fclose);
  const File err(std::tmpfile(), std::fclose);
  if (out == nullptr || err == nullptr) {
    return absl::InternalError(absl::StrCat("cannot make a temporary file: ", std::strerror(errno)));
  }
  const std::string program = BrokerProgram();
  pid_t process = 0;
  const int error = Spawn(program, arguments, out.get(), err.get(), &process);
  if (error != 0) return CannotRun(program, error);
  const int exit_code = WaitForEnd(process);
  return ProgramOutput{exit_code, Content(out.get()), Content(err.get())};
}

}  // namespace baton::cli
