#include "train/spec/model_spec.h"

#include <cmath>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "study/text.h"
#include "train/spec/layer_json.h"
#include "train/spec/resnet.h"

namespace clavier::train {
namespace {

using Json = nlohmann::json;
using Layers = std::vector<LayerSpec>;

/// An option of a built-in model. Text options have `words`, the others a range.
struct Option {
  std::string name;
  Value value;
  double low = 0;
  double high = 0;
  std::vector<std::string> words = {};
};

struct Model {
  std::string name;
  std::vector<Option> options;
  Layers (*build)(const Config& options, std::int64_t outputs);
};

std::int64_t whole(const Config& options, std::string_view name) {
  return static_cast<std::int64_t>(*options.find(name)->number());
}

LayerSpec linear(std::string name, std::int64_t out) {
  return {.kind = LayerKind::kLinear, .name = std::move(name), .out = out};
}
LayerSpec conv(std::string name, std::int64_t out, std::int64_t kernel, std::int64_t padding) {
  return {.kind = LayerKind::kConv2d,
          .name = std::move(name),
          .out = out,
          .kernel = kernel,
          .padding = padding};
}
LayerSpec pool() { return {.kind = LayerKind::kMaxPool, .kernel = 2, .stride = 2}; }
LayerSpec simple(LayerKind kind) { return {.kind = kind}; }

LayerKind activation(const Config& options) {
  const std::string& name = *options.find("activation")->as<std::string>();
  return name == "gelu" ? LayerKind::kGelu : name == "tanh" ? LayerKind::kTanh : LayerKind::kRelu;
}

void add_dropout(Layers& layers, const Config& options) {
  const double probability = *options.find("dropout")->number();
  if (probability > 0) layers.push_back({.kind = LayerKind::kDropout, .probability = probability});
}

/// The network of the CIFAR-10 tutorial: two convolutions of 5x5 and three linear layers.
Layers net(const Config& options, std::int64_t outputs) {
  return {conv("conv1", 6, 5, 0),
          simple(LayerKind::kRelu),
          pool(),
          conv("conv2", 16, 5, 0),
          simple(LayerKind::kRelu),
          pool(),
          simple(LayerKind::kFlatten),
          linear("fc1", whole(options, "l1")),
          simple(LayerKind::kRelu),
          linear("fc2", whole(options, "l2")),
          simple(LayerKind::kRelu),
          linear("fc3", outputs)};
}

Layers mlp(const Config& options, std::int64_t outputs) {
  Layers layers = {simple(LayerKind::kFlatten)};
  for (std::int64_t i = 1; i <= whole(options, "depth"); ++i) {
    layers.push_back(linear(fmt::format("fc{}", i), whole(options, "hidden")));
    layers.push_back(simple(activation(options)));
    add_dropout(layers, options);
  }
  layers.push_back(linear("readout", outputs));
  return layers;
}

/// Blocks of convolution 3x3, batch norm, ReLU and pooling, each with twice the channels.
Layers cnn(const Config& options, std::int64_t outputs) {
  Layers layers;
  std::int64_t channels = whole(options, "channels");
  for (std::int64_t i = 1; i <= whole(options, "depth"); ++i, channels *= 2) {
    LayerSpec convolution = conv(fmt::format("conv{}", i), channels, 3, 1);
    convolution.bias = false;  // The norm behind it has one.
    layers.push_back(convolution);
    layers.push_back({.kind = LayerKind::kBatchNorm, .name = fmt::format("norm{}", i)});
    layers.push_back(simple(LayerKind::kRelu));
    layers.push_back(pool());
  }
  layers.push_back(simple(LayerKind::kFlatten));
  layers.push_back(linear("fc", whole(options, "hidden")));
  layers.push_back(simple(LayerKind::kRelu));
  add_dropout(layers, options);
  layers.push_back(linear("readout", outputs));
  return layers;
}

Stem stem(const Config& options) {
  return *options.find("stem")->as<std::string>() == "cifar" ? Stem::kCifar : Stem::kImageNet;
}

Layers resnet_18(const Config& options, std::int64_t outputs) {
  return resnet18(stem(options), *options.find("width")->number(), outputs);
}

Layers resnet_50(const Config& options, std::int64_t outputs) {
  return resnet50(stem(options), *options.find("width")->number(), outputs);
}

constexpr double kWidest = 1 << 16;

std::vector<Option> resnet_options() {
  return {{"stem", "imagenet", 0, 0, {"imagenet", "cifar"}}, {"width", 1.0, 1.0 / 64, 8}};
}

const std::vector<Model>& models() {
  static const std::vector<Model> models = {
      {"net", {{"l1", 120, 1, kWidest}, {"l2", 84, 1, kWidest}}, net},
      {"mlp",
       {{"hidden", 128, 1, kWidest},
        {"depth", 2, 0, 64},
        {"activation", "relu", 0, 0, {"relu", "gelu", "tanh"}},
        {"dropout", 0.0, 0, 0.99}},
       mlp},
      {"cnn",
       {{"channels", 16, 1, 4096},
        {"depth", 3, 1, 8},
        {"hidden", 128, 1, kWidest},
        {"dropout", 0.0, 0, 0.99}},
       cnn},
      {"resnet18", resnet_options(), resnet_18},
      {"resnet50", resnet_options(), resnet_50}};
  return models;
}

const Model* find_model(std::string_view name) {
  for (const Model& model : models())
    if (model.name == name) return &model;
  return nullptr;
}

std::vector<std::string> option_names(const Model& model) {
  std::vector<std::string> names;
  for (const Option& option : model.options) names.push_back(option.name);
  return names;
}

Result<Value> checked(const Option& option, const Value& value) {
  const std::string key = "trainer.model." + option.name;
  if (!option.words.empty()) {
    const auto* text = value.as<std::string>();
    for (const std::string& word : option.words)
      if (text && *text == word) return value;
    return invalid(fmt::format("{} must be one of {}, but is {}", key,
                               fmt::join(option.words, ", "), text::to_json(value)));
  }
  const auto number = value.as<bool>() ? std::nullopt : value.number();
  const bool is_whole = option.value.as<std::int64_t>() != nullptr;
  if (!number || !(*number >= option.low && *number <= option.high) ||
      (is_whole && *number != std::floor(*number)))
    return invalid(fmt::format("{} must be a {} from {} to {}, but is {}", key,
                               is_whole ? "whole number" : "number", option.low, option.high,
                               text::to_json(value)));
  return is_whole ? Value(static_cast<std::int64_t>(*number)) : Value(*number);
}

Result<ModelSpec> built_in(const std::string& name) {
  const Model* model = find_model(name);
  if (!model)
    return invalid(
        fmt::format("trainer.model: there is no model '{}'{} (a table with `layers` makes one)",
                    name, suggestion(name, model_names())));
  ModelSpec spec{.name = name};
  for (const Option& option : model->options) spec.options.set(option.name, option.value);
  return spec;
}

/// The user's own layers: every other key is a number that they name.
Result<ModelSpec> own(const Json& json) {
  ModelSpec spec{.name = "layers", .layers = json.at("layers").dump()};
  for (const auto& [key, entry] : json.items()) {
    if (key == "layers" || key == "name") continue;
    if (!entry.is_number())
      return invalid(fmt::format("trainer.model.{} must be a number that the layers name", key));
    spec.options.set(key, TRY(text::value_from_json(entry.dump())));
  }
  std::set<std::string, std::less<>> used;
  const Value outputs = std::int64_t{2};
  const auto layers = layers_from_json(spec.layers, [&](std::string_view name) -> const Value* {
    used.emplace(name);
    return name == "outputs" ? &outputs : spec.options.find(name);
  });
  if (!layers.ok()) return layers.error();
  for (const Config::Entry& entry : spec.options.entries())
    if (!used.contains(entry.name))
      return invalid(fmt::format("trainer.model.{} is not used by any layer", entry.name));
  return spec;
}

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Model& model : models()) names.push_back(model.name);
  return names;
}

