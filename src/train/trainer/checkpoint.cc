#include "train/trainer/checkpoint.h"

#include <cstring>
#include <fstream>
#include <sstream>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "train/data/facts.h"
#include "train/data/safetensors.h"

namespace clavier::train {
namespace {

using data::Dtype;
using data::SafeTensors;
using data::TensorView;
using std::filesystem::path;

constexpr int kFormat = 1;

Dtype dtype_of(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kDouble ? Dtype::kF64 : Dtype::kF32;
}

at::Tensor row(const at::Tensor& flat, std::size_t member) {
  return flat[static_cast<std::int64_t>(member)];
}

/// A member's row as tensors of a file. `kept` holds the bytes that the views point to.
void add_views(const at::Tensor& flat, const std::vector<Parameter>& places,
               const std::string& prefix, std::vector<at::Tensor>& kept,
               std::vector<TensorView>& views) {
  for (const Parameter& place : places) {
    kept.push_back(flat.narrow(0, place.offset, place.count).cpu().contiguous());
    const at::Tensor& tensor = kept.back();
    views.push_back({prefix + place.name,
                     dtype_of(tensor),
                     place.sizes,
                     {static_cast<const std::byte*>(tensor.const_data_ptr()),
                      static_cast<std::size_t>(tensor.nbytes())}});
  }
}

Status read_into(const SafeTensors& file, const path& origin, const std::string& prefix,
                 const std::vector<Parameter>& places, const at::Tensor& flat) {
  for (const Parameter& place : places) {
    const TensorView* view = file.find(prefix + place.name);
    if (!view)
      return invalid(fmt::format("{} has no tensor '{}': it is of another network", origin.string(),
                                 prefix + place.name));
    if (view->shape != place.sizes || (view->dtype != Dtype::kF32 && view->dtype != Dtype::kF64))
      return invalid(fmt::format("{}: tensor '{}' is {} of {}, but the network needs numbers of {}",
                                 origin.string(), view->name, name(view->dtype),
                                 fmt::join(view->shape, "x"), fmt::join(place.sizes, "x")));
    at::Tensor numbers =
        at::empty({place.count}, view->dtype == Dtype::kF64 ? at::kDouble : at::kFloat);
    std::memcpy(numbers.mutable_data_ptr(), view->bytes.data(), view->bytes.size());
    flat.narrow(0, place.offset, place.count).copy_(numbers);
  }
  return {};
}

std::vector<std::string> moment_names(OptimizerKind kind) {
  if (kind == OptimizerKind::kSgd) return {"momentum/"};
  return {"first_moment/", "second_moment/"};
}

Status write_text(const path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out)
    return io_error(fmt::format("cannot write {}: {}", file.string(), std::strerror(errno)));
  return {};
}

Result<Json> read_json(const path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return not_found(fmt::format("{} cannot be opened", file.string()));
  std::ostringstream text;
  text << in.rdbuf();
  auto json = Json::parse(text.str());
  if (!json || !json->as<Json::Table>())
    return corrupt(fmt::format("{} is not JSON", file.string()));
  return json;
}

/// What trainer.json says besides the specification.
struct Notes {
  Position position;
  std::int64_t steps = 0;
  std::uint64_t seed = 0;
  std::string optimizer;
  bool facts = false;  ///< Says of which data it is.
};

Result<Notes> read_notes(const path& file) {
  const Json json = TRY(read_json(file));
  const auto refuse = [&](std::string_view key) {
    return corrupt(fmt::format("{}: '{}' must be a whole number ≥ 0", file.string(), key));
  };
  const auto whole = [&](const char* key) -> Result<std::int64_t> {
    const auto* number = json.find_as<std::int64_t>(key);
    if (!number || *number < 0 || *number > (std::int64_t{1} << 62)) return refuse(key);
    return *number;
  };
  if (TRY(whole("format")) != kFormat)
    return invalid(fmt::format("{} is of a newer version of clavier", file.string()));
  Notes notes;
  notes.steps = TRY(whole("optimizer_steps"));
  // Checkpoints of the first version counted the optimizer's steps only.
  notes.position = {TRY(whole("epoch")), TRY(whole("samples")),
                    json.find("batches") ? TRY(whole("batches")) : notes.steps};
  const Json* seed = json.find("seed");
  const auto* large = seed ? seed->as<std::uint64_t>() : nullptr;
  const auto* small = seed ? seed->as<std::int64_t>() : nullptr;
  if (!large && !(small && *small >= 0)) return refuse("seed");
  notes.seed = large ? *large : static_cast<std::uint64_t>(*small);
  if (const Json* trainer = json.find("trainer"))
    if (const auto* optimizer = trainer->find_as<std::string>("optimizer"))
      notes.optimizer = *optimizer;
  notes.facts = json.find("data") != nullptr;
  return notes;
}

}  // namespace

