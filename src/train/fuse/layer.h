#pragma once

#include <cstdint>
#include <functional>
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

/// With our own kernels, who does a convolution: loops (stride 1; best with few channels), products
/// of matrices (each member by itself; 3 x 3 of stride 1 by Winograd's transforms), or the library,
/// which is also asked where the others cannot.
enum class Convolver { kLoops, kProducts, kLibrary };

/// One for every convolution, in the order in which they run; or one for all of them; or none: by a
/// rule of thumb.
using Plan = std::vector<Convolver>;

/// `wanted` where the layer can be done so, else the library.
Convolver possible(const ShapedLayer& layer, Convolver wanted, std::int64_t members);

/// How long the stretch from each convolution to the next takes, when it is asked for.
struct Stopwatch {
  std::function<double()> clock;
  std::vector<double> seconds;
  double last = 0;
  std::size_t current = 0;  ///< The convolution that has run last.

  /// What passed since the last lap belongs to `index`.
  void lap(std::size_t index) {
    const double now = clock();
    seconds[index] += now - last;
    last = now;
  }
};

/// One trip through the network.
struct Pass {
  bool training = false;
  std::span<const std::uint64_t> seeds = {};  ///< Of the members' trials, for dropout.
  std::int64_t step = 0;                      ///< Batches trained before; keys dropout.
  /// By member, the probability of each dropout layer by its number. Empty: the network's.
  std::span<const std::vector<double>> dropout = {};
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
  /// Takes the loss's gradient by the output; sets the gradients of its parameters; returns the
  /// gradient by the input, or an undefined tensor where nobody needs it.
  /// REQUIRES: a forward pass in training before it.
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
/// A convolution by products of matrices. REQUIRES: `possible`.
LayerPtr make_matrix_convolution(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                                 Slot bias);
LayerPtr make_batch_norm(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                         Slot bias, at::Tensor mean, at::Tensor variance);
/// On a processor, with the ReLU and the largest of every 2 x 2 behind it in the same pass.
/// REQUIRES: for `pool`, an image of even sizes.
LayerPtr make_plain_batch_norm(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                               Slot bias, at::Tensor mean, at::Tensor variance, bool relu,
                               bool pool);
LayerPtr make_layer_norm(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                         Slot bias);
LayerPtr make_pool(const ShapedLayer& layer, const LayerOptions& options);
LayerPtr make_activation(const ShapedLayer& layer);
LayerPtr make_flatten(const ShapedLayer& layer, const LayerOptions& options);
LayerPtr make_dropout(const ShapedLayer& layer, const LayerOptions& options);
/// Gives every member its own copy of a shared input.
LayerPtr make_expand(const ShapedLayer& layer, const LayerOptions& options);
/// Stands before convolution `number` and tells the watch of it; changes nothing.
LayerPtr make_mark(std::size_t number, Stopwatch& watch);
/// The sum of both ways, and the ReLU behind it.
LayerPtr make_residual(std::vector<LayerPtr> body, std::vector<LayerPtr> shortcut,
                       const LayerOptions& options, bool relu);

}  // namespace clavier::train
