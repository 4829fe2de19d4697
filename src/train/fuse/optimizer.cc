#include "train/fuse/optimizer.h"

#include <cmath>

#include <ATen/ATen.h>

#include "base/check.h"
#include "train/fuse/update.h"

namespace clavier::train {
namespace {

/// As PyTorch's clip_grad_norm_.
constexpr double kClipEps = 1e-6;

using Members = std::span<const MemberOptions>;

/// One number per member as a column that fits (F, P).
template <typename Get>
at::Tensor column(Members members, const at::Tensor& like, Get get) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < members.size(); ++i) numbers.push_back(get(members[i], i));
  return at::tensor(numbers, at::kDouble).to(like.options()).unsqueeze(1);
}

at::Tensor clipped(Members members, const at::Tensor& gradients) {
  bool any = false;
  for (const MemberOptions& member : members) any = any || member.clip_norm > 0;
  if (!any) return gradients;
  const at::Tensor limit = column(members, gradients, [](const MemberOptions& member, std::size_t) {
    return member.clip_norm > 0 ? member.clip_norm : HUGE_VAL;
  });
  return gradients * (limit / (gradients.norm(2, {1}, true) + kClipEps)).clamp_max(1);
}

}  // namespace

MemberOptions member_options(const TrainerSpec& spec) {
  return {.lr = spec.lr,
          .momentum = spec.momentum,
          .dampening = spec.dampening,
          .beta1 = spec.beta1,
          .beta2 = spec.beta2,
          .eps = spec.eps,
          .weight_decay = spec.weight_decay,
          .clip_norm = spec.clip_norm,
          .nesterov = spec.nesterov};
}

std::vector<Stretch> stretches(const Network& network, const std::vector<double>& rates) {
  std::vector<Stretch> all;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const Parameter& parameter = network.parameters[i];
    if (all.empty() || all.back().rate != rates[i])
      all.push_back({.begin = parameter.offset, .rate = rates[i]});
    all.back().count += parameter.count;
  }
  return all;
}

Optimizer::Optimizer(OptimizerKind kind, const at::Tensor& parameters, Kernels kernels,
                     std::vector<Stretch> stretches)
    : kind_(kind),
      plain_(kernels == Kernels::kOwn && parameters.is_cpu()),
      stretches_(std::move(stretches)),
      steps_(static_cast<std::size_t>(parameters.size(0)), 0) {
  if (stretches_.empty()) stretches_ = {{.begin = 0, .count = parameters.size(1)}};
  if (stretches_.size() > 1 || stretches_.front().rate != 1) {
    rates_ = at::ones({1, parameters.size(1)}, parameters.options());
    for (const Stretch& each : stretches_)
      rates_.narrow(1, each.begin, each.count).fill_(each.rate);
  }
  moments_.push_back(at::zeros_like(parameters));
  if (kind != OptimizerKind::kSgd) moments_.push_back(at::zeros_like(parameters));
}

void Optimizer::step(Members members, at::Tensor& parameters, const at::Tensor& gradients) {
  CHECK(members.size() == steps_.size(), "one set of options per member");
  if (plain_) {
    plain(members, parameters, gradients);
  } else if (kind_ == OptimizerKind::kSgd) {
    sgd(members, parameters, clipped(members, gradients));
  } else {
    adam(members, parameters, clipped(members, gradients));
  }
  for (std::int64_t& steps : steps_) ++steps;
}

