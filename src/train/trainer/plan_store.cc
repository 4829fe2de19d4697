#include "train/trainer/plan_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <fmt/format.h>

#include "base/fd.h"
#include "base/rng.h"
#include "train/fuse/dispatch.h"

namespace clavier::train {
namespace {

namespace fs = std::filesystem;

/// Counts up when our own kernels change, so that old measurements do not count.
constexpr int kVersion = 2;
constexpr std::size_t kMostBytes = 1 << 16;

std::string machine() {
  std::ifstream file("/proc/cpuinfo");
  std::string text;
  int lines = 0;
  for (std::string line; lines < 32 && std::getline(file, line) && !line.empty(); ++lines)
    for (const char* name : {"vendor_id", "cpu family", "model", "stepping"})
      if (line.starts_with(name)) text += line.substr(line.find(':') + 1);
  return text;
}

void describe(const std::vector<ShapedLayer>& layers, std::string& text) {
  for (const ShapedLayer& layer : layers) {
    text += fmt::format(" {}", word(layer.spec.kind));
    if (layer.spec.kernel > 0)
      text += fmt::format("[{}/{}+{}]", layer.spec.kernel, layer.spec.stride, layer.spec.padding);
    text += fmt::format(">{}", to_text(layer.out));
    if (layer.body.empty()) continue;
    text += " (";
    describe(layer.body, text);
    text += " |";
    describe(layer.shortcut, text);
    text += " )";
  }
}

/// The plan in a file that answers this question; nothing if there is none or it is damaged.
std::optional<Plan> remembered(const fs::path& file, const std::string& question,
                               std::size_t convolutions) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  std::string text(kMostBytes, '\0');
  const ssize_t count = ::read(fd.get(), text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (!text.starts_with(question + "\n") || !text.ends_with("\n")) return {};
  Plan plan = plan_from_text(std::string_view(text).substr(question.size()), convolutions);
  if (plan.empty()) return {};
  return plan;
}

/// Whole or not at all, and on the disk: the first of several writers wins, unless what is there is
/// `damaged`.
void remember(const fs::path& file, const std::string& text, bool damaged) {
  const std::string draft = fmt::format("{}.{}", file.string(), ::getpid());
  {
    const Fd fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!fd) return;
    const auto size = static_cast<ssize_t>(text.size());
    if (::write(fd.get(), text.data(), text.size()) != size || ::fsync(fd.get()) != 0) {
      ::unlink(draft.c_str());
      return;
    }
  }
  if (damaged && ::rename(draft.c_str(), file.c_str()) == 0) return;
  (void)!::link(draft.c_str(), file.c_str());  // Another process may have been first.
  ::unlink(draft.c_str());
}

/// Of this thread's own work where it works alone, so that a busy machine does not mislead.
double work_seconds() {
  timespec time{};
  ::clock_gettime(at::get_num_threads() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

std::string question_text(const Network& network, const PlanQuestion& question) {
  std::string layers = to_text(network.input);
  describe(network.layers, layers);
  return fmt::format(
      "clavier kernels {}, machine{} {}, library {:016x}, {} threads, {}, {} members, batches of "
      "{}, {}:{}",
      kVersion, machine(), static_cast<int>(kernels::vectors()), stable_hash(at::show_config()),
      at::get_num_threads(), question.dtype == at::kDouble ? "float64" : "float32",
      question.members, question.batch, question.training ? "training" : "evaluation", layers);
}

Result<PlanStore> PlanStore::from_environment() {
  const char* set = std::getenv("CLAVIER_KERNELS");
  const std::string wanted = set ? set : "";
  if (wanted == "off") return PlanStore(Plan{});
  if (wanted.find('/') != std::string::npos) return PlanStore(wanted, work_seconds);
  if (!wanted.empty()) {
    Plan plan = plan_from_text(wanted, 1);
    if (!plan.empty()) return PlanStore(std::move(plan));
    return invalid(
        fmt::format("CLAVIER_KERNELS is '{}': it may be off, loops, products, library, or a folder "
                    "with a slash in its name",
                    wanted));
  }
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const fs::path base = cache && *cache ? fs::path(cache) : fs::path(home ? home : ".") / ".cache";
  return PlanStore(base / "clavier" / "kernels", work_seconds);
}

Plan PlanStore::plan(const Network& network, PlanQuestion question) const {
  if (fixed_) return *fixed_;
  const Network part = image_part(network);
  const std::size_t count = convolutions(part).size();
  if (count == 0) return {};
  question.batch = measured_batch(part, question.batch);
  const std::string text = question_text(part, question);
  const fs::path file = folder_ / fmt::format("{:016x}", stable_hash(text));
  if (const auto known = remembered(file, text, count)) return *known;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error || ::access(folder_.c_str(), W_OK) != 0) return {};
  const bool damaged = fs::symlink_status(file, error).type() != fs::file_type::not_found;
  const Plan fastest = fastest_plan(part, question, clock_);
  remember(file, text + "\n" + to_text(fastest) + "\n", damaged);
  return remembered(file, text, count).value_or(Plan{});
}

}  // namespace clavier::train
