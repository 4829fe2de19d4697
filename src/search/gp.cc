#include "search/gp.h"

// Fitting takes as long as a hundred suggestions. So it is due each time the trials that have ended
// are a tenth more, starts from defaults, and uses what was known at that turn (`observe`), but is
// done only while the tuner waits, or when a suggestion needs it: a study that is resumed has the
// same settings as one that ran through, and does not make up for all the fits between. A fit is
// due when a trial has ended, which is when its slot asks for the next: so the one before still
// counts then.
//
// The model sees one kind of point (`seen`) and the search moves another that has a number on every
// axis: so a move on a choice that others are conditional on needs nothing drawn for them.

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>
#include <system_error>
#include <utility>

#include "base/rng.h"
#include "model/lbfgs.h"
#include "study/domain.h"

namespace clavier::search {
namespace {

using model::Axis;

constexpr std::size_t kFitPoints = 200;
constexpr int kFitEvaluations = 60;
constexpr std::size_t kAnywhere = 128, kNear = 96;  ///< Points drawn for a suggestion.
constexpr std::size_t kNearTo = 4;                  ///< Of the best trials.
constexpr std::size_t kStarts = 3;                  ///< Of the points drawn that are improved.
constexpr int kRounds = 4, kMoves = 8;              ///< Of improvement; of single moves in one.
constexpr int kClimbEvaluations = 16;
constexpr std::size_t kFewCells = 12;  ///< So many levels are tried all, of more some.
constexpr double kBelowOne = 1 - 0x1p-53;
constexpr double kAbsentChoice = -1;

/// Of values, or ranks, what the model learns from; `all` the better first.
std::vector<double> scores(const std::vector<Observation>& all) {
  const std::size_t n = all.size(), middle = n / 2;
  const auto failed = [&](std::size_t i) { return all[i].standing == Standing::kFailed; };
  // By value where ranks agree with it: none counts as better than one before it.
  std::vector<double> value(n);
  for (std::size_t i = 0; i < n; ++i)
    value[i] = i == 0 ? all[i].value : std::max(value[i - 1], failed(i) ? 0 : all[i].value);
  for (std::size_t i = 1; i < n; ++i)
    if (failed(i)) value[i] = value[i - 1];
  const double range = value[middle] - value[0];
  double squares = 0;
  for (std::size_t i = 0; i <= middle; ++i)
    squares += range > 0 ? std::pow((value[middle] - value[i]) / range, 2) : 0;
  const double deviation = std::sqrt(squares / static_cast<double>(middle + 1));
  std::vector<double> score(n);
  const Domain normal = Normal{.mean = 0, .deviation = 1};
  for (std::size_t i = 0, end = 0; i < n; i = end) {
    for (end = i + 1; end < n && failed(end) == failed(i) && value[end] == value[i]; ++end) {
    }
    const double rank = static_cast<double>(i + end) / 2 / static_cast<double>(n);
    const bool by_value = !failed(i) && i <= middle;
    const double each = !by_value     ? *value_at(normal, rank)->number()
                        : squares > 0 ? (value[i] - value[middle]) / range / deviation
                                      : 0;
    std::fill(score.begin() + static_cast<std::ptrdiff_t>(i),
              score.begin() + static_cast<std::ptrdiff_t>(end), each);
  }
  const double mean = std::accumulate(score.begin(), score.end(), 0.0) / static_cast<double>(n);
  for (double& each : score) each -= mean;
  return score;
}

double expected(const model::MaternGp::Prediction& at, double best) {
  return model::log_expected_improvement(at.mean, at.variance, best).value;
}

}  // namespace

GpSearch::GpSearch(Space space, std::uint64_t seed, GpOptions options)
    : proposals_(std::move(space), seed),
      startup_(proposals_.space(), seed),
      seed_(seed),
      options_(options),
      observations_(proposals_.space()) {
  for (const Axis& axis : observations_.encoding().axes()) {
    unordered_.push_back(axis.kind == Axis::Kind::kChoice);
    any_real_ = any_real_ || axis.kind == Axis::Kind::kReal;
  }
}

void GpSearch::observe(const Turn& turn, const State& state) {
  proposals_.observe(turn, state);
  observations_.observe(turn, state);
  const std::size_t ended = observations_.endings().size();
  if (next_ && ended > known_at_) fit_ = std::exchange(next_, std::nullopt);
  if (observations_.ended_with_value() < options_.n_startup_trials || ended < next_fit_) return;
  if (unordered_.empty() || observations_.ranking().empty()) return;
  next_fit_ = ended + std::max<std::size_t>(1, ended / 10);
  known_at_ = ended;
  (fit_ ? next_ : fit_) = Fit{std::make_shared<const model::MaternData>(known(kFitPoints))};
}

void GpSearch::Fit::begin(std::launch how) {
  if (settings.valid()) return;
  const auto fit = [data = sample] { return model::fit_matern(*data, kFitEvaluations); };
  try {
    settings = std::async(how, fit).share();
  } catch (const std::system_error&) {  // no thread to be had: it is done when it is needed
  }
}

void GpSearch::prepare(const State&) const {
  for (auto* const fit : {&fit_, &next_})
    if (*fit) (*fit)->begin(std::launch::async);
}

Suggestion GpSearch::suggest(const State& state, TrialId trial) const {
  observations_.follow(state);
  std::vector<Candidate> found;
  Suggestion suggestion =
      proposals_.suggest(state, trial, [&](std::size_t parameter, std::uint64_t attempt) {
        if (!fit_) return startup_.at(proposals_, trial, parameter, attempt);
        const std::size_t axis = observations_.encoding().axis_of(parameter);
        if (axis == Encoding::kNoAxis) return proposals_.keyed(trial, parameter, attempt);
        if (found.empty()) found = candidates(trial);
        if (attempt >= found.size()) return proposals_.keyed(trial, parameter, attempt);
        return found[attempt].point[axis];
      });
  if (const auto* config = std::get_if<Config>(&suggestion))
    observations_.suggested(trial, *config);
  return suggestion;
}

/// At most so many trials that are not pending, as the model sees them, the better first.
model::MaternData GpSearch::known(std::size_t most) const {
  const auto& ranking = observations_.ranking();
  const std::size_t best = ranking.size() <= most ? ranking.size() : most / 4;
  std::vector<Observation> all;
  for (auto each = ranking.begin(); all.size() < best; ++each) all.push_back(*each);
  const Observation last = all.back();
  const auto& by_age = observations_.known();
  for (std::size_t i = best + 1; i <= most && best < ranking.size(); ++i) {
    const Observation& each =
        observations_.of(by_age[(i - best) * by_age.size() / (most - best) - 1]);
    if (BetterObservation()(last, each)) all.push_back(each);
  }
  std::ranges::sort(all, BetterObservation());
  model::MaternData data{unordered_, {}, scores(all)};
  for (const Observation& each : all) data.points.push_back(seen(observations_.point(each.trial)));
  return data;
}

GpSearch::Goal GpSearch::goal(TrialId trial) const {
  late_fits_ += fit_->settings.valid() ? 0 : 1;
  fit_->begin(std::launch::deferred);
  const model::MaternSettings& settings = fit_->settings.get();
  model::MaternData data = known(kMostPoints);
  model::MaternGp gp(data, settings);
  auto pending = observations_.pending(trial);
  if (pending.size() > kMostPoints) pending.resize(kMostPoints);
  if (!pending.empty()) {
    for (const auto& point : pending) {
      data.points.push_back(seen(point));
      data.values.push_back(gp.at(data.points.back()).mean);
    }
    gp = model::MaternGp(data, settings);
  }
  const double best = gp.least_mean();
  return {std::move(gp), best, observations_.ended_with_value()};
}

/// As the model sees it: nothing where it does not exist, and cells as one number each.
GpSearch::Point GpSearch::seen(std::span<const double> point) const {
  Point all(point.begin(), point.end());
  observations_.encoding().drop_absent(all);
  const auto& axes = observations_.encoding().axes();
  for (std::size_t axis = 0; axis < axes.size(); ++axis)
    if (std::isnan(all[axis]))
      all[axis] = unordered_[axis] ? kAbsentChoice : 0.5;
    else if (axes[axis].kind != Axis::Kind::kReal)
      all[axis] = axes[axis].middle(axes[axis].cell(all[axis]));
  return all;
}

GpSearch::Point GpSearch::anywhere(Rng& rng) const {
  Point point(unordered_.size());
  std::ranges::generate(point, [&] { return rng.uniform(); });
  return point;
}

/// Of a trial's point: some coordinates a little elsewhere, and drawn what it does not have.
GpSearch::Point GpSearch::near(std::span<const double> point, Rng& rng) const {
  constexpr double kWidest = 0.2, kNarrowest = 0.002;
  const double width = kNarrowest * std::pow(kWidest / kNarrowest, rng.uniform());
  const double part = std::max(2 / static_cast<double>(point.size()), rng.uniform());
  Point moved = anywhere(rng);
  for (std::size_t axis = 0; axis < point.size(); ++axis) {
    const Axis& each = observations_.encoding().axes()[axis];
    const bool moves = rng.uniform() < part;
    const double step = rng.normal();
    if (std::isnan(point[axis])) continue;
    if (!moves)
      moved[axis] = point[axis];
    else if (!unordered_[axis])
      moved[axis] = std::clamp(
          point[axis] + step * std::max(width, each.cells() ? 1 / double(each.cells()) : 0), 0.0,
          kBelowOne);
  }
  return moved;
}

std::vector<double> GpSearch::values(const Goal& goal, const std::vector<Point>& points) const {
  std::vector<Point> all;
  for (const Point& point : points) all.push_back(seen(point));
  std::vector<double> found;
  for (const auto& each : goal.gp.at(all)) found.push_back(expected(each, goal.best));
  for (std::size_t i = 0; i < points.size() && startup_.priors().any(); ++i) {
    Point present = points[i];
    observations_.encoding().drop_absent(present);
    found[i] += startup_.priors().log_density(present, goal.ended);
  }
  return found;
}

/// Over the reals that exist; the rest stays. Whether it has found better.
bool GpSearch::climb(const Goal& goal, Candidate& candidate) const {
  if (!any_real_) return false;
  Point present = candidate.point;
  observations_.encoding().drop_absent(present);
  const Point start = seen(candidate.point);
  model::Box box{start, start};
  for (std::size_t axis = 0; axis < start.size(); ++axis)
    if (observations_.encoding().axes()[axis].kind == Axis::Kind::kReal &&
        !std::isnan(present[axis]))
      box.low[axis] = 0, box.high[axis] = kBelowOne;
  const auto function = [&](std::span<const double> at, std::span<double> gradient) {
    const auto here = goal.gp.at(at);
    const auto gain = model::log_expected_improvement(here.mean, here.variance, goal.best);
    for (std::size_t i = 0; i < at.size(); ++i)
      gradient[i] = -gain.by_mean * here.mean_slope[i] - gain.by_variance * here.variance_slope[i];
    if (!startup_.priors().any()) return -gain.value;
    for (std::size_t i = 0; i < at.size(); ++i)
      if (box.low[i] < box.high[i]) present[i] = at[i];
    startup_.priors().add_slope(present, goal.ended, -1, gradient);
    return -gain.value - startup_.priors().log_density(present, goal.ended);
  };
  const auto top = model::minimise(function, start, box, kClimbEvaluations);
  if (-top.value <= candidate.value) return false;
  for (std::size_t axis = 0; axis < start.size(); ++axis)
    if (box.low[axis] < box.high[axis]) candidate.point[axis] = top.x[axis];
  candidate.value = -top.value;
  return true;
}

/// Other cells of one axis that exists.
std::vector<GpSearch::Point> GpSearch::moves(const Point& from) const {
  std::vector<Point> all;
  Point present = from;
  observations_.encoding().drop_absent(present);
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    const Axis& each = observations_.encoding().axes()[axis];
    if (std::isnan(present[axis]) || each.cells() == 0) continue;
    const std::size_t here = each.cell(from[axis]), far = each.cells() / 8;
    for (std::size_t cell = 0; cell < each.cells(); ++cell) {
      const std::size_t away = cell > here ? cell - here : here - cell;
      const bool tried = unordered_[axis] || each.cells() <= kFewCells || away <= 2 || away == far;
      if (away == 0 || !tried) continue;
      all.push_back(from);
      all.back()[axis] = each.middle(cell);
    }
  }
  return all;
}

