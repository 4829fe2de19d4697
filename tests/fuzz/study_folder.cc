#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "app/outputs.h"
#include "app/recorded_study.h"
#include "app/session.h"
#include "app/simulate_study.h"
#include "app/study_file.h"
#include "base/check.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "exec/local/durable_checkpoints.h"
#include "exec/local/manifest.h"
#include "store/sqlite.h"
#include "tests/support/scratch_directory.h"

/// Any bytes are damage to the folder of a small study: to bytes of its log, to single values of
/// its rows, to the files beside it. Whatever it is, every reading command and the next run answer
/// or refuse; none aborts, hangs or writes outside.
namespace clavier {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStudies[] = {R"(
[study]
name = "s"
metric = "loss"
mode = "min"
trials = 6
[space]
x = { uniform = [0.0, 1.0] }
[scheduler]
algorithm = "pbt"
interval = 2
max_steps = 6
[checkpoint]
every = 1
[worker]
command = ["true"]
[cluster]
workers = 2
)",
                                    R"(
[study]
name = "s"
metric = "loss"
mode = "min"
trials = 7
[space]
x = { loguniform = [0.001, 1.0] }
[scheduler]
algorithm = "asha"
variant = "promotion"
grace = 1
reduction = 2
max_steps = 4
[checkpoint]
keep = 2
[worker]
command = ["true"]
[cluster]
workers = 3
)",
                                    R"(
[study]
name = "s"
metric = "loss"
mode = "max"
trials = 7
[space]
x = { choice = ["a", "b"] }
[scheduler]
algorithm = "asha"
grace = 1
reduction = 2
max_steps = 4
[checkpoint]
every = 1
[worker]
command = ["true"]
[[cluster.slots]]
speed = 1
[[cluster.slots]]
speed = 2
[planner]
algorithm = "auto"
)"};

/// Hands out the input's bytes; zeros at its end.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  std::uint8_t next() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::size_t below(std::size_t bound) {
    const std::size_t high = next();
    return bound == 0 ? 0 : ((high << 8) | next()) % bound;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

/// Every slot is there and nothing ever happens.
class IdleExecutor final : public exec::Executor {
 public:
  void start(exec::Order) override {}
  void send(const exec::Message&) override {}
  void discard(const std::string&) override {}
  std::vector<Signal> wait(StudyTime) override { return {}; }
  StudyTime now() const override { return {}; }
  bool replay(const Step&) override { return false; }
};

void fold(const store::StepLog& log, const app::StudySpec& spec, const fs::path& folder) {
  const auto observers = app::make_outputs(
      {.spec = spec, .folder = folder, .live = StepId{0}, .warn = [](const std::string&) {}});
  State state(spec.objective, spec.trial.retries);
  for (const auto& each : observers) CHECK(each->resume().ok());
  CHECK(log.read(StepId{0}, store::Metrics::kParse,
                 [&](const Step& step) -> Status {
                   state.apply(step);
                   for (const auto& each : observers) CHECK(each->on_step(step, state).ok());
                   return {};
                 })
            .ok());
  for (const auto& each : observers) CHECK(each->finish(state).ok());
  for (const Trial& trial : state.trials())
    for (const Checkpoint& checkpoint : trial.checkpoints) {
      if (!checkpoint.trial.valid()) continue;
      const fs::path at = folder / checkpoint.path;
      fs::create_directories(at);
      std::ofstream(at / "state") << checkpoint.step;
      const auto manifest =
          exec::sync_files(Folder::open(at).value(), [] { return false; }).value();
      std::ofstream(at / exec::kManifestName) << exec::to_text(manifest);
    }
}

/// One folder of each kind of study, made once.
const fs::path& original(std::size_t kind) {
  static const ScratchDirectory* const home = new ScratchDirectory;
  static const std::vector<fs::path>* const folders = [] {
    auto* made = new std::vector<fs::path>;
    for (const char* text : kStudies) {
      const fs::path folder = *home / std::to_string(made->size()) / "s";
      fs::create_directories(folder);
      const auto spec = app::parse_study(text, "s.toml").value();
      const auto done = app::simulate_study(spec, {.folder = folder});
      if (!done) std::fprintf(stderr, "%s\n", done.error().message.c_str());
      CHECK(done.ok());
      fold(store::StepLog::open_to_read(folder / "study.db").value(), spec, folder);
      made->push_back(folder);
    }
    return made;
  }();
  return (*folders)[kind % folders->size()];
}

std::string number(Bytes& bytes) {
  static constexpr const char* kNumbers[] = {"-1",
                                             "0",
                                             "1",
                                             "2",
                                             "77",
                                             "99999",
                                             "-9223372036854775808",
                                             "9223372036854775807",
                                             "2305843009213693952",
                                             "1e300",
                                             "-0.5",
                                             "NaN",
                                             "Infinity",
                                             "null",
                                             "\"x\"",
                                             "[]",
                                             "{}"};
  return kNumbers[bytes.next() % std::size(kNumbers)];
}

/// Another number, another word or a lost piece somewhere in a JSON text.
std::string damaged(std::string text, Bytes& bytes) {
  const std::size_t at = bytes.below(text.size());
  switch (bytes.next() % 8) {
    case 0: text.resize(at); return text;
    case 1: return text.erase(at, 1 + bytes.next() % 16);
    case 2: text.insert(at, 1, static_cast<char>(' ' + bytes.next() % 95)); return text;
    default: break;
  }
  const std::size_t first = text.find_first_of("0123456789", at);
  if (first == text.npos) return text;
  const std::size_t end = std::min(text.find_first_not_of("0123456789.-e", first), text.size());
  return text.replace(first, end - first, number(bytes));
}

