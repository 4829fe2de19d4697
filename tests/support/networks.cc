#include "tests/support/networks.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "train/spec/model_spec.h"

namespace clavier::train::testing {
namespace {

/// Threads that wait for each other make tests of tiny networks a hundred times slower on a machine
/// that is busy otherwise.
[[maybe_unused]] const bool kOneThread = (at::set_num_threads(1), true);

const Parameter& at_index(const std::vector<Parameter>& list, int index) {
  return list[static_cast<std::size_t>(index)];
}

class Stock {
 public:
  Stock(const std::vector<at::Tensor>& parameters, std::vector<at::Tensor>& running, bool training)
      : parameters_(parameters), running_(running), training_(training) {}

  at::Tensor list(const std::vector<ShapedLayer>& layers, at::Tensor x) {
    for (const ShapedLayer& layer : layers) x = one(layer, x);
    return x;
  }

 private:
  at::Tensor parameter(int index) const {
    return index < 0 ? at::Tensor() : parameters_[static_cast<std::size_t>(index)];
  }

  at::Tensor one(const ShapedLayer& layer, const at::Tensor& x) {
    const LayerSpec& spec = layer.spec;
    const std::vector<std::int64_t> kernel(2, spec.kernel);
    const std::vector<std::int64_t> stride(2, spec.stride);
    const std::vector<std::int64_t> padding(2, spec.padding);
    const at::Tensor weight = parameter(layer.weight);
    const at::Tensor bias = parameter(layer.bias);
    switch (spec.kind) {
      case LayerKind::kLinear: return at::linear(x, weight, bias);
      case LayerKind::kConv2d: return at::conv2d(x, weight, bias, stride, padding);
      case LayerKind::kBatchNorm:
        return at::batch_norm(x, weight, bias, running_[static_cast<std::size_t>(layer.mean)],
                              running_[static_cast<std::size_t>(layer.variance)], training_,
                              spec.momentum, spec.eps, false);
      case LayerKind::kLayerNorm: return at::layer_norm(x, layer.in.sizes, weight, bias, spec.eps);
      case LayerKind::kMaxPool: return at::max_pool2d(x, kernel, stride, padding);
      case LayerKind::kAvgPool: return at::avg_pool2d(x, kernel, stride, padding);
      case LayerKind::kGlobalAvgPool: return at::adaptive_avg_pool2d(x, {1, 1}).flatten(1);
      case LayerKind::kRelu: return at::relu(x);
      case LayerKind::kGelu: return at::gelu(x);
      case LayerKind::kTanh: return at::tanh(x);
      case LayerKind::kFlatten: return x.flatten(1);
      case LayerKind::kDropout: return x;
      case LayerKind::kResidual: return list(layer.body, x) + list(layer.shortcut, x);
    }
    return x;
  }

