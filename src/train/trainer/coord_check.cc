#include "train/trainer/coord_check.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "train/spec/model_spec.h"
#include "train/trainer/training.h"

// A layer's output is found by a network that ends there and has the parameters of the one in
// training: so nothing in the layers need know that they are watched. All seeds of a width are one
// array.
namespace clavier::train {
namespace {

bool has_parameters(const ShapedLayer& layer) {
  return layer.weight >= 0 || std::ranges::any_of(layer.body, has_parameters);
}

/// One width in training, and the networks that end at its layers.
class Width {
 public:
  Width(std::unique_ptr<Training> training, const Batch& batch)
      : training_(std::move(training)), inputs_(batch.inputs) {
    const Array& whole = training_->array();
    const auto dropout = dropout_of(training_->spec().model);
    for (std::size_t i = 0; i < training_->members(); ++i) {
      seeds_.push_back(training_->seed(i));
      dropout_.push_back(dropout);
    }
    for (std::size_t i = 0; i < whole.network().layers.size(); ++i) {
      if (!has_parameters(whole.network().layers[i])) continue;
      Network network = whole.network();
      network.layers.resize(i + 1);
      ends_.push_back(std::make_unique<Array>(
          std::move(network), whole.members(),
          ArrayOptions{.dtype = whole.options().dtype, .device = whole.options().device}));
    }
  }

  std::vector<double> magnitudes() {
    std::vector<double> found;
    const bool first = start_.empty();
    for (std::size_t i = 0; i < ends_.size(); ++i) {
      const auto& end = ends_[i];
      end->parameters().copy_(training_->array().parameters());
      end->buffers().copy_(training_->array().buffers());
      const Pass pass{.training = true, .seeds = seeds_, .dropout = dropout_};
      const at::Tensor given = end->forward(inputs_, pass);
      if (first) start_.push_back(given.clone());
      const at::Tensor measured = first ? given : given - start_[i];
      found.push_back(measured.abs().mean().item<double>());
    }
    return found;
  }

  std::string layer(std::size_t end) const { return ends_[end]->network().layers.back().name; }
  std::size_t layers() const { return ends_.size(); }
  void train() { training_->train_step(); }

 private:
  std::unique_ptr<Training> training_;
  at::Tensor inputs_;
  std::vector<std::uint64_t> seeds_;
  std::vector<std::vector<double>> dropout_;
  std::vector<std::unique_ptr<Array>> ends_;
  std::vector<at::Tensor> start_;  ///< What each gave at first.
};

Result<Width> width_of(TrainerSpec spec, double scale, const Samples& samples, c10::Device device,
                       const CoordinateOptions& options) {
  spec.scale = scale;
  spec.unit = StepUnit::kBatch;
  spec.batches = options.steps;
  std::vector<Trainee> members;
  for (std::int64_t seed = 0; seed < options.seeds; ++seed)
    members.push_back({spec, static_cast<std::uint64_t>(spec.seed + seed)});
  auto training = TRY(Training::create(std::move(members), samples, device));
  return Width(std::move(training), Batches(samples, spec).batch(0, 0));
}

double slope_of(const std::vector<double>& scales, const std::vector<double>& magnitude) {
  const auto count = static_cast<double>(scales.size());
  double x = 0, y = 0, xx = 0, xy = 0;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const double width = -std::log(scales[i]), size = std::log(magnitude[i]);
    x += width / count, y += size / count;
    xx += width * width / count, xy += width * size / count;
  }
  return (xy - x * y) / (xx - x * x);
}

}  // namespace

Result<std::vector<Coordinates>> check_coordinates(const TrainerSpec& spec, const Samples& samples,
                                                   c10::Device device,
                                                   const CoordinateOptions& options) {
  const c10::InferenceMode no_graph;
  std::vector<Coordinates> found;
  for (std::size_t at = 0; at < options.scales.size(); ++at) {
    Width width = TRY(width_of(spec, options.scales[at], samples, device, options));
    const auto steps = static_cast<std::size_t>(options.steps) + 1;
    for (std::size_t step = 0; step < steps; ++step) {
      if (step > 0) width.train();
      const auto magnitudes = width.magnitudes();
      found.resize(magnitudes.size() * steps);
      for (std::size_t layer = 0; layer < magnitudes.size(); ++layer) {
        Coordinates& row = found[layer * steps + step];
        row.layer = width.layer(layer);
        row.step = static_cast<std::int64_t>(step);
        row.magnitude.push_back(magnitudes[layer]);
      }
    }
  }
  for (Coordinates& row : found) row.slope = slope_of(options.scales, row.magnitude);
  return found;
}

Json to_json(const CoordinateOptions& options, const std::vector<Coordinates>& found) {
  Json::List rows;
  for (const Coordinates& row : found)
    rows.push_back(Json::Table{{"layer", row.layer},
                               {"step", row.step},
                               {"magnitude", row.magnitude},
                               {"slope", row.slope}});
  return Json::Table{{"scales", options.scales}, {"coordinates", std::move(rows)}};
}

}  // namespace clavier::train
