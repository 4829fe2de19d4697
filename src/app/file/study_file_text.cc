#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/file/study_file.h"
#include "app/file/study_file_fields.h"
#include "app/file/study_file_space.h"
#include "app/file/warm_start.h"
#include "app/registry/registry.h"
#include "study/domain.h"

namespace clavier::app {
namespace {

constexpr std::size_t kCommentColumn = 34;

void header(std::string& out, std::string_view name) {
  out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", name);
}

void line(std::string& out, std::string_view key, std::string_view value, std::string_view help) {
  const std::string left =
      value.empty() ? fmt::format("# {} =", key) : fmt::format("{} = {}", key, value);
  const std::string_view unset = value.empty() ? "not set; " : "";
  if (help.empty())
    out += left + '\n';
  else
    out += fmt::format("{:<{}} # {}{}\n", left, kCommentColumn, unset, help);
}

template <typename Spec>
void table(std::string& out, std::string_view name, const Spec& spec) {
  header(out, name);
  for (const auto& field : fields_of(spec))
    line(out, field.key, field_text(field.write(spec)), field.help);
}

void space(std::string& out, const Space& space) {
  if (space.parameters.empty()) return;
  header(out, "space");
  for (const Parameter& parameter : space.parameters) {
    const std::string domain = write_domain(parameter);
    const std::string key = toml_dotted_key(parameter.name);
    if (domain.empty())
      out += fmt::format("# {} is computed by the program\n", key);
    else
      out += fmt::format("{} = {}\n", key, domain);
  }
}

std::string points(const Space& space) {
  std::string out;
  for (const Config& point : space.points) {
    std::string items;
    for (const Config::Entry& entry : point.entries())
      items += fmt::format("{}{} = {}", items.empty() ? "" : ", ", toml_dotted_key(entry.name),
                           toml_value(entry.value));
    out += fmt::format("{}{{ {} }}", out.empty() ? "" : ", ", items);
  }
  return fmt::format("[{}]", out);
}

std::string option_text(const Value& value) {
  const auto* whole = value.as<std::int64_t>();
  return whole && *whole == kForever ? std::string() : toml_value(value);
}

void algorithm(std::string& out, Family family, const AlgorithmSpec& spec) {
  const AlgorithmSpec whole = complete(family, spec).value();
  const Value* variant = whole.options.find("variant");
  const std::string* name = variant ? variant->as<std::string>() : nullptr;
  const AlgorithmInfo* info =
      find_algorithm(family, spec.algorithm, name ? *name : std::string()).value();
  header(out, table_of(family));
  line(out, "algorithm", toml_value(Value(spec.algorithm)),
       fmt::format("{}", fmt::join(algorithm_names(family), ", ")));
  if (name)
    line(out, "variant", toml_value(*variant),
         fmt::format("{}", fmt::join(variant_names(family, spec.algorithm), ", ")));
  for (const OptionSpec& option : info->options)
    line(out, option.name, option_text(*whole.options.find(option.name)), option.help);
}

void worker(std::string& out, const StudySpec& spec) {
  table(out, "worker", *spec.worker);
  if (spec.worker->environment.empty()) return;
  header(out, "worker.environment");
  for (const auto& [name, value] : spec.worker->environment)
    line(out, toml_key(name), toml_value(Value(value)), "");
}

void trial_stop(std::string& out, const TrialStop& rules) {
  table(out, "trial.stop", rules);
  for (const Metric& metric : rules.metrics)
    line(out, toml_key(metric.name), toml_value(Value(metric.value)), "a trial is complete here");
  if (rules.patience) table(out, "trial.stop.patience", *rules.patience);
  for (const Threshold& each : rules.thresholds) table(out, "[trial.stop.threshold]", each);
  if (rules.wilcoxon) table(out, "trial.stop.wilcoxon", *rules.wilcoxon);
}

void plateau(std::string& out, const StudySpec& spec) {
  if (spec.stop.plateau) return table(out, "stop.plateau", *spec.stop.plateau);
  out +=
      "# [stop.plateau] trials, min_delta: not set; the study ends when so many trials ended\n"
      "# without one that is better by more than min_delta\n";
}

void simulate(std::string& out, const StudySpec& spec) {
  if (!spec.simulate) {
    out += "# [simulate]: not set; the world of `clavier simulate`, of no effect on a run\n";
    return;
  }
  table(out, "simulate", *spec.simulate);
  for (const SimulateEvent& event : spec.simulate->events) table(out, "[simulate.events]", event);
}

}  // namespace

std::string write_domain(const Parameter& parameter) {
  const auto* constant = std::get_if<Constant>(&parameter.domain);
  if (constant && parameter.when.empty() && !reads_as_domain(constant->value))
    return toml_value(constant->value);
  const auto [name, takes] = distribution_of(parameter.domain);
  if (name.empty()) return {};
  const std::string how = fmt::format("{} = {}", name, toml_value(takes));
  std::string when;
  for (const Condition& condition : parameter.when)
    when += fmt::format("{}{} = {}", when.empty() ? "" : ", ", toml_dotted_key(condition.parent),
                        condition.values.size() == 1 && !condition.values[0].as<Value::List>()
                            ? toml_value(condition.values[0])
                            : toml_value(condition.values));
  std::string beside;
  if (const auto& prior = parameter.prior)
    beside = prior->strength == 1
                 ? fmt::format(", prior = {}", toml_value(prior->value))
                 : fmt::format(", prior = {{ value = {}, strength = {} }}",
                               toml_value(prior->value), toml_value(Value(prior->strength)));
  if (!when.empty()) beside += fmt::format(", when = {{ {} }}", when);
  return fmt::format("{{ {}{} }}", how, beside);
}

std::string to_toml(const StudySpec& spec) {
  std::string out;
  table(out, "study", spec);
  space(out, spec.space);
  algorithm(out, Family::kSearcher, spec.search);
  line(out, "constraints",
       toml_value(Value::List(spec.space.constraints.begin(), spec.space.constraints.end())),
       "must hold for every configuration");
  line(out, "points", points(spec.space), "to be tried first");
  line(out, "warm_start",
       spec.warm_start.empty()
           ? std::string()
           : toml_value(Value::List(spec.warm_start.begin(), spec.warm_start.end())),
       "studies or files whose trials a searcher that learns begins with");
  if (!spec.space.known.empty())
    line(out, "warm_start_trials", write_known(spec.space.known), "copied from there");
  algorithm(out, Family::kScheduler, spec.scheduler);
  algorithm(out, Family::kPlanner, spec.planner);
  if (spec.trainer) out += '\n' + toml_table(*spec.trainer, "trainer");
  if (spec.worker) worker(out, spec);
  table(out, "trial", spec.trial);
  trial_stop(out, spec.trial.stop);
  table(out, "fusion", spec.fusion);
  table(out, "stop", spec.stop);
  plateau(out, spec);
  table(out, "checkpoint", spec.checkpoint);
  table(out, "report", spec.report);
  table(out, "cluster", spec.cluster);
  for (const SlotSpec& slot : spec.cluster.slots) table(out, "[cluster.slots]", slot);
  simulate(out, spec);
  return out;
}

}  // namespace clavier::app
