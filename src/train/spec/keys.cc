#include "train/spec/keys.h"

#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "study/text.h"

namespace clavier::train {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr std::int64_t kMany = std::int64_t{1} << 40;

Status refuse(const Key& key, const Value& value) {
  return invalid(
      fmt::format("trainer.{} must be {}, but is {}", key.name, key.range, text::to_json(value)));
}

template <auto... Path>
auto& at(auto& spec) {
  return (spec.*....*Path);
}

/// A real in [Low, High], or (Low, High) around it with open ends.
struct Range {
  double low;
  double high;
  bool low_open = false;
  bool high_open = false;
  constexpr bool holds(double x) const {
    return (low_open ? x > low : x >= low) && (high_open ? x < high : x <= high);
  }
};

template <Range range, auto... Path>
Key real(std::string name, std::string text, std::string help, bool fusible) {
  return {std::move(name),
          std::move(text),
          std::move(help),
          fusible,
          [](const TrainerSpec& spec) { return Value(at<Path...>(spec)); },
          [](const Key& key, TrainerSpec& spec, const Value& value) -> Status {
            const auto number = value.as<bool>() ? std::nullopt : value.number();
            if (!number || !std::isfinite(*number) || !range.holds(*number))
              return refuse(key, value);
            at<Path...>(spec) = *number;
            return {};
          }};
}

template <std::int64_t low, auto... Path>
Key whole(std::string name, std::string text, std::string help) {
  return {std::move(name),
          std::move(text),
          std::move(help),
          false,
          [](const TrainerSpec& spec) { return Value(at<Path...>(spec)); },
          [](const Key& key, TrainerSpec& spec, const Value& value) -> Status {
            const auto number = value.as<bool>() ? std::nullopt : value.number();
            const auto* exact = value.as<std::int64_t>();
            if (!number || *number != std::floor(*number) || !(*number >= low) ||
                !(exact || *number <= static_cast<double>(kMany)))
              return refuse(key, value);
            at<Path...>(spec) = exact ? *exact : static_cast<std::int64_t>(*number);
            return {};
          }};
}

template <auto... Path>
Key truth(std::string name, std::string help) {
  return {std::move(name),
          "true or false",
          std::move(help),
          false,
          [](const TrainerSpec& spec) { return Value(at<Path...>(spec)); },
          [](const Key& key, TrainerSpec& spec, const Value& value) -> Status {
            const auto* flag = value.as<bool>();
            if (!flag) return refuse(key, value);
            at<Path...>(spec) = *flag;
            return {};
          }};
}

/// The words of an enumeration, in its order.
template <typename Enum>
struct Words;
template <>
struct Words<OptimizerKind> {
  static constexpr std::array<const char*, 3> list = {"sgd", "adam", "adamw"};
};
template <>
struct Words<ScheduleKind> {
  static constexpr std::array<const char*, 5> list = {"constant", "step", "exponential", "cosine",
                                                      "one_cycle"};
};
template <>
struct Words<LossKind> {
  static constexpr std::array<const char*, 2> list = {"cross_entropy", "mse"};
};
template <>
struct Words<StepUnit> {
  static constexpr std::array<const char*, 2> list = {"epoch", "batch"};
};
template <>
struct Words<Precision> {
  static constexpr std::array<const char*, 2> list = {"float32", "float64"};
};

template <typename Enum, auto... Path>
Key choice(std::string name, std::string help) {
  return {std::move(name),
          fmt::format("one of {}", fmt::join(Words<Enum>::list, ", ")),
          std::move(help),
          false,
          [](const TrainerSpec& spec) {
            return Value(Words<Enum>::list[static_cast<std::size_t>(at<Path...>(spec))]);
          },
          [](const Key& key, TrainerSpec& spec, const Value& value) -> Status {
            const auto* text = value.as<std::string>();
            for (std::size_t i = 0; text && i < Words<Enum>::list.size(); ++i) {
              if (*text != Words<Enum>::list[i]) continue;
              at<Path...>(spec) = static_cast<Enum>(i);
              return {};
            }
            return refuse(key, value);
          }};
}

bool is_device(std::string_view text) {
  if (text == "auto" || text == "cpu" || text == "cuda") return true;
  if (!text.starts_with("cuda:") || text.size() == 5 || text.size() > 8) return false;
  return text.substr(5).find_first_not_of("0123456789") == std::string_view::npos;
}

Key device() {
  return {"device",
          "auto, cpu, cuda or cuda:N",
          "where to train; auto: a GPU if there is one",
          false,
          [](const TrainerSpec& spec) { return Value(spec.device); },
          [](const Key& key, TrainerSpec& spec, const Value& value) -> Status {
            const auto* text = value.as<std::string>();
            if (!text || !is_device(*text)) return refuse(key, value);
            spec.device = *text;
            return {};
          }};
}

using S = TrainerSpec;
using Plan = Schedule;

constexpr Range kPositive{0, kInf, true, true};
constexpr Range kNotNegative{0, kInf, false, true};
constexpr Range kPart{0, 1};
constexpr Range kBelowOne{0, 1, false, true};
constexpr Range kInside{0, 1, true, true};
constexpr Range kAtLeastOne{1, kInf, false, true};

std::vector<Key> make_keys() {
  constexpr auto schedule = &S::schedule;
  return {
      whole<1, &S::epochs>("epochs", "a whole number ≥ 1", "length of training and schedule"),
      whole<0, &S::batches>("batches", "a whole number ≥ 0",
                            "length in batches instead, with unit = \"batch\"; 0: epochs"),
      choice<StepUnit, &S::unit>("unit", "what a trial counts as a step"),
      whole<1, &S::report_every>("report_every", "a whole number ≥ 1", "steps between evaluations"),
      whole<1, &S::batch_size>("batch_size", "a whole number ≥ 1", "samples per update"),
      whole<1, &S::eval_batch_size>("eval_batch_size", "a whole number ≥ 1",
                                    "samples per batch of validation and test"),
      truth<&S::drop_last>("drop_last", "leave out an epoch's last, smaller batch"),
      choice<OptimizerKind, &S::optimizer>("optimizer", "update rule"),
      real<kPositive, &S::lr>("lr", "> 0", "learning rate", true),
      real<kBelowOne, &S::momentum>("momentum", "at least 0 and below 1", "SGD momentum", true),
      real<kPart, &S::dampening>("dampening", "0 to 1", "SGD dampening of momentum", true),
      truth<&S::nesterov>("nesterov", "SGD with Nesterov's momentum"),
      real<kBelowOne, &S::beta1>("beta1", "at least 0 and below 1", "Adam: first moment", true),
      real<kBelowOne, &S::beta2>("beta2", "at least 0 and below 1", "Adam: second moment", true),
      real<kPositive, &S::eps>("eps", "> 0", "Adam: added to the denominator", true),
      real<kNotNegative, &S::weight_decay>("weight_decay", "≥ 0", "L2 decay; decoupled for adamw",
                                           true),
      real<kNotNegative, &S::clip_norm>("clip_norm", "≥ 0", "largest gradient norm; 0: not clipped",
                                        true),
      choice<ScheduleKind, schedule, &Plan::kind>("schedule", "learning rate over time"),
      real<kPositive, schedule, &Plan::step_size>("step_size", "> 0",
                                                  "step: epochs between two cuts", true),
      real<kPositive, schedule, &Plan::gamma>(
          "gamma", "> 0", "step: factor of a cut; exponential: per epoch", true),
      real<kPart, schedule, &Plan::min_factor>("min_factor", "0 to 1",
                                               "cosine: last rate relative to lr", true),
      real<kInside, schedule, &Plan::peak_at>("peak_at", "above 0 and below 1",
                                              "one_cycle: part of the training that rises", true),
      real<kAtLeastOne, schedule, &Plan::div_factor>("div_factor", "≥ 1",
                                                     "one_cycle: lr over the first rate", true),
      real<kAtLeastOne, schedule, &Plan::final_div_factor>(
          "final_div_factor", "≥ 1", "one_cycle: first rate over the last", true),
      real<kNotNegative, schedule, &Plan::warmup>("warmup", "≥ 0", "epochs of linear warm-up",
                                                  true),
      real<kPart, schedule, &Plan::warmup_factor>("warmup_factor", "0 to 1",
                                                  "first rate of the warm-up relative to lr", true),
      choice<LossKind, &S::loss>("loss", "what is minimised"),
      real<kBelowOne, &S::label_smoothing>("label_smoothing", "at least 0 and below 1",
                                           "cross_entropy: part given to all classes", true),
      whole<0, &S::crop_padding>("crop_padding", "a whole number ≥ 0",
                                 "training images: shifted by up to so many pixels"),
      truth<&S::flip>("flip", "training images: mirrored half of the time"),
      whole<0, &S::cutout>("cutout", "a whole number ≥ 0",
                           "training images: edge of a blanked square"),
      whole<0, &S::image_size>("image_size", "a whole number ≥ 0",
                               "images are resized to this edge; 0: as they are"),
      device(),
      choice<Precision, &S::dtype>("dtype", "precision of the arithmetic"),
      whole<0, &S::seed>("seed", "a whole number ≥ 0",
                         "with the trial's number: initial weights and dropout"),
      whole<0, &S::data_seed>("data_seed", "a whole number ≥ 0",
                              "order of samples and augmentation, equal for all trials"),
  };
}

}  // namespace

const std::vector<Key>& keys() {
  static const std::vector<Key> list = make_keys();
  return list;
}

const Key* find_key(std::string_view name) {
  for (const Key& key : keys())
    if (key.name == name) return &key;
  return nullptr;
}

}  // namespace clavier::train
