#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/registry.h"
#include "app/study_file.h"
#include "app/study_file_fields.h"
#include "app/study_file_space.h"

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

void fixed_table(std::string& out, std::string_view table, const StudySpec& spec) {
  for (const Field& field : fields())
    if (field.table == table) line(out, field.key, write_field(field, spec), field.help);
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
  header(out, "worker");
  fixed_table(out, "worker", spec);
  if (spec.worker->environment.empty()) return;
  header(out, "worker.environment");
  for (const auto& [name, value] : spec.worker->environment)
    line(out, toml_key(name), toml_value(Value(value)), "");
}

void plateau(std::string& out, const StudySpec& spec) {
  if (spec.stop.plateau) {
    header(out, "stop.plateau");
    return fixed_table(out, "stop.plateau", spec);
  }
  out +=
      "# [stop.plateau] trials, min_delta: not set; the study ends when so many trials ended\n"
      "# without one that is better by more than min_delta\n";
}

/// As a list of tables: the fields speak of the last one.
void cluster(std::string& out, const StudySpec& spec) {
  header(out, "cluster");
  fixed_table(out, "cluster", spec);
  StudySpec one = spec;
  for (const SlotSpec& slot : spec.cluster.slots) {
    one.cluster.slots = {slot};
    header(out, "[cluster.slots]");
    fixed_table(out, "cluster.slots", one);
  }
}

void simulate(std::string& out, const StudySpec& spec) {
  if (!spec.simulate) {
    out += "# [simulate]: not set; the world of `clavier simulate`, of no effect on a run\n";
    return;
  }
  header(out, "simulate");
  fixed_table(out, "simulate", spec);
  StudySpec one = spec;
  for (const SimulateEvent& event : spec.simulate->events) {
    one.simulate->events = {event};
    header(out, "[simulate.events]");
    fixed_table(out, "simulate.events", one);
  }
}

}  // namespace

std::string to_toml(const StudySpec& spec) {
  std::string out;
  const auto plain_table = [&](std::string_view name) {
    header(out, name);
    fixed_table(out, name, spec);
  };
  plain_table("study");
  space(out, spec.space);
  algorithm(out, Family::kSearcher, spec.search);
  line(out, "constraints",
       toml_value(Value::List(spec.space.constraints.begin(), spec.space.constraints.end())),
       "must hold for every configuration");
  line(out, "points", points(spec.space), "to be tried first");
  algorithm(out, Family::kScheduler, spec.scheduler);
  algorithm(out, Family::kPlanner, spec.planner);
  if (spec.trainer) out += '\n' + toml_table(*spec.trainer, "trainer");
  if (spec.worker) worker(out, spec);
  plain_table("trial");
  plain_table("trial.stop");
  for (const Metric& metric : spec.trial.stop.metrics)
    line(out, toml_key(metric.name), toml_value(Value(metric.value)), "a trial is complete here");
  plain_table("stop");
  plateau(out, spec);
  plain_table("checkpoint");
  plain_table("report");
  cluster(out, spec);
  simulate(out, spec);
  return out;
}

}  // namespace clavier::app