void Optimizer::plain(Members members, at::Tensor& parameters, const at::Tensor& gradients) {
  const std::int64_t count = parameters.size(1);
  AT_DISPATCH_FLOATING_TYPES(parameters.scalar_type(), "optimizer", [&] {
    for (std::size_t i = 0; i < members.size(); ++i) {
      const MemberOptions& member = members[i];
      const std::int64_t row = static_cast<std::int64_t>(i) * count;
      double scale = 1;
      if (member.clip_norm > 0) {
        const double norm =
            std::sqrt(kernels::square_norm(gradients.const_data_ptr<scalar_t>() + row, count));
        scale = std::min(1.0, member.clip_norm / (norm + kClipEps));
      }
      for (const Stretch& stretch : stretches_) {
        const std::int64_t start = row + stretch.begin;
        auto* weights = parameters.mutable_data_ptr<scalar_t>() + start;
        const auto* gradient = gradients.const_data_ptr<scalar_t>() + start;
        auto* first = moments_[0].mutable_data_ptr<scalar_t>() + start;
        if (kind_ == OptimizerKind::kSgd) {
          kernels::sgd({.lr = member.lr * stretch.rate,
                        .momentum = member.momentum,
                        .dampening = member.dampening,
                        .weight_decay = member.weight_decay / stretch.rate,
                        .nesterov = member.nesterov,
                        .first = steps_[i] == 0,
                        .gradient_scale = scale},
                       weights, gradient, first, stretch.count);
          continue;
        }
        const auto age = static_cast<double>(steps_[i] + 1);
        kernels::adam({.lr = member.lr * stretch.rate,
                       .beta1 = member.beta1,
                       .beta2 = member.beta2,
                       .eps = member.eps,
                       .weight_decay = member.weight_decay / stretch.rate,
                       .decoupled = kind_ == OptimizerKind::kAdamW,
                       .correction1 = 1 - std::pow(member.beta1, age),
                       .correction2 = 1 - std::pow(member.beta2, age),
                       .gradient_scale = scale},
                      weights, gradient, first, moments_[1].mutable_data_ptr<scalar_t>() + start,
                      stretch.count);
      }
    }
  });
}

at::Tensor Optimizer::faster(const at::Tensor& rate) const {
  return rates_.defined() ? rate * rates_ : rate;
}

at::Tensor Optimizer::slower(const at::Tensor& decay) const {
  return rates_.defined() ? decay / rates_ : decay;
}

void Optimizer::sgd(Members members, at::Tensor& parameters, at::Tensor gradients) {
  const auto of = [&](auto get) { return column(members, parameters, get); };
  const at::Tensor lr = faster(of([](const MemberOptions& m, std::size_t) { return m.lr; }));
  const at::Tensor momentum = of([](const MemberOptions& m, std::size_t) { return m.momentum; });
  const at::Tensor fresh = of(
      [&](const MemberOptions& m, std::size_t i) { return steps_[i] == 0 ? 1 : 1 - m.dampening; });
  const at::Tensor decay =
      slower(of([](const MemberOptions& m, std::size_t) { return m.weight_decay; }));
  gradients = at::addcmul(gradients, parameters, decay);
  moments_[0].mul_(momentum).addcmul_(gradients, fresh);
  const at::Tensor plain = momentum.eq(0);  // Without momentum there is no dampening either.
  const at::Tensor nesterov =
      of([](const MemberOptions& m, std::size_t) { return m.nesterov ? 1.0 : 0.0; });
  at::Tensor direction =
      at::where(nesterov.ne(0), at::addcmul(gradients, moments_[0], momentum), moments_[0]);
  direction = at::where(plain, gradients, direction);
  parameters.sub_(direction * lr);
}

void Optimizer::adam(Members members, at::Tensor& parameters, at::Tensor gradients) {
  const auto of = [&](auto get) { return column(members, parameters, get); };
  const at::Tensor beta1 = of([](const MemberOptions& m, std::size_t) { return m.beta1; });
  const at::Tensor beta2 = of([](const MemberOptions& m, std::size_t) { return m.beta2; });
  const at::Tensor eps = of([](const MemberOptions& m, std::size_t) { return m.eps; });
  const at::Tensor decay =
      slower(of([](const MemberOptions& m, std::size_t) { return m.weight_decay; }));
  const at::Tensor lr = faster(of([](const MemberOptions& m, std::size_t) { return m.lr; }));
  const at::Tensor rate = faster(of([&](const MemberOptions& m, std::size_t i) {
    return m.lr / (1 - std::pow(m.beta1, static_cast<double>(steps_[i] + 1)));
  }));
  const at::Tensor root = of([&](const MemberOptions& m, std::size_t i) {
    return 1 / std::sqrt(1 - std::pow(m.beta2, static_cast<double>(steps_[i] + 1)));
  });
  if (kind_ == OptimizerKind::kAdamW)
    parameters.mul_(1 - lr * decay);
  else
    gradients = at::addcmul(gradients, parameters, decay);
  moments_[0].mul_(beta1).addcmul_(gradients, 1 - beta1);
  moments_[1].mul_(beta2).add_(gradients.square() * (1 - beta2));
  parameters.sub_(rate * moments_[0] / (moments_[1].sqrt() * root + eps));
}

}  // namespace clavier::train
