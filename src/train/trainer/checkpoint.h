#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "train/trainer/training.h"

namespace clavier::train {

/// A checkpoint is a directory with
///   model.safetensors      every parameter and running statistic by its name (`conv1.weight`),
///   optimizer.safetensors  the moments by name and parameter (`momentum/conv1.weight`),
///   trainer.json           specification, input, position, steps, seeds, and under `data` what a
///                          user of the model must know of them (data/facts.h).
/// The tensors are what Python's `safetensors` reads; sizes are those of one model.
Status save_checkpoint(const Training& training, const std::filesystem::path& directory,
                       std::size_t member = 0);

/// A member continues where the checkpoint ended, bit for bit if the specification is the same. The
/// specification may differ in what is no weight: the learning rate and its kin, the batch size,
/// the optimizer (whose moments then start anew). Fails, naming the parameter, if the network
/// differs.
/// The position becomes that of all members.
Status load_checkpoint(Training& training, const std::filesystem::path& directory,
                       std::size_t member = 0);
/// Where it goes on.
Result<Position> read_position(const std::filesystem::path& directory);

/// The weights alone, to use the model.
Status load_model(Array& array, const std::filesystem::path& directory, std::size_t member = 0);

/// What stands beside the weights.
struct CheckpointNotes {
  TrainerSpec spec;
  std::optional<data::Dataset> facts;  ///< Of the data; none in checkpoints of older versions.
};
Result<CheckpointNotes> read_checkpoint_notes(const std::filesystem::path& directory);

}  // namespace clavier::train
