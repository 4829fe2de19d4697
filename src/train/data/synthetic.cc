#include "train/data/synthetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/rng.h"
#include "train/data/bytes.h"

namespace clavier::train::data {
namespace {

constexpr std::int64_t kFrequencies = 4;       // Per image axis.
constexpr std::int64_t kFeatureLatents = 16;   // Of plain features.
constexpr std::size_t kHidden = 32;            // Of the teacher.
constexpr std::uint64_t kWorldKey = 0x5eed01;  // Means and teacher.
constexpr std::uint64_t kDrawKey = 0x5eed02;   // Monte Carlo.
constexpr int kCeilingDraws = 20'000;
constexpr int kTeacherDraws = 2'000;
constexpr std::int64_t kMaxSamples = 10'000'000;

using Vector = std::vector<double>;

Vector normals(std::size_t n, Rng& rng) {
  Vector values(n);
  for (auto& value : values) value = rng.normal();
  return values;
}

/// Rows are orthonormal: row u, column i of the discrete cosine transform of length `n`.
std::vector<Vector> cosines(std::int64_t rows, std::int64_t n) {
  std::vector<Vector> table;
  for (std::int64_t u = 0; u < rows; ++u) {
    Vector row;
    double norm = std::sqrt((u == 0 ? 1.0 : 2.0) / static_cast<double>(n));
    for (std::int64_t i = 0; i < n; ++i)
      row.push_back(norm * std::cos(std::numbers::pi * static_cast<double>(u) *
                                    (static_cast<double>(i) + 0.5) / static_cast<double>(n)));
    table.push_back(std::move(row));
  }
  return table;
}

/// Latent vector to sample. Plain features are an image of one row.
class Decoder {
 public:
  explicit Decoder(const std::vector<std::int64_t>& shape)
      : channels_(shape.size() == 3 ? shape[0] : 1),
        rows_(shape.size() == 3 ? cosines(std::min(kFrequencies, shape[1]), shape[1])
                                : cosines(1, 1)),
        columns_(cosines(std::min(shape.size() == 3 ? kFrequencies : kFeatureLatents, shape.back()),
                         shape.back())),
        gain_(std::sqrt(static_cast<double>(*element_count(shape)) /
                        static_cast<double>(latents()))) {}

  std::size_t latents() const {
    return static_cast<std::size_t>(channels_) * rows_.size() * columns_.size();
  }

  void append(const Vector& z, std::vector<float>& out) const {
    std::size_t height = rows_[0].size(), width = columns_[0].size();
    Vector lines(rows_.size() * width);
    for (std::int64_t c = 0; c < channels_; ++c) {
      const double* part = z.data() + static_cast<std::size_t>(c) * rows_.size() * columns_.size();
      std::fill(lines.begin(), lines.end(), 0);
      for (std::size_t u = 0; u < rows_.size(); ++u)
        for (std::size_t v = 0; v < columns_.size(); ++v)
          for (std::size_t x = 0; x < width; ++x)
            lines[u * width + x] += part[u * columns_.size() + v] * columns_[v][x];
      for (std::size_t y = 0; y < height; ++y)
        for (std::size_t x = 0; x < width; ++x) {
          double sum = 0;
          for (std::size_t u = 0; u < rows_.size(); ++u) sum += rows_[u][y] * lines[u * width + x];
          out.push_back(static_cast<float>(sum * gain_));
        }
    }
  }