Status save_checkpoint(const Training& training, const path& directory, std::size_t member) {
  const Array& array = training.array();
  const Network& network = array.network();
  std::vector<at::Tensor> kept;
  std::vector<TensorView> model;
  add_views(row(array.parameters(), member), network.parameters, "", kept, model);
  add_views(row(array.buffers(), member), network.buffers, "", kept, model);
  Status status = data::write_safetensors(directory / "model.safetensors", model);
  if (!status.ok()) return status;
  const Optimizer& optimizer = training.optimizer();
  std::vector<TensorView> moments;
  const std::vector<std::string> names = moment_names(optimizer.kind());
  for (std::size_t i = 0; i < names.size(); ++i)
    add_views(row(optimizer.moments()[i], member), network.parameters, names[i], kept, moments);
  status = data::write_safetensors(directory / "optimizer.safetensors", moments);
  if (!status.ok()) return status;
  const Position& position = training.position();
  const Json json = Json::Table{{"format", kFormat},
                                {"trainer", to_json(training.spec(member))},
                                {"input", network.input.sizes},
                                {"outputs", network.outputs},
                                {"epoch", position.epoch},
                                {"samples", position.samples},
                                {"batches", position.batches},
                                {"optimizer_steps", optimizer.steps()[member]},
                                {"seed", training.seed(member)},
                                {"data", training.samples().facts}};
  return write_text(directory / "trainer.json", to_text(json, {.indent = 1}) + "\n");
}

Status load_model(Array& array, const path& directory, std::size_t member) {
  const path file = directory / "model.safetensors";
  const SafeTensors tensors = TRY(data::read_safetensors(file));
  const Status status =
      read_into(tensors, file, "", array.network().parameters, row(array.parameters(), member));
  if (!status.ok()) return status;
  return read_into(tensors, file, "", array.network().buffers, row(array.buffers(), member));
}

Result<Position> read_position(const path& directory) {
  return TRY(read_notes(directory / "trainer.json")).position;
}

Status load_checkpoint(Training& training, const path& directory, std::size_t member) {
  const Notes notes = TRY(read_notes(directory / "trainer.json"));
  const Samples& samples = training.samples();
  if (!notes.facts && (samples.target_mean != 0 || samples.target_deviation != 1))
    return invalid(
        fmt::format("{} is of an older version, which did not standardise targets: set "
                    "standardise = false in trainer.data to go on with it",
                    directory.string()));
  const Status status = load_model(training.array(), directory, member);
  if (!status.ok()) return status;
  Optimizer& optimizer = training.optimizer();
  const std::string own = *to_json(training.spec(member)).find_as<std::string>("optimizer");
  const bool same = own == notes.optimizer || (own != "sgd" && notes.optimizer.starts_with("adam"));
  if (same) {
    const path file = directory / "optimizer.safetensors";
    const SafeTensors tensors = TRY(data::read_safetensors(file));
    const std::vector<std::string> names = moment_names(optimizer.kind());
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Status read = read_into(tensors, file, names[i], training.array().network().parameters,
                                    row(optimizer.moments()[i], member));
      if (!read.ok()) return read;
    }
    optimizer.steps()[member] = notes.steps;
  }
  training.set_position(notes.position);
  training.set_seed(member, notes.seed);
  return {};
}

Result<CheckpointNotes> read_checkpoint_notes(const path& directory) {
  const path file = directory / "trainer.json";
  const Json json = TRY(read_json(file));
  const Json *trainer = json.find("trainer"), *facts = json.find("data");
  if (!trainer) return corrupt(fmt::format("{}: 'trainer' is missing", file.string()));
  CheckpointNotes notes{TRY(read_trainer(*trainer)), {}};
  if (facts) notes.facts = TRY(data::parse_facts(to_text(*facts), file.string()));
  return notes;
}

}  // namespace clavier::train
