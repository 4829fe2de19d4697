#include "train/trainer/predict.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <string_view>

#include "base/csv.h"
#include "train/data/facts.h"
#include "train/data/unlabelled.h"
#include "train/spec/data_table.h"
#include "train/spec/mup.h"
#include "train/trainer/checkpoint.h"
#include "train/trainer/device.h"

namespace clavier::train {
namespace {

Result<data::Dataset> facts_of(const CheckpointNotes& notes,
                               const std::filesystem::path& data_dir) {
  if (notes.facts) return *notes.facts;
  auto dataset = TRY(data::load_dataset(TRY(data_of(notes.spec)), data_dir));
  dataset.target_mean = 0;
  dataset.target_deviation = 1;
  dataset.train = dataset.validation = dataset.test = {};
  return dataset;
}

std::string cell(std::string_view text) {
  std::string field;
  append_csv(field, text);
  return field;
}

std::string class_name(const data::Dataset& facts, std::int64_t number) {
  return facts.class_names.empty() ? fmt::format("{}", number)
                                   : facts.class_names[static_cast<std::size_t>(number)];
}

void add_classes(const at::Tensor& logits, const data::Dataset& facts,
                 const std::vector<std::string>& names, std::size_t first,
                 Probabilities probabilities, std::string& csv) {
  const auto all = at::softmax(logits.to(at::kDouble), 1).cpu().contiguous();
  const auto [most, which] = all.max(1);
  const auto probability = most.contiguous();
  const auto label = which.contiguous();
  const auto classes = all.size(1);
  for (std::int64_t i = 0; i < probability.numel(); ++i) {
    const auto name = class_name(facts, label.const_data_ptr<std::int64_t>()[i]);
    csv += fmt::format("{},{},{:.6g}", cell(names[first + static_cast<std::size_t>(i)]), cell(name),
                       probability.const_data_ptr<double>()[i]);
    for (std::int64_t k = 0; probabilities == Probabilities::kOfAll && k < classes; ++k)
      csv += fmt::format(",{:.6g}", all.const_data_ptr<double>()[i * classes + k]);
    csv += '\n';
  }
}

void add_values(const at::Tensor& outputs, const data::Dataset& facts,
                const std::vector<std::string>& names, std::size_t first, std::string& csv) {
  const auto values =
      outputs.to(at::kDouble).mul(facts.target_deviation).add(facts.target_mean).cpu().contiguous();
  for (std::int64_t i = 0; i < values.size(0); ++i)
    csv += fmt::format("{},{:.7g}\n", cell(names[first + static_cast<std::size_t>(i)]),
                       values.const_data_ptr<double>()[i]);
}

}  // namespace

Result<Prediction> predict(const std::filesystem::path& checkpoint,
                           const std::filesystem::path& data, const std::filesystem::path& data_dir,
                           Probabilities probabilities) {
  const c10::InferenceMode no_graph;
  const CheckpointNotes notes = TRY(read_checkpoint_notes(checkpoint));
  data::Dataset dataset = TRY(facts_of(notes, data_dir));
  const data::DataSpec spec = TRY(data_of(notes.spec));
  auto unlabelled = TRY(data::read_unlabelled(data, dataset, spec.skip_damaged));
  dataset.test = std::move(unlabelled.split);

  const c10::Device device = TRY(choose_device(notes.spec.device));
  const auto dtype = notes.spec.dtype == Precision::kFloat64 ? at::kDouble : at::kFloat;
  dataset.test.labels.assign(static_cast<std::size_t>(dataset.test.count), 0);
  dataset.test.targets.assign(static_cast<std::size_t>(dataset.test.count), 0);
  const Samples samples = to_device(dataset, dtype, device);
  Array array(TRY(network_of(notes.spec, samples.shape, samples.outputs)).network, 1,
              {.dtype = dtype, .device = device});
  TRY(load_model(array, checkpoint));

  const bool all = probabilities == Probabilities::kOfAll;
  if (all && !samples.classification)
    return invalid("the model predicts values: there are no classes with probabilities");
  Prediction result{.csv = samples.classification ? "sample,label,probability" : "sample,value",
                    .remarks = std::move(unlabelled.remarks)};
  for (std::int64_t k = 0; all && k < samples.outputs; ++k)
    result.csv += "," + cell("probability_" + class_name(dataset, k));
  result.csv += '\n';
  const std::int64_t step = notes.spec.eval_batch_size;
  for (std::int64_t first = 0; first < dataset.test.count; first += step) {
    const Batch batch =
        slice(samples, samples.test, first, std::min(step, dataset.test.count - first));
    const at::Tensor outputs = array.forward(batch.inputs, {})[0];
    const auto at = static_cast<std::size_t>(first);
    if (samples.classification)
      add_classes(outputs, dataset, unlabelled.names, at, probabilities, result.csv);
    else
      add_values(outputs, dataset, unlabelled.names, at, result.csv);
  }
  return result;
}

}  // namespace clavier::train
