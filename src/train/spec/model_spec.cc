#include "train/spec/model_spec.h"

#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/nearest.h"
#include "study/text.h"
#include "train/spec/keys.h"
#include "train/spec/layer_json.h"
#include "train/spec/resnet.h"

namespace clavier::train {
namespace {

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
  layers.push_back(
      {.kind = LayerKind::kDropout, .probability = *options.find("dropout")->number()});
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
  const Json given = exact(text::json_of(value));
  const FieldInfo info{option.name, option.low, option.high};
  std::size_t word = 0;
  double number = 0;
  const bool is_whole = option.value.as<std::int64_t>() != nullptr;
  Fit wrong;
  if (!option.words.empty()) {
    const std::vector<std::string_view> words(option.words.begin(), option.words.end());
    wrong = read_word(info, given, words, word);
  } else if ((wrong = FieldCodec<double>::read(info, given, number)) ||
             (is_whole && !given.as<std::int64_t>())) {
    wrong = Misfit{fmt::format("a {} from {} to {}", is_whole ? "whole number" : "number",
                               option.low, option.high),
                   &given};
  }
  if (wrong) return invalid(must_be(key, *wrong));
  if (!option.words.empty()) return value;
  return is_whole ? Value(static_cast<std::int64_t>(number)) : Value(number);
}

ModelSpec built_in(const Model& model) {
  ModelSpec spec{.name = model.name};
  for (const Option& option : model.options) spec.options.set(option.name, option.value);
  return spec;
}

ModelSpec built_in(const std::string& name, KeyProblems& problems) {
  const Model* model = find_model(name);
  if (!model)
    problems.push_back({"model", fmt::format("trainer.model: there is no model '{}'{} (a table "
                                             "with `layers` makes one)",
                                             name, suggestion(name, model_names()))});
  return model ? built_in(*model) : ModelSpec{.name = name};
}

/// The user's own layers: every other key is a number that they name.
ModelSpec own(const Json::Table& table, const Json& layers, KeyProblems& problems) {
  ModelSpec spec{.name = "layers", .layers = layers};
  const auto wrong = [&](const std::string& key, std::string message) {
    problems.push_back({"model." + key, std::move(message)});
  };
  for (const auto& [key, entry] : table) {
    if (key == "layers" || key == "name") continue;
    const auto number = text::value_from_json(entry);
    if (number && entry.number())
      spec.options.set(key, *number);
    else
      wrong(key, fmt::format("trainer.model.{} must be a number that the layers name", key));
  }
  if (!problems.empty()) return spec;
  std::set<std::string, std::less<>> used;
  const Value outputs = std::int64_t{2};
  const auto read = layers_from_json(spec.layers, [&](std::string_view name) -> const Value* {
    used.emplace(name);
    return name == "outputs" ? &outputs : spec.options.find(name);
  });
  if (!read) return wrong("layers", read.error().message), spec;
  for (const Config::Entry& entry : spec.options.entries())
    if (!used.contains(entry.name))
      wrong(entry.name, fmt::format("trainer.model.{} is not used by any layer", entry.name));
  return spec;
}

/// Sets every probability of dropout to 0; adds what it was to `found`.
void take_dropout(Layers& layers, std::vector<double>& found) {
  for (LayerSpec& layer : layers) {
    if (layer.kind == LayerKind::kDropout) found.push_back(std::exchange(layer.probability, 0));
    take_dropout(layer.body, found);
    take_dropout(layer.shortcut, found);
  }
}

constexpr std::int64_t kAnyOutputs = 2;

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Model& model : models()) names.push_back(model.name);
  return names;
}

Json describe_models() {
  Json::List list;
  for (const Model& model : models()) {
    Json::List options;
    for (const Option& option : model.options) {
      Json item = Json::Table{{"name", option.name}, {"default", text::json_of(option.value)}};
      if (option.words.empty())
        item.set("range", Json::List{option.low, option.high});
      else
        item.set("choices", option.words);
      item.set("fusible", only_drops(built_in(model), option.name));
      options.push_back(std::move(item));
    }
    list.push_back(Json::Table{{"name", model.name}, {"options", std::move(options)}});
  }
  return list;
}

ModelSpec read_model(const Json& json, KeyProblems& problems) {
  if (const auto* name = json.as<std::string>()) return built_in(*name, problems);
  const auto* table = json.as<Json::Table>();
  if (const Json* layers = json.find("layers")) return own(*table, *layers, problems);
  const auto* name = json.find_as<std::string>("name");
  if (!name) {
    problems.push_back({"model", table ? "trainer.model needs a `name` or its own `layers`"
                                       : "trainer.model must be a name or a table with `name` or "
                                         "`layers`"});
    return {};
  }
  ModelSpec spec = built_in(*name, problems);
  if (!problems.empty()) return spec;
  const auto names = option_names(*find_model(spec.name));
  for (const auto& [key, entry] : *table) {
    if (key == "name") continue;
    Status set = invalid(fmt::format("trainer.model: '{}' has no option '{}'{}", spec.name, key,
                                     suggestion(key, names)));
    if (spec.options.find(key)) {
      const auto value = text::value_from_json(entry);
      set = value ? set_option(spec, key, *value) : Status(value.error());
    }
    if (!set) problems.push_back({"model." + key, set.error().message});
  }
  return spec;
}

Result<ModelSpec> parse_model(std::string_view text) {
  KeyProblems problems;
  ModelSpec spec = read_model(TRY(Json::parse(text)), problems);
  if (!problems.empty()) return invalid(problems.front().message);
  return spec;
}

Json to_json(const ModelSpec& spec) {
  Json json = Json::Table{};
  if (spec.layers == Json())
    json.set("name", spec.name);
  else
    json.set("layers", spec.layers);
  for (const Config::Entry& entry : spec.options.entries())
    json.set(entry.name, text::json_of(entry.value));
  return json;
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

std::vector<double> dropout_of(const ModelSpec& spec) {
  std::vector<double> found;
  auto layers = layers_of(spec, kAnyOutputs);
  if (layers.ok()) take_dropout(*layers, found);
  return found;
}

bool same_structure(const ModelSpec& a, const ModelSpec& b) {
  std::vector<double> ignored;
  auto one = layers_of(a, kAnyOutputs), other = layers_of(b, kAnyOutputs);
  if (!one.ok() || !other.ok()) return false;
  take_dropout(*one, ignored);
  take_dropout(*other, ignored);
  return *one == *other;
}

bool only_drops(const ModelSpec& spec, std::string_view option) {
  const auto number = spec.options.find(option)->number();
  if (!number || dropout_of(spec).empty()) return false;
  // A probability may be any number up to 0.99; what else takes this one instead makes a
  // difference.
  ModelSpec changed = spec;
  const double other = *number == 0.25 ? 0.5 : 0.25;
  return set_option(changed, option, other).ok() && same_structure(spec, changed);
}

}  // namespace clavier::train
