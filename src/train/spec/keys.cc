#include "train/spec/keys.h"

#include <cmath>

#include <fmt/format.h>

namespace clavier {

template <>
struct FieldWords<train::OptimizerKind> {
  static constexpr std::array<std::string_view, 3> list = {"sgd", "adam", "adamw"};
};
template <>
struct FieldWords<train::ScheduleKind> {
  static constexpr std::array<std::string_view, 5> list = {"constant", "step", "exponential",
                                                           "cosine", "one_cycle"};
};
template <>
struct FieldWords<train::LossKind> {
  static constexpr std::array<std::string_view, 2> list = {"cross_entropy", "mse"};
};
template <>
struct FieldWords<train::StepUnit> {
  static constexpr std::array<std::string_view, 2> list = {"epoch", "batch"};
};
template <>
struct FieldWords<train::Precision> {
  static constexpr std::array<std::string_view, 2> list = {"float32", "float64"};
};

template <>
struct FieldWords<train::Parametrization> {
  static constexpr std::array<std::string_view, 2> list = {"standard", "mup"};
};

namespace train {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

bool is_device(std::string_view text) {
  if (text == "auto" || text == "cpu" || text == "cuda") return true;
  if (!text.starts_with("cuda:") || text.size() == 5 || text.size() > 8) return false;
  return text.substr(5).find_first_not_of("0123456789") == std::string_view::npos;
}

template <typename Text>
struct DeviceCodec {
  static Fit read(const FieldInfo& info, const Json& json, Text& out) {
    const auto* text = json.as<Text>();
    if (!text || !is_device(*text)) return misfit(info, "", json);
    out = *text;
    return {};
  }
  static Json write(const Text& device) { return Json(device); }
};

using S = TrainerSpec;
using Plan = Schedule;

/// Whole numbers from 0 or from 1 on.
template <auto... Path>
Key count(std::string_view key, std::string_view help) {
  return {field<Path...>({key, 0, kInf, help, "a whole number ≥ 0"})};
}
template <auto... Path>
Key number(std::string_view key, std::string_view help) {
  return {field<Path...>({key, 1, kInf, help, "a whole number ≥ 1"})};
}
template <auto... Path>
Key choice(std::string_view key, std::string_view help) {
  return {field<Path...>({.key = key, .help = help})};
}

/// Reals, in which members of one array may differ.
template <auto... Path>
Key positive(std::string_view key, std::string_view help) {
  return {field<Path...>({key, kAbove0, kInf, help, "> 0"}), true};
}
template <auto... Path>
Key not_negative(std::string_view key, std::string_view help) {
  return {field<Path...>({key, 0, kInf, help, "≥ 0"}), true};
}
template <auto... Path>
Key at_least_one(std::string_view key, std::string_view help) {
  return {field<Path...>({key, 1, kInf, help, "≥ 1"}), true};
}
template <auto... Path>
Key part(std::string_view key, std::string_view help) {
  return {field<Path...>({key, 0, 1, help, "0 to 1"}), true};
}
template <auto... Path>
Key below_one(std::string_view key, std::string_view help) {
  return {field<Path...>({key, 0, kBelow1, help, "at least 0 and below 1"}), true};
}

Key by_member(Key key) {
  key.fusible = true;
  return key;
}

std::vector<Key> make_keys() {
  constexpr auto plan = &S::schedule;
  return {
      by_member(number<&S::epochs>("epochs", "length of training and schedule")),
      by_member(count<&S::batches>("batches",
                                   "length in batches instead, with unit = \"batch\"; 0: epochs")),
      choice<&S::unit>("unit", "what a trial counts as a step"),
      number<&S::report_every>("report_every", "steps between evaluations"),
      number<&S::batch_size>("batch_size", "samples per update"),
      number<&S::eval_batch_size>("eval_batch_size", "samples per batch of validation and test"),
      choice<&S::drop_last>("drop_last", "leave out an epoch's last, smaller batch"),
      {field<&S::scale>({"scale", kAbove0, kInf, "the model's widths are divided by it", "> 0"})},
      choice<&S::parametrization>("parametrization",
                                  "mup: hyperparameters are those of the model at scale 1"),
      choice<&S::optimizer>("optimizer", "update rule"),
      positive<&S::lr>("lr", "learning rate"),
      below_one<&S::momentum>("momentum", "SGD momentum"),
      part<&S::dampening>("dampening", "SGD dampening of momentum"),
      by_member(choice<&S::nesterov>("nesterov", "SGD with Nesterov's momentum")),
      below_one<&S::beta1>("beta1", "Adam: first moment"),
      below_one<&S::beta2>("beta2", "Adam: second moment"),
      positive<&S::eps>("eps", "Adam: added to the denominator"),
      not_negative<&S::weight_decay>("weight_decay", "L2 decay; decoupled for adamw"),
      not_negative<&S::clip_norm>("clip_norm", "largest gradient norm; 0: not clipped"),
      by_member(choice<plan, &Plan::kind>("schedule", "learning rate over time")),
      positive<plan, &Plan::step_size>("step_size", "step: epochs between two cuts"),
      positive<plan, &Plan::gamma>("gamma", "step: factor of a cut; exponential: per epoch"),
      part<plan, &Plan::min_factor>("min_factor", "cosine: last rate relative to lr"),
      {field<plan, &Plan::peak_at>({"peak_at", kAbove0, kBelow1,
                                    "one_cycle: part of the training that rises",
                                    "above 0 and below 1"}),
       true},
      at_least_one<plan, &Plan::div_factor>("div_factor", "one_cycle: lr over the first rate"),
      at_least_one<plan, &Plan::final_div_factor>("final_div_factor",
                                                  "one_cycle: first rate over the last"),
      not_negative<plan, &Plan::warmup>("warmup", "epochs of linear warm-up"),
      part<plan, &Plan::warmup_factor>("warmup_factor", "first rate of the warm-up relative to lr"),
      choice<&S::loss>("loss", "what is minimised"),
      below_one<&S::label_smoothing>("label_smoothing", "cross_entropy: part given to all classes"),
      count<&S::crop_padding>("crop_padding", "training images: shifted by up to so many pixels"),
      choice<&S::flip>("flip", "training images: mirrored half of the time"),
      count<&S::cutout>("cutout", "training images: edge of a blanked square"),
      count<&S::image_size>("image_size", "images are resized to this edge; 0: as they are"),
      {field_by<DeviceCodec, &S::device>({.key = "device",
                                          .help = "where to train; auto: a GPU if there is one",
                                          .range = "auto, cpu, cuda or cuda:N"})},
      choice<&S::dtype>("dtype", "precision of the arithmetic"),
      by_member(count<&S::seed>("seed", "with the trial's number: initial weights and dropout")),
      count<&S::data_seed>("data_seed", "order of samples and augmentation, equal for all trials"),
  };
}

}  // namespace

Json exact(const Json& value) {
  if (const auto* list = value.as<Json::List>()) {
    Json::List items;
    for (const Json& item : *list) items.push_back(exact(item));
    return items;
  }
  const auto* real = value.as<double>();
  if (!real || *real != std::floor(*real) || std::abs(*real) > kMany) return value;
  return static_cast<std::int64_t>(*real);
}

std::string must_be(std::string_view name, const Misfit& wrong) {
  return fmt::format("{} must be {}, but is {}", name, wrong.expected, to_text(*wrong.at));
}

const std::vector<Key>& keys() {
  static const std::vector<Key> list = make_keys();
  return list;
}

}  // namespace train
}  // namespace clavier