 private:
  std::int64_t channels_;
  std::vector<Vector> rows_, columns_;
  double gain_;
};

Rng world(const SyntheticSpec& spec, std::size_t latents) {
  return Rng::keyed(kWorldKey, latents, spec.classes, spec.kind == SyntheticKind::kTeacher);
}

/// Class means and the deviation of the noise around them.
struct Prototypes {
  Prototypes(const SyntheticSpec& spec, std::size_t latents)
      : deviation(spec.difficulty * std::sqrt(static_cast<double>(latents) / 2)) {
    Rng rng = world(spec, latents);
    for (std::int64_t c = 0; c < spec.classes; ++c) means.push_back(normals(latents, rng));
  }
  std::vector<Vector> means;
  double deviation;
  double gain = 1 / std::sqrt(1 + deviation * deviation);  ///< Makes the variance of values 1.
};

class Teacher {
 public:
  Teacher(const SyntheticSpec& spec, std::size_t latents)
      : outputs_(static_cast<std::size_t>(std::max<std::int64_t>(spec.classes, 1))) {
    Rng rng = world(spec, latents);
    hidden_ = normals(kHidden * latents, rng);
    for (auto& weight : hidden_) weight *= 1.5 / std::sqrt(static_cast<double>(latents));
    last_ = normals(outputs_ * kHidden, rng);
    // Outputs of equal mean and variance: no class is favoured, a regression target has variance 1.
    mean_.assign(outputs_, 0), scale_.assign(outputs_, 1);
    Vector sum(outputs_), square(outputs_);
    for (int i = 0; i < kTeacherDraws; ++i) {
      auto out = answer(normals(latents, rng));
      for (std::size_t k = 0; k < outputs_; ++k) sum[k] += out[k], square[k] += out[k] * out[k];
    }
    for (std::size_t k = 0; k < outputs_; ++k) {
      mean_[k] = sum[k] / kTeacherDraws;
      scale_[k] = 1 / std::sqrt(square[k] / kTeacherDraws - mean_[k] * mean_[k]);
    }
  }

  Vector answer(const Vector& z) const {
    Vector out(outputs_);
    for (std::size_t h = 0; h < kHidden; ++h) {
      double sum = 0;
      for (std::size_t i = 0; i < z.size(); ++i) sum += hidden_[h * z.size() + i] * z[i];
      double value = std::tanh(sum);
      for (std::size_t k = 0; k < outputs_; ++k) out[k] += last_[k * kHidden + h] * value;
    }
    for (std::size_t k = 0; k < outputs_; ++k) out[k] = (out[k] - mean_[k]) * scale_[k];
    return out;
  }

 private:
  std::size_t outputs_;
  Vector hidden_, last_, mean_, scale_;
};

/// One split; sample i is a function of (key, i) alone.
class Generator {
 public:
  explicit Generator(const SyntheticSpec& spec) : spec_(spec), decoder_(spec.shape) {
    if (spec.kind == SyntheticKind::kPrototypes)
      prototypes_.emplace(spec, decoder_.latents());
    else
      teacher_.emplace(spec, decoder_.latents());
  }

  Split split(std::int64_t count, std::uint64_t key) const {
    Split split;
    std::vector<float> inputs;
    inputs.reserve(static_cast<std::size_t>(count) * *element_count(spec_.shape));
    for (std::int64_t i = 0; i < count; ++i) {
      Rng rng = Rng::keyed(key, i);
      if (prototypes_)
        from_prototype(i, rng, inputs, split);
      else
        from_teacher(rng, inputs, split);
    }
    split.inputs = std::move(inputs);
    split.count = count;
    return split;
  }

 private:
  void from_prototype(std::int64_t i, Rng& rng, std::vector<float>& inputs, Split& split) const {
    auto label = i % spec_.classes;
    auto z = normals(decoder_.latents(), rng);
    const auto& mean = prototypes_->means[static_cast<std::size_t>(label)];
    for (std::size_t k = 0; k < z.size(); ++k)
      z[k] = prototypes_->gain * (mean[k] + prototypes_->deviation * z[k]);
    decoder_.append(z, inputs);
    split.labels.push_back(label);
  }

  void from_teacher(Rng& rng, std::vector<float>& inputs, Split& split) const {
    auto z = normals(decoder_.latents(), rng);
    auto out = teacher_->answer(z);
    decoder_.append(z, inputs);
    if (spec_.classes == 0) {
      split.targets.push_back(static_cast<float>(out[0] + spec_.difficulty * rng.normal()));
      return;
    }
    std::int64_t label = std::max_element(out.begin(), out.end()) - out.begin();
    if (rng.uniform() < spec_.difficulty)
      label = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(spec_.classes)));
    split.labels.push_back(label);
  }

  SyntheticSpec spec_;
  Decoder decoder_;
  std::optional<Prototypes> prototypes_;
  std::optional<Teacher> teacher_;
};

