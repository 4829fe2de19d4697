#include "train/spec/layer_json.h"

#include <array>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/nearest.h"

namespace clavier::train {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 8;
constexpr std::int64_t kLargest = 1 << 20;

struct Kind {
  LayerKind kind;
  std::string_view word;
};
constexpr std::array<Kind, 13> kKinds = {{{LayerKind::kLinear, "linear"},
                                          {LayerKind::kConv2d, "conv2d"},
                                          {LayerKind::kBatchNorm, "batch_norm"},
                                          {LayerKind::kLayerNorm, "layer_norm"},
                                          {LayerKind::kMaxPool, "max_pool"},
                                          {LayerKind::kAvgPool, "avg_pool"},
                                          {LayerKind::kGlobalAvgPool, "global_avg_pool"},
                                          {LayerKind::kRelu, "relu"},
                                          {LayerKind::kGelu, "gelu"},
                                          {LayerKind::kTanh, "tanh"},
                                          {LayerKind::kFlatten, "flatten"},
                                          {LayerKind::kDropout, "dropout"},
                                          {LayerKind::kResidual, "residual"}}};

bool windowed(LayerKind kind) {
  return kind == LayerKind::kConv2d || kind == LayerKind::kMaxPool || kind == LayerKind::kAvgPool;
}
bool sized(LayerKind kind) { return kind == LayerKind::kLinear || kind == LayerKind::kConv2d; }
bool norm(LayerKind kind) { return kind == LayerKind::kBatchNorm || kind == LayerKind::kLayerNorm; }

/// Which further keys a kind understands.
std::vector<std::string> keys_of(LayerKind kind) {
  std::vector<std::string> keys = {"name"};
  if (kind == LayerKind::kConv2d) keys.push_back("kernel");
  if (windowed(kind)) keys.insert(keys.end(), {"stride", "padding"});
  if (sized(kind)) keys.insert(keys.end(), {"bias", "grows"});
  if (norm(kind)) keys.push_back("eps");
  if (kind == LayerKind::kBatchNorm) keys.push_back("momentum");
  if (kind == LayerKind::kResidual) keys.push_back("shortcut");
  return keys;
}

class Reader {
 public:
  explicit Reader(const LookUp& look_up) : look_up_(look_up) {}

  Result<std::vector<LayerSpec>> list(const Json& json, const std::string& place, int depth) {
    if (!json.is_array()) return invalid(place + " must be a list of layers");
    if (depth > kDeepest) return invalid(fmt::format("{} is nested too deeply", place));
    std::vector<LayerSpec> layers;
    for (std::size_t i = 0; i < json.size(); ++i)
      layers.push_back(TRY(layer(json[i], fmt::format("{}[{}]", place, i), depth)));
    return layers;
  }

 private:
  Result<LayerSpec> layer(const Json& json, const std::string& place, int depth) {
    LayerSpec spec;
    if (json.is_string()) {
      spec.kind = TRY(kind(json.get<std::string>(), place));
      if (sized(spec.kind) || windowed(spec.kind) || spec.kind == LayerKind::kDropout ||
          spec.kind == LayerKind::kResidual)
        return invalid(fmt::format("{}: '{}' needs a value, as in {{{} = …}}", place,
                                   word(spec.kind), word(spec.kind)));
      return spec;
    }
    if (!json.is_object())
      return invalid(place + " must be the name of a layer or a table such as {linear = 64}");
    const Kind* found = nullptr;
    for (const Kind& candidate : kKinds)
      if (json.contains(candidate.word)) found = &candidate;
    if (!found) {
      const std::string first = json.empty() ? "" : json.begin().key();
      return invalid(fmt::format("{} names no kind of layer{}", place, suggestion(first, kinds())));
    }
    spec.kind = found->kind;
    const std::string here = fmt::format("{} ({})", place, found->word);
    const Status main = value(spec, json.at(found->word), here, depth);
    if (!main.ok()) return main.error();
    for (const auto& [key, entry] : json.items()) {
      if (key == found->word) continue;
      const Status status = option(spec, key, entry, here, depth);
      if (!status.ok()) return status.error();
    }
    if (spec.kind == LayerKind::kConv2d && spec.kernel == 0)
      return invalid(here + " needs a kernel, as in {conv2d = 16, kernel = 3}");
    return spec;
  }

