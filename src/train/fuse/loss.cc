#include "train/fuse/loss.h"

#include <cmath>

#include <ATen/ATen.h>

namespace clavier::train {
namespace {

/// One row of logits; returns its loss and whether the largest logit is the right one.
template <typename T>
std::pair<double, bool> cross_entropy_row(const T* logits, std::int64_t classes, std::int64_t label,
                                          double smoothing, double scale, T* gradient) {
  std::int64_t best = 0;
  for (std::int64_t k = 1; k < classes; ++k)
    if (logits[k] > logits[best]) best = k;
  const T top = logits[best];
  T sum = 0;
  for (std::int64_t k = 0; k < classes; ++k) sum += std::exp(logits[k] - top);
  const T log_sum = std::log(sum) + top;
  double all = 0;
  for (std::int64_t k = 0; smoothing > 0 && k < classes; ++k) all += log_sum - logits[k];
  const double even = smoothing / static_cast<double>(classes);
  const double loss = (1 - smoothing) * (log_sum - logits[label]) + even * all;
  for (std::int64_t k = 0; gradient && k < classes; ++k) {
    const double wanted = even + (k == label ? 1 - smoothing : 0);
    gradient[k] = static_cast<T>((std::exp(logits[k] - log_sum) - wanted) * scale);
  }
  return {loss, best == label && !std::isnan(loss)};
}

template <typename T>
void cross_entropy_plain(const at::Tensor& logits, const at::Tensor& targets,
                         std::span<const double> smoothing, Totals& totals, T* gradient) {
  const std::int64_t batch = logits.size(1);
  const std::int64_t classes = logits.size(2);
  const T* row = logits.const_data_ptr<T>();
  const auto* labels = targets.const_data_ptr<std::int64_t>();
  auto* loss = totals.loss.mutable_data_ptr<double>();
  auto* correct = totals.correct.mutable_data_ptr<double>();
  for (std::int64_t member = 0; member < logits.size(0); ++member) {
    const double part = smoothing.empty() ? 0 : smoothing[static_cast<std::size_t>(member)];
    for (std::int64_t n = 0; n < batch; ++n, row += classes) {
      const auto [value, right] = cross_entropy_row(row, classes, labels[n], part,
                                                    1 / static_cast<double>(batch), gradient);
      loss[member] += value;
      correct[member] += right;
      if (gradient) gradient += classes;
    }
  }
}

/// The same with the library's operators, for every device.
void cross_entropy(const at::Tensor& logits, const at::Tensor& targets,
                   std::span<const double> smoothing, Totals& totals, at::Tensor* gradient) {
  const std::int64_t members = logits.size(0);
  const std::int64_t classes = logits.size(2);
  const at::Tensor logs = at::log_softmax(logits, 2);
  const at::Tensor labels = targets.unsqueeze(0).expand({members, -1}).unsqueeze(2);
  at::Tensor part = at::zeros({members, 1, 1}, logs.options());
  if (!smoothing.empty())
    part.copy_(
        at::tensor(at::ArrayRef<double>(smoothing.data(), smoothing.size())).view({members, 1, 1}));
  const at::Tensor even = part / static_cast<double>(classes);
  const at::Tensor picked = logs.gather(2, labels);
  const at::Tensor loss = (part - 1) * picked - even * logs.sum(2, true);
  totals.loss.add_(loss.sum({1, 2}).to(at::kDouble));
  totals.correct.add_(
      logits.argmax(2, true).eq(labels).logical_and(loss.eq(loss)).to(at::kDouble).sum({1, 2}));
  if (!gradient) return;
  at::Tensor wanted = even.expand_as(logs).contiguous();
  wanted.scatter_add_(2, labels, (1 - part).expand_as(labels).contiguous());
  *gradient = (logs.exp() - wanted) / static_cast<double>(logits.size(1));
}

void squared_error(const at::Tensor& logits, const at::Tensor& targets, Totals& totals,
                   at::Tensor* gradient) {
  const at::Tensor difference = logits - targets.to(logits.scalar_type()).unsqueeze(0);
  totals.loss.add_(difference.square().mean(2).sum(1).to(at::kDouble));
  if (!gradient) return;
  const auto numbers = static_cast<double>(logits.size(1) * logits.size(2));
  *gradient = difference * (2 / numbers);
}

}  // namespace

Totals Totals::zero(std::int64_t members, c10::Device device) {
  const auto type = at::TensorOptions().dtype(at::kDouble).device(device);
  return {at::zeros({members}, type), at::zeros({members}, type), 0};
}

void add_loss(const at::Tensor& logits, const at::Tensor& targets, const LossSpec& spec,
              Totals& totals, at::Tensor* gradient) {
  totals.samples += logits.size(1);
  if (spec.kind == LossKind::kMse) {
    squared_error(logits, targets, totals, gradient);
  } else if (!logits.is_cpu() || spec.kernels == Kernels::kLibrary) {
    cross_entropy(logits, targets, spec.smoothing, totals, gradient);
  } else {
    const at::Tensor dense = logits.contiguous();
    if (gradient) *gradient = at::empty_like(dense);
    AT_DISPATCH_FLOATING_TYPES(dense.scalar_type(), "loss", [&] {
      cross_entropy_plain<scalar_t>(dense, targets, spec.smoothing, totals,
                                    gradient ? gradient->mutable_data_ptr<scalar_t>() : nullptr);
    });
  }
}

}  // namespace clavier::train