/// Share of draws around each mean that are nearest to it: the Bayes classifier, since the classes
/// are equally frequent and the noise is the same in all directions.
double nearest_mean_accuracy(const SyntheticSpec& spec, const Prototypes& world) {
  int right = 0;
  for (int draw = 0; draw < kCeilingDraws; ++draw) {
    Rng rng = Rng::keyed(kDrawKey, draw);
    auto truth = static_cast<std::size_t>(draw % spec.classes);
    auto z = normals(world.means[truth].size(), rng);
    double own = 0;
    for (double& value : z) value *= world.deviation, own += value * value;
    bool nearest = true;
    for (std::size_t c = 0; c < world.means.size() && nearest; ++c) {
      double distance = 0;
      for (std::size_t k = 0; k < z.size(); ++k) {
        double off = world.means[truth][k] + z[k] - world.means[c][k];
        distance += off * off;
      }
      nearest = c == truth || distance >= own;
    }
    right += nearest;
  }
  return static_cast<double>(right) / kCeilingDraws;
}

Status check(const SyntheticSpec& spec) {
  auto elements = element_count(spec.shape);
  if ((spec.shape.size() != 1 && spec.shape.size() != 3) || !elements || *elements == 0 ||
      *elements > 1 << 24)
    return invalid(fmt::format("synthetic shape {} must be [channels, height, width] or [features]",
                               shape_text(spec.shape)));
  bool regression = spec.classes == 0 && spec.kind == SyntheticKind::kTeacher;
  if (!regression && (spec.classes < 2 || spec.classes > 10'000))
    return invalid(fmt::format("synthetic classes = {} must be 2 to 10000 (or 0 with the teacher)",
                               spec.classes));
  bool share = spec.kind == SyntheticKind::kTeacher && !regression;
  if (!(spec.difficulty >= 0) || !std::isfinite(spec.difficulty) || (share && spec.difficulty > 1))
    return invalid(fmt::format("synthetic difficulty = {} must be {}", spec.difficulty,
                               share ? "from 0 to 1" : "0 or more"));
  for (auto count : {spec.train, spec.validation, spec.test})
    if (count < 1 || count > kMaxSamples)
      return invalid(
          fmt::format("{} synthetic samples: there must be 1 to {}", count, kMaxSamples));
  return ok_status();
}

/// Four deviations to either side fill the range of a byte.
std::vector<std::uint8_t> to_bytes(const std::vector<float>& values) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(values.size());
  for (float value : values)
    bytes.push_back(static_cast<std::uint8_t>(std::clamp(128 + 32 * value, 0.0F, 255.0F)));
  return bytes;
}

}  // namespace

Result<Dataset> synthetic_dataset(const SyntheticSpec& spec, std::uint64_t seed) {
  TRY(check(spec));
  Generator generator(spec);
  Dataset data{.name = "synthetic", .shape = spec.shape, .classes = spec.classes};
  data.train = generator.split(spec.train, mix(kWorldKey + 1, seed));
  data.validation = generator.split(spec.validation, mix(kWorldKey + 2, seed));
  data.test = generator.split(spec.test, kWorldKey + 3);
  auto groups = static_cast<std::size_t>(spec.shape.front());
  data.mean.assign(groups, 0);
  data.deviation.assign(groups, 1);
  return data;
}

Result<double> synthetic_ceiling(const SyntheticSpec& spec) {
  TRY(check(spec));
  if (spec.classes == 0) return spec.difficulty * spec.difficulty;
  if (spec.kind == SyntheticKind::kTeacher)
    return 1 - spec.difficulty + spec.difficulty / static_cast<double>(spec.classes);
  return nearest_mean_accuracy(spec, Prototypes(spec, Decoder(spec.shape).latents()));
}

Result<Dataset> smoke_dataset(const std::string& name, const std::vector<std::int64_t>& shape,
                              std::int64_t classes, bool bytes, std::uint64_t seed) {
  SyntheticSpec spec{.kind = classes >= 2 ? SyntheticKind::kPrototypes : SyntheticKind::kTeacher,
                     .shape = shape,
                     .classes = classes >= 2 ? classes : 0,
                     .difficulty = 0.2,
                     .train = 64,
                     .validation = 32,
                     .test = 32};
  auto data = TRY(synthetic_dataset(spec, seed));
  data.name = name;
  if (bytes) {
    for (auto* split : {&data.train, &data.validation, &data.test})
      split->inputs = to_bytes(std::get<std::vector<float>>(split->inputs));
    data.scale = 1.0F / 255;
    data.mean.assign(data.mean.size(), 128.0F / 255);
    data.deviation.assign(data.mean.size(), 32.0F / 255);
  }
  return data;
}

}  // namespace clavier::train::data