/// Over all others. Whether it has found better.
bool GpSearch::move(const Goal& goal, Candidate& candidate) const {
  bool moved = false;
  for (int i = 0; i < kMoves; ++i) {
    const auto all = moves(candidate.point);
    if (all.empty()) return moved;
    const auto found = values(goal, all);
    const auto top = std::ranges::max_element(found);
    if (*top <= candidate.value) return moved;
    candidate = {all[static_cast<std::size_t>(top - found.begin())], *top};
    moved = true;
  }
  return moved;
}

/// The best first.
std::vector<GpSearch::Candidate> GpSearch::candidates(TrialId trial) const {
  const Goal to = goal(trial);
  Rng rng = Rng::keyed(seed_, trial.value, stable_hash("gp"));
  std::vector<Point> points;
  for (std::size_t i = 0; i < kAnywhere; ++i) points.push_back(anywhere(rng));
  auto best = observations_.ranking().begin();
  for (std::size_t i = 0; i < kNear; ++i, ++best) {
    if (i % kNearTo == 0 || best == observations_.ranking().end())
      best = observations_.ranking().begin();
    points.push_back(near(observations_.point(best->trial), rng));
  }
  const auto worth = values(to, points);
  std::vector<Candidate> all;
  for (std::size_t i = 0; i < points.size(); ++i) all.push_back({std::move(points[i]), worth[i]});
  std::ranges::stable_sort(all, std::greater(), &Candidate::value);
  for (std::size_t i = 0; i < kStarts; ++i) {
    Candidate improved = all[i];
    for (int round = 0; round < kRounds; ++round) {
      climb(to, improved);
      if (!move(to, improved)) break;
    }
    all.push_back(std::move(improved));
  }
  std::ranges::stable_sort(all, std::greater(), &Candidate::value);
  return all;
}

}  // namespace clavier::search