std::string describe_models() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Model& model : models()) {
    nlohmann::ordered_json entry = {{"name", model.name}, {"options", nlohmann::json::array()}};
    for (const Option& option : model.options) {
      nlohmann::ordered_json item = {
          {"name", option.name},
          {"default", nlohmann::ordered_json::parse(text::to_json(option.value))}};
      if (option.words.empty())
        item["range"] = {option.low, option.high};
      else
        item["choices"] = option.words;
      entry["options"].push_back(std::move(item));
    }
    list.push_back(std::move(entry));
  }
  return list.dump();
}

Result<ModelSpec> parse_model(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_string()) return built_in(json.get<std::string>());
  if (!json.is_object())
    return invalid("trainer.model must be a name or a table with `name` or `layers`");
  if (json.contains("layers")) return own(json);
  if (!json.contains("name") || !json["name"].is_string())
    return invalid("trainer.model needs a `name` or its own `layers`");
  ModelSpec spec = TRY(built_in(json["name"].get<std::string>()));
  for (const auto& [key, entry] : json.items()) {
    if (key == "name") continue;
    if (!spec.options.find(key))
      return invalid(fmt::format("trainer.model: '{}' has no option '{}'{}", spec.name, key,
                                 suggestion(key, option_names(*find_model(spec.name)))));
    const Status status = set_option(spec, key, TRY(text::value_from_json(entry.dump())));
    if (!status.ok()) return status.error();
  }
  return spec;
}

std::string to_json(const ModelSpec& spec) {
  nlohmann::ordered_json json;
  if (spec.layers.empty())
    json["name"] = spec.name;
  else
    json["layers"] = nlohmann::ordered_json::parse(spec.layers);
  for (const Config::Entry& entry : spec.options.entries())
    json[entry.name] = nlohmann::ordered_json::parse(text::to_json(entry.value));
  return json.dump();
}

Status set_option(ModelSpec& spec, std::string_view name, const Value& value) {
  const Value* old = spec.options.find(name);
  CHECK(old, "set_option of an unknown option");
  if (const Model* model = find_model(spec.name)) {
    for (const Option& option : model->options)
      if (option.name == name) spec.options.set(name, TRY(checked(option, value)));
    return {};
  }
  if (value.as<bool>() || !value.number())
    return invalid(
        fmt::format("trainer.model.{} must be a number, but is {}", name, text::to_json(value)));
  ModelSpec changed = spec;
  changed.options.set(name, value);
  const auto layers = layers_of(changed, 2);
  if (!layers.ok()) return layers.error();
  spec = std::move(changed);
  return {};
}

Result<std::vector<LayerSpec>> layers_of(const ModelSpec& spec, std::int64_t outputs) {
  if (const Model* model = find_model(spec.name)) return model->build(spec.options, outputs);
  const Value count = outputs;
  return layers_from_json(spec.layers, [&](std::string_view name) -> const Value* {
    return name == "outputs" ? &count : spec.options.find(name);
  });
}

}  // namespace clavier::train
