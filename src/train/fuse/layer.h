#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/util/Logging.h>  // Before base/check.h, whose CHECK is meant.

#include "train/spec/shape.h"

namespace clavier::train {

/// Who does the arithmetic on a processor: our own loops where there are some, or the library
/// alone, as on every other device.
enum class Kernels { kOwn, kLibrary };

/// One trip through the network.
struct Pass {
  bool training = false;
  std::span<const std::uint64_t> seeds = {};  ///< Of the members' trials, for dropout.
  std::int64_t step = 0;                      ///< Batches trained before; keys dropout.
};

/// A parameter of all members: (F, sizes…), views of the flat buffers.
struct Slot {
  at::Tensor value;
  at::Tensor gradient;
};

/// A layer of F members at once, with its own backward pass: no graph is recorded, which halves the
/// time of a step of a small network. Activations are
///   images    (N, F·C, H, W), members stacked on channels,
///   features  (F, N, D), or (N, D) at F = 1,
/// and without F, whatever F is, as long as nothing has told the members apart ("shared": the data
/// themselves and what follows from them without parameters).
class Layer {
 public:
  virtual ~Layer() = default;

  /// With `pass.training`, keeps what `backward` needs until then.
  virtual at::Tensor forward(const at::Tensor& input, const Pass& pass) = 0;
  /// Takes the loss's gradient by the output, which it may overwrite; sets the gradients of its
  /// parameters; returns the gradient by the input, or an undefined tensor where nobody needs it.
  /// REQUIRES: a forward pass in training before it, and gradients of zero.
  virtual at::Tensor backward(at::Tensor gradient) = 0;
};

/// What building a layer must know of its surroundings.
struct LayerOptions {
  std::int64_t members = 1;
  bool shared = false;         ///< Its input is.
  bool input_gradient = true;  ///< Somebody needs the gradient by its input.
  bool plain = false;          ///< On a processor with our own kernels.
};

using LayerPtr = std::unique_ptr<Layer>;

LayerPtr make_linear(const ShapedLayer& layer, const LayerOptions& options, Slot weight, Slot bias,
                     bool relu);
/// Any convolution, through the library.
LayerPtr make_convolution(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                          Slot bias);
/// Stride 1, on a processor, with the ReLU and the pooling (a window without overlap; 1: none)
/// behind it in the same pass over the numbers.
LayerPtr make_plain_convolution(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                                Slot bias, bool relu, std::int64_t pool);
LayerPtr make_batch_norm(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                         Slot bias, at::Tensor mean, at::Tensor variance);
LayerPtr make_layer_norm(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                         Slot bias);
LayerPtr make_pool(const ShapedLayer& layer, const LayerOptions& options);
LayerPtr make_activation(const ShapedLayer& layer);
LayerPtr make_flatten(const ShapedLayer& layer, const LayerOptions& options);
LayerPtr make_dropout(const ShapedLayer& layer, const LayerOptions& options);
/// Gives every member its own copy of a shared input.
LayerPtr make_expand(const ShapedLayer& layer, const LayerOptions& options);
LayerPtr make_residual(std::vector<LayerPtr> body, std::vector<LayerPtr> shortcut,
                       const LayerOptions& options);

}  // namespace clavier::train
