#include "store/step_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/files.h"
#include "base/match.h"
#include "store/sqlite_log.h"

namespace clavier::store {
namespace {

void check_order(std::span<const Step> steps, StepId last) {
  for (const Step& step : steps)
    CHECK(step.turn.id.value == ++last.value, "steps must follow each other");
}

class MemoryLog {
 public:
  Status append(std::span<const Step> steps) {
    check_order(steps, last());
    steps_.insert(steps_.end(), steps.begin(), steps.end());
    return ok_status();
  }
  StepId last() const { return {static_cast<std::int64_t>(steps_.size()) - 1}; }
  Status read(StepId from, Metrics metrics, const std::function<Status(const Step&)>& visit) {
    // By index and by copy: the visitor may append.
    for (auto i = static_cast<std::size_t>(std::max<std::int64_t>(from.value, 0));
         i < steps_.size(); ++i) {
      Step step = steps_[i];
      if (metrics == Metrics::kSkip) forget_metrics(step.turn.input);
      TRY(visit(step));
    }
    return ok_status();
  }

 private:
  static void forget_metrics(Input& input) {
    auto* reported = input_as<Reported>(input);
    if (!reported) return;
    for (Report& report : reported->reports) report.metrics.clear();
  }

  std::vector<Step> steps_;
};

class NoLog {
 public:
  Status append(std::span<const Step> steps) {
    check_order(steps, last_);
    if (!steps.empty()) last_ = steps.back().turn.id;
    return ok_status();
  }
  StepId last() const { return last_; }
  Status read(StepId, Metrics, const std::function<Status(const Step&)>&) { return ok_status(); }

 private:
  StepId last_ = {};
};

}  // namespace

class StepLog::Backend {
 public:
  template <typename Log>
  explicit Backend(Log log) : log(std::move(log)) {}
  std::variant<SqliteLog, MemoryLog, NoLog> log;
};

StepLog::StepLog(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {}
StepLog::StepLog(StepLog&&) noexcept = default;
StepLog& StepLog::operator=(StepLog&&) noexcept = default;
StepLog::~StepLog() = default;

Result<StepLog> StepLog::open(const std::filesystem::path& file, const LogOptions& options) {
  return StepLog(std::make_unique<Backend>(TRY(SqliteLog::open(file, options))));
}
bool StepLog::exists(const std::filesystem::path& file) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  constexpr std::size_t kApplicationIdAt = 68;
  const auto folder = Folder::open(file.parent_path());
  if (!folder) return false;
  const auto opened = folder->file(file.filename(), O_RDONLY);
  std::array<char, 100> header{};
  if (!opened.ok() || ::read(opened->get(), header.data(), header.size()) != std::ssize(header))
    return false;
  const std::string_view bytes(header.data(), header.size());
  if (!bytes.starts_with(kMagic)) return false;
  const std::string_view id = bytes.substr(kApplicationIdAt, 4);
  if (id == "CLAV") return true;
  // Until its WAL is copied for the first time, only that says whose it is.
  return id == std::string_view("\0\0\0\0", 4) && folder->size(file.filename().string() + "-wal") &&
         open_to_read(file).ok();
}

Result<StepLog> StepLog::open_to_read(const std::filesystem::path& file) {
  return StepLog(std::make_unique<Backend>(TRY(SqliteLog::open_to_read(file))));
}
Result<StepLog> StepLog::in_memory(const LogOptions&) {
  return StepLog(std::make_unique<Backend>(MemoryLog()));
}
StepLog StepLog::none() { return StepLog(std::make_unique<Backend>(NoLog())); }

Status StepLog::append(std::span<const Step> steps) {
  return std::visit([&](auto& log) { return log.append(steps); }, backend_->log);
}
StepId StepLog::last() const {
  return std::visit([](auto& log) { return log.last(); }, backend_->log);
}
Status StepLog::read(StepId from, Metrics metrics,
                     const std::function<Status(const Step&)>& visit) const {
  return std::visit([&](auto& log) { return log.read(from, metrics, visit); }, backend_->log);
}

}  // namespace clavier::store
