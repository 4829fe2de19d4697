#include "train/fuse/array.h"

#include <ATen/ATen.h>

#include "base/check.h"
#include "base/rng.h"
#include "train/fuse/build.h"

namespace clavier::train {
namespace {

constexpr std::uint64_t kInitWord = 0x696e6974;  // "init"

double draw(const Parameter& parameter, Rng& rng) {
  if (parameter.deviation > 0) return parameter.deviation * rng.normal();
  if (parameter.bound > 0) return parameter.bound * (2 * rng.uniform() - 1);
  return parameter.value;
}

}  // namespace

Array::Array(Network network, std::int64_t members, const ArrayOptions& options)
    : network_(std::move(network)), members_(members), options_(options) {
  const auto type = at::TensorOptions().dtype(options.dtype).device(options.device);
  parameters_ = at::zeros({members, network_.parameter_count}, type);
  gradients_ = at::zeros({members, network_.parameter_count}, type);
  buffers_ = at::zeros({members, network_.buffer_count}, type);
  for (const Parameter& buffer : network_.buffers)
    buffers_.narrow(1, buffer.offset, buffer.count).fill_(buffer.value);
  layers_ = build_layers(*this, options_.plan);
  if (!options_.evaluation.empty() && options_.evaluation != options_.plan)
    evaluation_ = build_layers(*this, options_.evaluation);
}

Slot Array::slot(int parameter) const {
  const Parameter& place = network_.parameters[static_cast<std::size_t>(parameter)];
  std::vector<std::int64_t> sizes = {members_};
  sizes.insert(sizes.end(), place.sizes.begin(), place.sizes.end());
  std::vector<std::int64_t> strides(sizes.size(), 1);
  for (std::size_t i = sizes.size() - 1; i > 1; --i) strides[i - 1] = strides[i] * sizes[i];
  strides[0] = network_.parameter_count;
  const auto view = [&](const at::Tensor& flat) {
    return flat.as_strided(sizes, strides, place.offset);
  };
  return {view(parameters_), view(gradients_)};
}

void Array::initialise(std::span<const std::uint64_t> seeds) {
  CHECK(static_cast<std::int64_t>(seeds.size()) == members_, "one seed per member");
  at::Tensor drawn = at::empty(parameters_.sizes(), parameters_.options().device(at::kCPU));
  AT_DISPATCH_FLOATING_TYPES(options_.dtype, "initialise", [&] {
    for (std::int64_t member = 0; member < members_; ++member) {
      auto* row = drawn.mutable_data_ptr<scalar_t>() + member * network_.parameter_count;
      for (std::size_t i = 0; i < network_.parameters.size(); ++i) {
        const Parameter& place = network_.parameters[i];
        Rng rng = Rng::keyed(seeds[static_cast<std::size_t>(member)], kInitWord, i);
        for (std::int64_t k = 0; k < place.count; ++k)
          row[place.offset + k] = static_cast<scalar_t>(draw(place, rng));
      }
    }
  });
  parameters_.copy_(drawn);
}

at::Tensor Array::forward(const at::Tensor& input, const Pass& pass) {
  at::Tensor x = input;
  const auto& layers = pass.training || evaluation_.empty() ? layers_ : evaluation_;
  for (const LayerPtr& layer : layers) x = layer->forward(x, pass);
  return members_ == 1 ? x.unsqueeze(0) : x;
}

void Array::backward(const at::Tensor& gradient) {
  at::Tensor g = members_ == 1 ? gradient[0] : gradient;
  for (auto layer = layers_.rbegin(); layer != layers_.rend() && g.defined(); ++layer)
    g = (*layer)->backward(std::move(g));
}

}  // namespace clavier::train
