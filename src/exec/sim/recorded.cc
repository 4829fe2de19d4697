#include "exec/sim/recorded.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <utility>

#include "exec/sim/config_text.h"

namespace clavier::exec {
namespace {

/// Immutable and shared by the functions of one curve.
class Records {
 public:
  explicit Records(std::vector<RecordedTrial> trials) : trials_(std::move(trials)) {
    for (std::size_t i = 0; i < trials_.size(); ++i) {
      text_.push_back(config_text(trials_[i].config));
      first_.emplace(text_.back(), i);
    }
  }

  const RecordedTrial* find(const Config& config, TrialId trial) const {
    const std::string text = config_text(config);
    const auto own = static_cast<std::size_t>(trial.value);
    if (trial.valid() && own < text_.size() && text_[own] == text) return &trials_[own];
    return find_any(text);
  }
  const RecordedTrial* find(const Config& config) const { return find_any(config_text(config)); }

 private:
  const RecordedTrial* find_any(const std::string& text) const {
    const auto at = first_.find(text);
    return at == first_.end() ? nullptr : &trials_[at->second];
  }

  std::vector<RecordedTrial> trials_;
  std::vector<std::string> text_;
  std::unordered_map<std::string, std::size_t> first_;
};

/// The first report at `step` or later.
std::vector<RecordedReport>::const_iterator report_from(const RecordedTrial& trial, Steps step) {
  return std::ranges::lower_bound(trial.reports, step, {}, &RecordedReport::step);
}

double cost(const RecordedTrial& trial, Steps step) {
  const auto report = report_from(trial, step);
  if (report == trial.reports.end() || report->seconds <= 0) return 1;
  const Steps before = report == trial.reports.begin() ? 0 : std::prev(report)->step;
  return report->seconds / static_cast<double>(report->step - before);
}

Status check(const std::vector<RecordedTrial>& trials) {
  if (trials.empty()) return invalid("there is no recorded trial to simulate from");
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].reports.empty())
      return invalid(fmt::format("recorded trial {} has no reports", i));
    Steps before = 0;
    for (const RecordedReport& report : trials[i].reports) {
      if (report.step <= before)
        return invalid(
            fmt::format("recorded trial {}: step {} comes after step {}", i, report.step, before));
      before = report.step;
    }
  }
  return ok_status();
}

}  // namespace

Result<Curve> recorded_curve(std::vector<RecordedTrial> trials) {
  TRY(check(trials));
  const auto records = std::make_shared<const Records>(std::move(trials));
  Curve curve;
  curve.metrics = [records](const Config& config, TrialId trial, Steps step,
                            std::uint64_t) -> std::vector<Metric> {
    const RecordedTrial* const record = records->find(config, trial);
    if (!record) return {};
    const auto report = report_from(*record, step);
    if (report == record->reports.end() || report->step != step) return {};
    return report->metrics;
  };
  curve.steps = [records](const Config& config) {
    const RecordedTrial* const record = records->find(config);
    return record ? record->reports.back().step : kForever;
  };
  curve.cost = [records](const Config& config, Steps step) {
    const RecordedTrial* const record = records->find(config);
    return record ? cost(*record, step) : 0;
  };
  curve.error = [records](const Config& config, TrialId trial, Steps) -> std::string {
    if (records->find(config, trial)) return {};
    return "no recorded trial has the configuration " + config_text(config);
  };
  return curve;
}

std::vector<RecordedTrial> recorded_trials(const State& state) {
  std::vector<RecordedTrial> trials;
  for (const Trial& trial : state.trials()) {
    RecordedTrial recorded{trial.config};
    for (std::size_t i = 0; i < trial.history.size(); ++i) {
      const Point& point = trial.history[i];
      if (point.step <= 0) continue;
      std::vector<Metric> metrics{{state.objective().metric, point.value}};
      const auto further = trial.further_at(i);
      for (std::size_t each = 0; each < further.size(); ++each)
        metrics.push_back({state.objective().further[each].metric, further[each]});
      recorded.reports.push_back({point.step, std::move(metrics), point.seconds});
    }
    if (!recorded.reports.empty()) trials.push_back(std::move(recorded));
  }
  return trials;
}

}  // namespace clavier::exec
