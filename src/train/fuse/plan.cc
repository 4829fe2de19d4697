#include "train/fuse/plan.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>
#include <sstream>

#include <ATen/ATen.h>
#include <fmt/format.h>

/// Plans are compared by the whole pass, because a layer's memory format is its neighbours'
/// business too: a layer that is fast by itself may make the next one copy. The passes also say how
/// long each stretch from one convolution to the next took, forward and back; the fastest of each
/// make one more candidate. Every candidate's best time counts, in turns, so that another program
/// that takes the processor for a while does not decide.
namespace clavier::train {
namespace {

constexpr std::int64_t kMostMeasured = 64;
constexpr double kMostProducts = 2e10;  ///< Multiplications of a measured pass forward.
constexpr int kLeastRounds = 2;
constexpr int kMostRounds = 12;
constexpr double kEnoughSeconds = 0.25;  ///< For all candidates together.

constexpr std::pair<Convolver, std::string_view> kWords[] = {{Convolver::kLoops, "loops"},
                                                             {Convolver::kProducts, "products"},
                                                             {Convolver::kLibrary, "library"}};

void collect(const std::vector<ShapedLayer>& layers, std::vector<const ShapedLayer*>& found) {
  for (const ShapedLayer& layer : layers) {
    if (layer.spec.kind == LayerKind::kConv2d) found.push_back(&layer);
    collect(layer.body, found);
    collect(layer.shortcut, found);
  }
}

double multiplications(const ShapedLayer& layer) {
  return static_cast<double>(layer.out.count() * layer.in.sizes[0] * layer.spec.kernel *
                             layer.spec.kernel);
}

/// One way to run the network, with what its passes took.
class Candidate {
 public:
  Candidate(const Network& network, const PlanQuestion& question, Plan plan, const Seconds& clock)
      : plan_(std::move(plan)),
        watch_{clock, std::vector<double>(plan_.size()), 0, 0},
        fastest_(plan_.size(), std::numeric_limits<double>::infinity()),
        array_(network, question.members,
               {.dtype = question.dtype, .plan = plan_, .watch = &watch_}) {
    seeds_.assign(static_cast<std::size_t>(question.members), 1);
    array_.initialise(seeds_);
  }

  void pass(const at::Tensor& input, bool training) {
    std::fill(watch_.seconds.begin(), watch_.seconds.end(), 0.0);
    watch_.current = 0;
    const double start = watch_.last = watch_.clock();
    const at::Tensor output = array_.forward(input, {.training = training, .seeds = seeds_});
    if (training) array_.backward(output);
    watch_.lap(0);
    whole_ = std::min(whole_, watch_.last - start);
    for (std::size_t i = 0; i < fastest_.size(); ++i)
      fastest_[i] = std::min(fastest_[i], watch_.seconds[i]);
  }

  /// Forgets what the passes took so far.
  void warm() {
    whole_ = std::numeric_limits<double>::infinity();
    std::fill(fastest_.begin(), fastest_.end(), whole_);
  }

  const Plan& plan() const { return plan_; }
  double whole() const { return whole_; }
  const std::vector<double>& fastest() const { return fastest_; }

 private:
  Plan plan_;
  Stopwatch watch_;
  std::vector<double> fastest_;  ///< Of each convolution and what follows it.
  double whole_ = std::numeric_limits<double>::infinity();
  Array array_;
  std::vector<std::uint64_t> seeds_;
};

using Candidates = std::vector<std::unique_ptr<Candidate>>;

void measure(const Candidates& candidates, const at::Tensor& input, bool training,
             const Seconds& clock) {
  for (const auto& candidate : candidates) {
    candidate->pass(input, training);
    candidate->warm();
  }
  const double start = clock();
  for (int round = 0; round < kMostRounds; ++round) {
    if (round >= kLeastRounds && clock() - start > kEnoughSeconds) break;
    for (const auto& candidate : candidates) candidate->pass(input, training);
  }
}

const Candidate& best_of(const Candidates& candidates) {
  return **std::min_element(candidates.begin(), candidates.end(),
                            [](const auto& a, const auto& b) { return a->whole() < b->whole(); });
}

/// For every convolution what the fastest candidate does.
Plan mixed(const Candidates& candidates) {
  Plan plan;
  for (std::size_t i = 0; i < candidates[0]->plan().size(); ++i) {
    const auto& fastest = *std::min_element(
        candidates.begin(), candidates.end(),
        [i](const auto& a, const auto& b) { return a->fastest()[i] < b->fastest()[i]; });
    plan.push_back(fastest->plan()[i]);
  }
  return plan;
}

}  // namespace

std::vector<const ShapedLayer*> convolutions(const Network& network) {
  std::vector<const ShapedLayer*> found;
  collect(network.layers, found);
  return found;
}

Network image_part(const Network& network) {
  Network part = network;
  const auto end = std::find_if(part.layers.begin(), part.layers.end(), [](const auto& layer) {
    return layer.spec.kind == LayerKind::kFlatten || layer.spec.kind == LayerKind::kLinear ||
           layer.spec.kind == LayerKind::kGlobalAvgPool;
  });
  part.layers.erase(end, part.layers.end());
  if (convolutions(part).empty()) part.layers.clear();
  return part;
}

std::int64_t measured_batch(const Network& network, std::int64_t batch) {
  double work = 1;
  for (const ShapedLayer* layer : convolutions(network)) work += multiplications(*layer);
  const auto affordable = static_cast<std::int64_t>(std::max(1.0, kMostProducts / work));
  const auto size = static_cast<std::uint64_t>(std::min({batch, kMostMeasured, affordable}));
  return static_cast<std::int64_t>(std::bit_floor(std::max<std::uint64_t>(size, 1)));
}

Plan fastest_plan(const Network& network, const PlanQuestion& question, const Seconds& clock) {
  const Network part = image_part(network);
  const auto layers = convolutions(part);
  if (layers.empty()) return {};
  std::vector<std::int64_t> sizes = {question.batch};
  sizes.insert(sizes.end(), part.input.sizes.begin(), part.input.sizes.end());
  const at::Tensor input =
      at::sin(at::arange(question.batch * part.input.count(), at::kDouble) * 1.7)
          .view(sizes)
          .to(question.dtype);
  Candidates candidates;
  const auto add = [&](const Plan& plan) {
    for (const auto& candidate : candidates)
      if (candidate->plan() == plan) return false;
    candidates.push_back(std::make_unique<Candidate>(part, question, plan, clock));
    return true;
  };
  for (Convolver wanted : {Convolver::kLibrary, Convolver::kProducts, Convolver::kLoops}) {
    Plan plan;
    for (const ShapedLayer* layer : layers)
      plan.push_back(possible(*layer, wanted, question.members));
    add(plan);
  }
  if (candidates.size() == 1) return candidates[0]->plan();
  measure(candidates, input, question.training, clock);
  if (add(mixed(candidates))) measure(candidates, input, question.training, clock);
  return best_of(candidates).plan();
}

std::string to_text(const Plan& plan) {
  std::string text;
  for (Convolver each : plan)
    for (const auto& [convolver, word] : kWords)
      if (each == convolver) text += fmt::format("{}{}", text.empty() ? "" : " ", word);
  return text;
}

Plan plan_from_text(std::string_view text, std::size_t convolutions) {
  Plan plan;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    const auto* known = std::find_if(std::begin(kWords), std::end(kWords),
                                     [&](const auto& pair) { return pair.second == word; });
    if (known == std::end(kWords)) return {};
    plan.push_back(known->first);
  }
  return plan.size() == convolutions ? plan : Plan{};
}

}  // namespace clavier::train
