#include "train/spec/layer_json.h"

#include <array>

#include <fmt/format.h>

#include "base/nearest.h"
#include "train/spec/keys.h"

// A list of layers is read more than once: when the study file is checked, to learn which numbers
// it names, and for every trial with that trial's numbers. So names are looked up where a number is
// needed and nothing is remembered. A kind is a word and the fields it understands; what is common
// to kinds (sizes, windows, norms) is said once in the table of fields.
namespace clavier::train {
namespace {

constexpr int kDeepest = 8;
constexpr double kLargest = 1 << 20;

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

using L = LayerSpec;

constexpr FieldInfo count(std::string_view key) {
  return {key, 1, kLargest, "", "a whole number from 1 to 1048576"};
}
constexpr FieldInfo part(std::string_view key) { return {key, 0, 1, "", "from 0 to 1"}; }

const Field<L> kName = field<&L::name>({"name", 1, 0, "", "text"});
const Field<L> kOut = field<&L::out>(count("out")), kKernel = field<&L::kernel>(count("kernel")),
               kStride = field<&L::stride>(count("stride")),
               kPadding = field<&L::padding>(
                   {"padding", 0, kLargest, "", "a whole number from 0 to 1048576"});
const Field<L> kBias = field<&L::bias>({"bias"}), kGrows = field<&L::grows>({"grows"});
const Field<L> kEps = field<&L::eps>(part("eps")),
               kMomentum = field<&L::momentum>(part("momentum"));
const Field<L> kProbability =
    field<&L::probability>({"dropout", 0, kBelow1, "", "at least 0 and below 1"});

/// Which further keys a kind understands; `shortcut` besides, of a residual block.
std::vector<const Field<L>*> keys_of(LayerKind kind) {
  std::vector<const Field<L>*> keys = {&kName};
  if (kind == LayerKind::kConv2d) keys.push_back(&kKernel);
  if (windowed(kind)) keys.insert(keys.end(), {&kStride, &kPadding});
  if (sized(kind)) keys.insert(keys.end(), {&kBias, &kGrows});
  if (norm(kind)) keys.push_back(&kEps);
  if (kind == LayerKind::kBatchNorm) keys.push_back(&kMomentum);
  return keys;
}

class Reader {
 public:
  explicit Reader(const LookUp& look_up) : look_up_(look_up) {}

  Result<std::vector<LayerSpec>> list(const Json& json, const std::string& place, int depth) {
    const auto* items = json.as<Json::List>();
    if (!items) return invalid(place + " must be a list of layers");
    if (depth > kDeepest) return invalid(fmt::format("{} is nested too deeply", place));
    std::vector<LayerSpec> layers;
    for (std::size_t i = 0; i < items->size(); ++i)
      layers.push_back(TRY(layer((*items)[i], fmt::format("{}[{}]", place, i), depth)));
    return layers;
  }

 private:
  Result<LayerSpec> layer(const Json& json, const std::string& place, int depth) {
    LayerSpec spec;
    if (const auto* name = json.as<std::string>()) {
      spec.kind = TRY(kind(*name, place));
      if (sized(spec.kind) || windowed(spec.kind) || spec.kind == LayerKind::kDropout ||
          spec.kind == LayerKind::kResidual)
        return invalid(fmt::format("{}: '{}' needs a value, as in {{{} = …}}", place,
                                   word(spec.kind), word(spec.kind)));
      return spec;
    }
    const auto* table = json.as<Json::Table>();
    if (!table)
      return invalid(place + " must be the name of a layer or a table such as {linear = 64}");
    const Kind* found = nullptr;
    for (const Kind& candidate : kKinds)
      if (json.find(candidate.word)) found = &candidate;
    if (!found)
      return invalid(fmt::format("{} names no kind of layer{}", place,
                                 suggestion(table->empty() ? "" : table->front().name, kinds())));
    spec.kind = found->kind;
    const std::string here = fmt::format("{} ({})", place, found->word);
    TRY(value(spec, *json.find(found->word), here, depth));
    for (const auto& [key, entry] : *table)
      if (key != found->word) TRY(option(spec, key, entry, here, depth));
    if (spec.kind == LayerKind::kConv2d && spec.kernel == 0)
      return invalid(here + " needs a kernel, as in {conv2d = 16, kernel = 3}");
    return spec;
  }

  /// What stands beside the kind's own word.
  Status value(LayerSpec& spec, const Json& json, const std::string& place, int depth) {
    if (sized(spec.kind)) return set(kOut, spec, json, place);
    if (windowed(spec.kind)) {
      TRY(set(kKernel, spec, json, place));
      spec.stride = spec.kernel;
    } else if (spec.kind == LayerKind::kDropout) {
      return set(kProbability, spec, json, place);
    } else if (spec.kind == LayerKind::kResidual) {
      spec.body = TRY(list(json, place + ".residual", depth + 1));
    } else if (json != Json(true)) {
      return invalid(place + " takes no value: write the word alone or `= true`");
    }
    return {};
  }

  Status option(LayerSpec& spec, const std::string& key, const Json& json, const std::string& place,
                int depth) {
    const std::string here = place + "." + key;
    std::vector<std::string> known;
    for (const Field<L>* field : keys_of(spec.kind)) {
      if (field->key == key) return set(*field, spec, json, here);
      known.emplace_back(field->key);
    }
    if (spec.kind == LayerKind::kResidual) known.emplace_back("shortcut");
    if (known.back() != "shortcut" || key != "shortcut")
      return invalid(fmt::format("{} has no key '{}'{}", place, key, suggestion(key, known)));
    spec.shortcut = TRY(list(json, here, depth + 1));
    return {};
  }

  /// A number may be given by name.
  Status set(const Field<L>& field, LayerSpec& spec, const Json& json, const std::string& place) {
    const bool is_number = field.write({}).number().has_value();
    Json number = json;
    if (const auto* name = json.as<std::string>(); name && is_number) {
      const Value* value = look_up_(*name);
      if (!value)
        return invalid(fmt::format(
            "{}: there is no number '{}': add it beside `layers` with a default", place, *name));
      if (!value->number()) return invalid(fmt::format("{}: '{}' is not a number", place, *name));
      number = *value->number();
    }
    number = exact(number);
    if (const Fit wrong = field.read(field, number, spec)) return invalid(must_be(place, *wrong));
    if (&field == &kName && spec.name.empty()) return invalid(place + " must be text");
    return {};
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

Result<std::vector<LayerSpec>> layers_from_json(const Json& json, const LookUp& look_up) {
  return Reader(look_up).list(json, "trainer.model.layers", 0);
}

}  // namespace clavier::train
