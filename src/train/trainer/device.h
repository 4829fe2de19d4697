#pragma once

#include <string_view>

#include <c10/core/Device.h>

#include "base/result.h"

namespace clavier::train {

/// "auto" is the first GPU, if LibTorch has one to offer, else the processor. Fails for a GPU that
/// is not there, saying how many are.
Result<c10::Device> choose_device(std::string_view name);

/// One thread unless OMP_NUM_THREADS asks for more: several trials share the machine, and threads
/// that wait for each other across processes cost more than they bring.
void use_few_threads();

/// What a step frees stays with the process for the next one. Otherwise large tensors are pages
/// that the kernel takes away and clears anew in every step: a sixth of a ResNet's time.
void keep_freed_memory();

}  // namespace clavier::train
