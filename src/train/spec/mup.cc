#include "train/spec/mup.h"

#include <cmath>

#include "train/spec/model_spec.h"

// A tensor's class follows from which of its sides grow: both (hidden), the output alone (first
// layers, biases, norms), the input alone (the readout), none (the readout's bias). Everything is
// relative to the target, whose hyperparameters the user means: m is a width over the target's.
//
//            drawn      SGD's rate    Adam's rate
//   hidden   1/sqrt(m_in)  m_out/m_in    1/m_in
//   output   1             m_out         1
//   input    1/m_in        1/m_in        1/m_in
//
// The readout has no multiplier behind it: its smaller draw and rate are the same in effect, and no
// layer need know of widths.
namespace clavier::train {
namespace {

double ratio(std::int64_t now, std::int64_t then) {
  return static_cast<double>(now) / static_cast<double>(then);
}

/// Sets what the weights of `network`, which is `target` at another width, are drawn from; gives
/// the rates.
std::vector<double> parametrize(Network& network, const Network& target, bool normalised) {
  std::vector<double> rates;
  for (std::size_t i = 0; i < target.parameters.size(); ++i) {
    Parameter& now = network.parameters[i];
    const Parameter& then = target.parameters[i];
    const double out = now.out_grows ? ratio(now.sizes[0], then.sizes[0]) : 1;
    const double in = now.in_grows ? ratio(now.sizes[1], then.sizes[1]) : 1;
    const double drawn = !now.in_grows ? 1 : now.out_grows ? 1 / std::sqrt(in) : 1 / in;
    now.bound = then.bound * drawn;
    now.deviation = then.deviation * drawn;
    rates.push_back((normalised ? 1 : out) / in);
  }
  return rates;
}

}  // namespace

Result<ScaledNetwork> network_of(const TrainerSpec& spec, const Shape& input,
                                 std::int64_t outputs) {
  const std::vector<LayerSpec> layers = TRY(layers_of(spec.model, outputs));
  ScaledNetwork scaled{TRY(infer_shapes(layers, input, outputs, spec.scale))};
  if (spec.scale == 1 || spec.parametrization == Parametrization::kStandard) return scaled;
  const Network target = TRY(infer_shapes(layers, input, outputs));
  // Adam's steps are as large whatever the gradient.
  scaled.rates = parametrize(scaled.network, target, spec.optimizer != OptimizerKind::kSgd);
  return scaled;
}

}  // namespace clavier::train