void edit_row(const fs::path& file, Bytes& bytes) {
  auto database = store::Database::open(file, store::Database::Access::kWrite);
  if (!database) return;
  const std::size_t id = bytes.below(60);
  static constexpr const char* kColumns[] = {"id",      "time_us",   "kind",  "trial",
                                             "launch",  "iteration", "value", "seconds",
                                             "metrics", "decisions", "body"};
  const std::string column = kColumns[bytes.next() % std::size(kColumns)];
  const std::string where = " WHERE id = " + std::to_string(id);
  if (bytes.next() % 16 == 0) {
    (void)database->run(("DELETE FROM step" + where).c_str());
    return;
  }
  const auto old = database->text(("SELECT " + column + " FROM step" + where).c_str());
  if (!old) return;
  std::string value;
  const bool text =
      column == "metrics" || column == "decisions" || column == "body" || column == "kind";
  for (const char c : text ? damaged(*old, bytes) : number(bytes))
    value += c == '\'' ? "''" : std::string(1, c);
  (void)database->run(
      ("UPDATE step SET " + column + " = " + (text ? "'" + value + "'" : value) + where).c_str());
}

void flip(const fs::path& file, Bytes& bytes) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error || !fs::is_regular_file(fs::symlink_status(file, error))) return;
  if (bytes.next() % 8 == 0) return fs::resize_file(file, bytes.below(size + 1), error);
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekp(static_cast<std::streamoff>(bytes.below(size)));
  stream.put(static_cast<char>(bytes.next()));
}

/// Something else in place of a file or a directory.
void replace(const fs::path& at, const fs::path& outside, Bytes& bytes) {
  std::error_code error;
  const int what = bytes.next() % 8;
  if (what != 7) fs::remove_all(at, error);
  switch (what) {
    case 0: std::ofstream(at) << "garbage"; return;
    case 1: fs::create_directory(at, error); return;
    case 2: fs::create_symlink(outside / "precious", at, error); return;
    case 3: fs::create_directory_symlink(outside, at, error); return;
    case 4: (void)::mkfifo(at.c_str(), 0600); return;
    case 5: std::ofstream(at, std::ios::app); return;
    case 6: return;
    default: return flip(at, bytes);
  }
}

std::vector<fs::path> everything_in(const fs::path& folder) {
  std::vector<fs::path> all;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error))
    all.push_back(at->path());
  for (const char* name : {"study.toml.new", "study.db-wal", "study.db-journal",
                           ".trial_directories.json.new", "pbt_global.txt.new"})
    all.push_back(folder / name);
  std::ranges::sort(all);
  return all;
}

void read(const fs::path& home) {
  std::ostringstream out, err;
  std::istringstream in("n\n");
  cli::Streams streams{out, err, in};
  const cli::StudyChoice study{.study = "s", .dir = home.string()};
  cli::run_list({.dir = home.string()}, streams);
  cli::run_status(study, streams);
  cli::run_trials({.study = study}, streams);
  cli::run_best({.study = study}, streams);
  cli::run_best({.study = study, .json = true}, streams);
  for (const std::int64_t trial : {0, 3}) {
    cli::run_show({.trial = trial, .study = study}, streams);
    cli::run_why({.trial = trial, .study = study}, streams);
  }
  cli::run_export({.study = study, .content = cli::ExportContent::kReports}, streams);
  cli::run_verify(study, streams);
  cli::run_clean({.dir = home.string()}, streams);
}

/// As `run_study` opens a study, and at once pauses it.
Status resume(const fs::path& folder, const app::StudySpec& spec) {
  const Waker waker = TRY(Waker::create());
  const std::atomic<int> interrupts{1};  // Trials have just been lost: the run ends as it begins.
  const auto session =
      TRY(app::Session::open(spec, waker, {.folder = folder, .interrupts = &interrupts}));
  IdleExecutor executor;
  TRY(session->begin(executor));
  exec::DurableCheckpoints checkpoints(folder);
  for (const Trial& trial : session->state().trials())
    for (const Checkpoint& each : trial.checkpoints)
      if (each.trial.valid()) (void)checkpoints.check(each.path);
  TRY(session->run());
  return {};
}

}  // namespace
}  // namespace clavier

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clavier;
  Bytes bytes(data, std::min<std::size_t>(size, 64));
  const std::size_t kind = bytes.next() % std::size(kStudies);
  const ScratchDirectory home, outside;
  const fs::path folder = home / "s";
  fs::copy(original(kind), folder, fs::copy_options::recursive);
  std::ofstream(outside / "precious") << "precious";
  while (!bytes.empty()) {
    switch (bytes.next() % 8) {
      case 0: flip(folder / "study.db", bytes); break;
      case 1: {
        const auto all = everything_in(folder);
        replace(all[bytes.below(all.size())], outside.path(), bytes);
        break;
      }
      default: edit_row(folder / "study.db", bytes);
    }
  }
  read(home.path());
  (void)resume(folder, app::parse_study(kStudies[kind], "s.toml").value());
  CHECK(read_file(outside / "precious", 100).value() == "precious", "written through a link");
  CHECK(std::distance(fs::directory_iterator(outside.path()), {}) == 1,
        "made or deleted through a link");
  return 0;
}
