#include "base/subprocess.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

extern char** environ;

namespace clavier {
namespace {

// The stage at which a child that could not become the program gave up.
enum class Stage { kNone, kSetup, kDirectory, kAffinity, kExec };

// All that the child needs, made before it exists: between vfork and exec it shares our memory and
// may call nothing but system calls.
struct ChildPlan {
  const char* path;
  char* const* argv;
  char* const* envp;
  const char* directory;
  const DescriptorMapping* mappings;
  int* parked;  // One per mapping.
  std::size_t mapping_count;
  int first_free;  // Above every number the child gets.
  const cpu_set_t* cpus;
  rlim_t data_limit;
  bool new_session;
  int death_signal;
  pid_t parent;
  volatile Stage failed = Stage::kNone;
  volatile int error = 0;
};

void fail_child(ChildPlan& plan, Stage stage) {
  plan.error = errno;
  plan.failed = stage;
  ::_exit(127);
}

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void place_descriptors(ChildPlan& plan) {
  for (std::size_t i = 0; i < plan.mapping_count; ++i) {
    plan.parked[i] = ::fcntl(plan.mappings[i].ours, F_DUPFD_CLOEXEC, plan.first_free);
    if (plan.parked[i] < 0) fail_child(plan, Stage::kSetup);
  }
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  for (std::size_t i = 0; i < plan.mapping_count; ++i)
    if (::dup2(plan.parked[i], plan.mappings[i].childs) < 0) fail_child(plan, Stage::kSetup);
}

[[noreturn]] __attribute__((noinline)) void become_program(ChildPlan& plan) {
  if (plan.new_session)
    ::setsid();
  else
    ::setpgid(0, 0);
  if (plan.death_signal != 0) {
    ::prctl(PR_SET_PDEATHSIG, plan.death_signal);
    if (::getppid() != plan.parent) ::_exit(127);
  }
  place_descriptors(plan);
  if (*plan.directory != '\0' && ::chdir(plan.directory) != 0) fail_child(plan, Stage::kDirectory);
  if (plan.cpus && ::sched_setaffinity(0, sizeof *plan.cpus, plan.cpus) != 0)
    fail_child(plan, Stage::kAffinity);
  if (plan.data_limit != 0) {
    const rlimit limit{plan.data_limit, plan.data_limit};
    if (::setrlimit(RLIMIT_DATA, &limit) != 0) fail_child(plan, Stage::kSetup);
  }
  reset_signals();
  ::execve(plan.path, plan.argv, plan.envp);
  fail_child(plan, Stage::kExec);
  ::_exit(127);
}

std::string_view search_path(const std::vector<std::string>& environment) {
  for (std::string_view entry : environment)
    if (entry.starts_with("PATH=")) return entry.substr(5);
  return "/usr/local/bin:/usr/bin:/bin";
}

Error refused(const std::string& message, int error) {
  return is_shortage(error) ? unavailable(message) : io_error(message);
}

/// A relative path as the child saw it.
std::string seen_from(const std::string& directory, const std::string& path) {
  return path.starts_with('/') || directory.empty() ? path : directory + "/" + path;
}

/// Why a file that is there could not be found; nothing if it is not there.
std::optional<std::string> missing_interpreter(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) return {};
  std::array<char, 256> buffer;
  const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
  std::string_view line(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  line = line.substr(0, line.find('\n'));
  if (!line.starts_with("#!")) return "its loader or interpreter is missing";
  line.remove_prefix(std::min(line.find_first_not_of(" \t", 2), line.size()));
  const std::string_view program = line.substr(0, line.find_first_of(" \t"));
  const bool carriage_return = program.ends_with('\r');
  return fmt::format("its first line names \"{}{}\" as interpreter, which is missing{}",
                     carriage_return ? program.substr(0, program.size() - 1) : program,
                     carriage_return ? "\\r" : "",
                     carriage_return ? "; its lines end as on Windows (try `dos2unix`)" : "");
}

Error explain(const SpawnOptions& options, const std::string& path, Stage stage, int error) {
  const char* why = std::strerror(error);
  switch (stage) {
    case Stage::kDirectory:
      return not_found(fmt::format("cannot start '{}': its working directory {}: {}",
                                   options.program, options.directory, why));
    case Stage::kAffinity:
      return invalid(
          fmt::format("cannot start '{}': cannot pin it to its cores: {}", options.program, why));
    case Stage::kNone:
    case Stage::kSetup:
      return refused(fmt::format("cannot start '{}': {}", options.program, why), error);
    case Stage::kExec: break;
  }
  if (error == ENOENT)
    if (const auto missing = missing_interpreter(seen_from(options.directory, path)))
      return invalid(fmt::format("cannot start '{}': {}", options.program, *missing));
  if (error == ENOENT)
    return not_found(fmt::format("cannot start '{}': there is no such program", options.program));
  if (error == EACCES)
    return invalid(
        fmt::format("cannot start '{}': not an executable file (chmod +x?)", options.program));
  if (error == ENOEXEC)
    return invalid(
        fmt::format("cannot start '{}': neither a program nor a script whose first "
                    "line begins with '#!'",
                    options.program));
  if (error == E2BIG)
    return invalid(fmt::format("cannot start '{}': its arguments and environment are too long",
                               options.program));
  const std::string message = fmt::format("cannot start '{}': {}", options.program, why);
  // Its own limit may be too tight for it, and then it always will be.
  if (error == ENOMEM && options.data_limit_bytes > 0) return invalid(message);
  return refused(message, error);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// No handler of ours may run in the child while it shares our memory.
pid_t vfork_into(ChildPlan& plan) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  const pid_t pid = ::vfork();
#pragma GCC diagnostic pop
  if (pid == 0) become_program(plan);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

}  // namespace

std::string find_program(std::string_view name, std::string_view path) {
  if (name.find('/') != std::string_view::npos) return std::string(name);
  while (!name.empty() && !path.empty()) {
    const auto colon = path.find(':');
    std::string candidate(path.substr(0, colon));
    candidate += candidate.empty() ? "./" : "/";
    candidate += name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    path = colon == std::string_view::npos ? std::string_view() : path.substr(colon + 1);
  }
  return {};
}

bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM ||
         error == ENOSPC || error == EDQUOT;
}

ProcessEnd end_of(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {.signal = WTERMSIG(wait_status)};
  return {.exit_code = WEXITSTATUS(wait_status)};
}

std::string describe(const ProcessEnd& end) {
  if (end.signal == 0) return fmt::format("exit status {}", end.exit_code);
  const char* name = ::sigabbrev_np(end.signal);
  if (!name) return fmt::format("signal {}", end.signal);
  return fmt::format("signal {} (SIG{})", end.signal, name);
}

Result<Process> Process::spawn(const SpawnOptions& options) {
  const std::string path = find_program(options.program, search_path(options.environment));
  if (path.empty())
    return not_found(
        fmt::format("cannot start '{}': there is no such program on the PATH", options.program));
  const auto argv = pointers(options.argv);
  const auto envp = pointers(options.environment);
  std::vector<int> parked(options.descriptors.size(), -1);
  int highest = 2;
  for (const auto& mapping : options.descriptors) highest = std::max(highest, mapping.childs);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  for (int cpu : options.cpu_ids)
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(cpu, &cpus);

  ChildPlan plan{.path = path.c_str(),
                 .argv = argv.data(),
                 .envp = envp.data(),
                 .directory = options.directory.c_str(),
                 .mappings = options.descriptors.data(),
                 .parked = parked.data(),
                 .mapping_count = options.descriptors.size(),
                 .first_free = highest + 1,
                 .cpus = options.cpu_ids.empty() ? nullptr : &cpus,
                 .data_limit = static_cast<rlim_t>(options.data_limit_bytes),
                 .new_session = options.new_session,
                 .death_signal = options.death_signal,
                 .parent = ::getpid()};
  const pid_t pid = vfork_into(plan);
  if (pid < 0) return explain(options, path, Stage::kSetup, errno);
  if (plan.failed != Stage::kNone) {
    ::waitpid(pid, nullptr, 0);
    return explain(options, path, plan.failed, plan.error);
  }
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    const int error = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return explain(options, path, Stage::kSetup, error);
  }
  return Process(pid, std::move(pidfd));
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)), end_(other.end_) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  std::swap(end_, other.end_);
  return *this;
}

Process::~Process() {
  if (pid_ < 0 || end_) return;
  signal_group(SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Process::signal(int number) const {
  if (pid_ > 0 && !end_) ::kill(pid_, number);
}

void Process::signal_group(int number) const {
  if (pid_ > 0 && !end_) ::kill(-pid_, number);
}

std::optional<ProcessEnd> Process::reap() {
  if (end_ || pid_ < 0) return end_;
  int status = 0;
  pid_t done = 0;
  while ((done = ::waitpid(pid_, &status, WNOHANG)) < 0 && errno == EINTR) {
  }
  if (done == pid_) end_ = end_of(status);
  if (done < 0) end_ = ProcessEnd{.signal = SIGKILL};  // Somebody else reaped it.
  return end_;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> all;
  for (char** entry = environ; *entry; ++entry) all.emplace_back(*entry);
  return all;
}

}  // namespace clavier