  /// What stands beside the kind's own word.
  Status value(LayerSpec& spec, const Json& json, const std::string& place, int depth) {
    if (sized(spec.kind)) {
      spec.out = TRY(whole(json, place, 1));
    } else if (spec.kind == LayerKind::kMaxPool || spec.kind == LayerKind::kAvgPool) {
      spec.kernel = spec.stride = TRY(whole(json, place, 1));
    } else if (spec.kind == LayerKind::kDropout) {
      spec.probability = TRY(real(json, place, 0, 1));
      if (spec.probability == 1) return invalid(place + " must be below 1");
    } else if (spec.kind == LayerKind::kResidual) {
      spec.body = TRY(list(json, place + ".residual", depth + 1));
    } else if (json != true) {
      return invalid(place + " takes no value: write the word alone or `= true`");
    }
    return {};
  }

  Status option(LayerSpec& spec, const std::string& key, const Json& json, const std::string& place,
                int depth) {
    const std::vector<std::string> known = keys_of(spec.kind);
    bool understood = false;
    for (const std::string& name : known) understood = understood || name == key;
    if (!understood)
      return invalid(fmt::format("{} has no key '{}'{}", place, key, suggestion(key, known)));
    const std::string here = place + "." + key;
    if (key == "name") {
      if (!json.is_string() || json.get<std::string>().empty())
        return invalid(here + " must be text");
      spec.name = json.get<std::string>();
    } else if (key == "kernel") {
      spec.kernel = TRY(whole(json, here, 1));
    } else if (key == "stride") {
      spec.stride = TRY(whole(json, here, 1));
    } else if (key == "padding") {
      spec.padding = TRY(whole(json, here, 0));
    } else if (key == "bias" || key == "grows") {
      if (!json.is_boolean()) return invalid(here + " must be true or false");
      (key == "bias" ? spec.bias : spec.grows) = json.get<bool>();
    } else if (key == "eps") {
      spec.eps = TRY(real(json, here, 0, 1));
    } else if (key == "momentum") {
      spec.momentum = TRY(real(json, here, 0, 1));
    } else {
      spec.shortcut = TRY(list(json, here, depth + 1));
    }
    return {};
  }

  Result<double> number(const Json& json, const std::string& place) {
    if (json.is_number()) return json.get<double>();
    if (!json.is_string()) return invalid(place + " must be a number or the name of one");
    const std::string name = json.get<std::string>();
    const Value* value = look_up_(name);
    if (!value)
      return invalid(
          fmt::format("{}: there is no number '{}': add it beside `layers` with a "
                      "default",
                      place, name));
    if (const auto number = value->number()) return *number;
    return invalid(fmt::format("{}: '{}' is not a number", place, name));
  }

  Result<std::int64_t> whole(const Json& json, const std::string& place, std::int64_t low) {
    const double number = TRY(this->number(json, place));
    if (!(number >= static_cast<double>(low) && number <= kLargest) || number != std::floor(number))
      return invalid(fmt::format("{} must be a whole number from {} to {}, but is {}", place, low,
                                 kLargest, number));
    return static_cast<std::int64_t>(number);
  }

  Result<double> real(const Json& json, const std::string& place, double low, double high) {
    const double number = TRY(this->number(json, place));
    if (!(number >= low && number <= high))
      return invalid(fmt::format("{} must be from {} to {}, but is {}", place, low, high, number));
    return number;
  }

  static std::vector<std::string> kinds() {
    std::vector<std::string> words;
    for (const Kind& kind : kKinds) words.emplace_back(kind.word);
    return words;
  }

  static Result<LayerKind> kind(const std::string& name, const std::string& place) {
    for (const Kind& candidate : kKinds)
      if (candidate.word == name) return candidate.kind;
    return invalid(
        fmt::format("{}: there is no layer '{}'{}", place, name, suggestion(name, kinds())));
  }

  const LookUp& look_up_;
};

}  // namespace

std::string_view word(LayerKind kind) {
  for (const Kind& candidate : kKinds)
    if (candidate.kind == kind) return candidate.word;
  CHECK(false, "unknown layer kind");
}

Result<std::vector<LayerSpec>> layers_from_json(std::string_view json, const LookUp& look_up) {
  const Json parsed = Json::parse(json, nullptr, false);
  if (parsed.is_discarded()) return invalid("trainer.model.layers is not valid JSON");
  return Reader(look_up).list(parsed, "trainer.model.layers", 0);
}

}  // namespace clavier::train
