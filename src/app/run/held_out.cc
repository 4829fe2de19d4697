#include "app/run/held_out.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "app/file/trainer.h"
#include "base/fd.h"
#include "base/subprocess.h"
#include "study/text.h"

namespace clavier::app {
namespace {

/// Runs a program to its end; its standard output. What it writes to standard error is the user's,
/// and says what was wrong; `hint` is added where that may lie in the folder.
Result<std::string> output_of(const std::vector<std::string>& command,
                              const std::filesystem::path& directory, std::string_view hint) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return io_error("cannot create a pipe");
  Fd from(ends[0]), to(ends[1]);
  SpawnOptions options{.program = command.front(),
                       .argv = command,
                       .environment = own_environment(),
                       .directory = directory.string()};
  options.descriptors = {{to.get(), STDOUT_FILENO}};
  Process process = TRY(Process::spawn(options));
  to.reset();
  std::string output;
  std::array<char, 4096> buffer;
  for (ssize_t got; (got = ::read(from.get(), buffer.data(), buffer.size())) > 0;)
    output.append(buffer.data(), static_cast<std::size_t>(got));
  pollfd end{process.end_fd(), POLLIN, 0};
  while (::poll(&end, 1, -1) < 0) {
  }
  if (const auto ended = process.reap(); !ended || !ended->ok())
    return io_error(fmt::format("{} ended with {}, in the folder {}{}", command.front(),
                                ended ? describe(*ended) : std::string("no status"),
                                directory.string(), hint));
  return output;
}

/// What `clavier test` and `clavier predict` use.
Result<Model> model_of(const RecordedStudy& study, TrialId id) {
  if (!study.spec.trainer)
    return unavailable(
        "this study's trials are your own program: only it can rebuild its models. "
        "`clavier best` names the checkpoint");
  const Trial& trial = study.state.trial(id);
  if (const Model model = trial.best_model(); model.checkpoint) return model;
  return not_found(fmt::format(
      "trial {} has left no checkpoint of its best step{}; set [checkpoint] best, "
      "every or at_end and run it again (clavier rerun)",
      id.value, trial.takeovers.empty() ? "" : ", and has taken over other weights since"));
}

Result<std::string> predict_from(const std::filesystem::path& directory,
                                 const std::filesystem::path& checkpoint, const Wanted& wanted) {
  using std::filesystem::absolute;
  std::vector<std::string> command{absolute(TRY(find_trainer())).string(),  "--predict",
                                   absolute(wanted.data).string(),          "--checkpoint",
                                   absolute(checkpoint).string(),           "--data-dir",
                                   absolute(wanted.data_directory).string()};
  if (wanted.probabilities) command.emplace_back("--probabilities");
  return output_of(command, directory, "");
}

}  // namespace

Result<std::string> ask_trainer(const StudySpec& spec, const std::filesystem::path& directory,
                                const std::filesystem::path& data_directory,
                                const std::vector<std::string>& arguments, std::string_view hint) {
  auto command = TRY(trainer_command(spec, std::filesystem::absolute(data_directory)));
  command.front() = std::filesystem::absolute(command.front()).string();
  command.insert(command.end(), arguments.begin(), arguments.end());
  return output_of(command, directory, hint);
}

Result<std::string> predict(const std::filesystem::path& checkpoint, const Wanted& wanted) {
  return predict_from(std::filesystem::current_path(), checkpoint, wanted);
}

Result<std::string> predict(const RecordedStudy& study, TrialId trial, const Wanted& wanted) {
  const Model model = TRY(model_of(study, trial));
  // An old checkpoint needs the study's data, which lie where its file says.
  return predict_from(working_directory(study), study.folder.root / model.checkpoint->path, wanted);
}

Result<HeldOut> test_trial(const RecordedStudy& study, TrialId id,
                           const std::filesystem::path& data_directory) {
  const Model model = TRY(model_of(study, id));
  const auto folder =
      std::filesystem::absolute(study.folder.root / model.checkpoint->path).string();
  const std::string output =
      TRY(ask_trainer(study.spec, working_directory(study), data_directory,
                      {"--test", "--config", text::to_json(*model.config), "--checkpoint", folder},
                      "; if its data are elsewhere, run this command from there"));
  auto metrics = text::metrics_from_json(output);
  if (!metrics) return corrupt("the trainer's answer makes no sense: " + output);
  for (Metric& metric : *metrics)
    metric.name = "test " + metric.name.substr(metric.name.starts_with("test_") ? 5 : 0);
  return HeldOut{model.checkpoint->path, *std::move(metrics)};
}

}  // namespace clavier::app