  const std::vector<at::Tensor>& parameters_;
  std::vector<at::Tensor>& running_;
  bool training_;
};

}  // namespace

const std::vector<Case>& cases() {
  static const Shape image{{2, 9, 8}};
  static const std::vector<Case> list = {
      {"mlp", R"({"name": "mlp", "hidden": 6, "depth": 2, "activation": "gelu"})", {{7}}},
      {"one linear", R"({"layers": [{"linear": "outputs"}]})", {{7}}},
      {"relu and tanh",
       R"({"layers": ["tanh", {"linear": 5}, "relu", {"linear": 6, "bias": false}, "relu",
           {"linear": "outputs"}]})",
       {{7}}},
      {"convolution, relu, pool",
       R"({"layers": [{"conv2d": 3, "kernel": 3}, "relu", {"max_pool": 2},
           {"conv2d": 5, "kernel": 2}, "relu", "flatten", {"linear": "outputs"}]})",
       image},
      {"convolution, pool, relu",
       R"({"layers": [{"conv2d": 3, "kernel": 3, "padding": 1}, {"max_pool": 3}, "relu",
           {"conv2d": 4, "kernel": 2, "padding": 1, "bias": false}, "flatten",
           {"linear": "outputs"}]})",
       image},
      {"strides and overlapping pools",
       R"({"layers": [{"conv2d": 3, "kernel": 3, "stride": 2, "padding": 1}, "relu",
           {"max_pool": 3, "stride": 1, "padding": 1}, {"conv2d": 4, "kernel": 3, "stride": 2,
           "padding": 2}, {"avg_pool": 2}, "flatten", {"linear": "outputs"}]})",
       image},
      {"batch norm of images",
       R"({"layers": [{"conv2d": 3, "kernel": 3, "bias": false}, "batch_norm", "relu",
           {"conv2d": 4, "kernel": 3}, "batch_norm", "gelu", "global_avg_pool",
           {"linear": "outputs"}]})",
       image},
      {"batch norm and pools",
       R"({"layers": [{"conv2d": 3, "kernel": 2, "stride": 2, "bias": false}, "batch_norm", "relu",
           {"max_pool": 2}, {"conv2d": 5, "kernel": 3, "padding": 1}, "batch_norm",
           {"max_pool": 2}, "gelu", "flatten", {"linear": "outputs"}]})",
       image},
      {"norms of features",
       R"({"layers": [{"linear": 6}, "batch_norm", "relu", {"linear": 5}, "layer_norm", "tanh",
           {"linear": "outputs"}]})",
       {{7}}},
      {"norms of the data",
       R"({"layers": ["layer_norm", {"linear": 5}, "relu", {"linear": "outputs"}]})",
       {{7}}},
      {"residuals",
       R"({"layers": [{"conv2d": 3, "kernel": 3, "padding": 1},
           {"residual": [{"conv2d": 3, "kernel": 3, "padding": 1}, "batch_norm", "relu",
                         {"conv2d": 3, "kernel": 3, "padding": 1}]}, "relu",
           {"residual": [{"conv2d": 4, "kernel": 3, "stride": 2, "padding": 1}, "gelu"],
            "shortcut": [{"conv2d": 4, "kernel": 1, "stride": 2}]},
           "global_avg_pool", {"linear": "outputs"}]})",
       image},
      {"a residual first",
       R"({"layers": [{"residual": [{"conv2d": 2, "kernel": 3, "padding": 1}]}, {"max_pool": 2},
           "flatten", {"linear": "outputs"}]})",
       image},
  };
  return list;
}

Network network_of(const Case& chosen) {
  const auto model = parse_model(chosen.model);
  CHECK(model.ok(), "a test's model");
  const auto layers = layers_of(*model, 4);
  CHECK(layers.ok(), "a test's layers");
  auto network = infer_shapes(*layers, chosen.input, 4);
  CHECK(network.ok(), "a test's network");
  return *std::move(network);
}

std::vector<at::Tensor> leaves(const Array& array, std::int64_t member) {
  std::vector<at::Tensor> result;
  for (const Parameter& place : array.network().parameters) {
    const at::Tensor own = array.parameters()[member].narrow(0, place.offset, place.count);
    result.push_back(own.clone().view(place.sizes).requires_grad_(true));
  }
  return result;
}

at::Tensor stock_forward(const Network& network, const std::vector<at::Tensor>& parameters,
                         std::vector<at::Tensor>& running, const at::Tensor& input, bool training) {
  return Stock(parameters, running, training).list(network.layers, input);
}

std::vector<at::Tensor> fresh_running(const Network& network, at::ScalarType dtype) {
  std::vector<at::Tensor> running;
  for (std::size_t i = 0; i < network.buffers.size(); ++i) {
    const Parameter& place = at_index(network.buffers, static_cast<int>(i));
    running.push_back(at::full(place.sizes, place.value, dtype));
  }
  return running;
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  const double scale = std::max(b.abs().max().item<double>(), 1e-3);
  return (a - b).abs().max().item<double>() / scale;
}

}  // namespace clavier::train::testing
