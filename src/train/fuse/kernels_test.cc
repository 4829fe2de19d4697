#include "train/fuse/kernels.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "train/fuse/norm_kernels.h"
#include "train/fuse/update.h"
#include "train/fuse/winograd.h"

namespace clavier::train::kernels {
namespace {

std::vector<double> numbers(std::size_t count, int key) {
  Rng rng = Rng::keyed(1, key);
  std::vector<double> result(count);
  for (double& number : result) number = rng.normal();
  return result;
}

TEST(Kernels, CorrelateEqualsItsDefinitionForAwkwardSizes) {
  const std::vector<std::int64_t> offsets = {0, 1, 7, 8, 9};
  for (std::int64_t rows : {1, 3, 4, 7}) {
    for (std::int64_t length : {1, 7, 24, 53}) {
      const std::int64_t planes = 3;
      const auto in = numbers(static_cast<std::size_t>(planes * 80), 1);
      const auto weights = numbers(static_cast<std::size_t>(rows * planes * 5), 2);
      std::vector<double> out(static_cast<std::size_t>(rows * 60));
      correlate({in.data(), planes, 80, offsets.data(), 5}, {weights.data(), planes * 5, 5}, rows,
                out.data(), 60, length);
      for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t p = 0; p < length; ++p) {
          double expected = 0;
          for (std::int64_t plane = 0; plane < planes; ++plane)
            for (std::size_t k = 0; k < 5; ++k)
              expected += weights[static_cast<std::size_t>((row * planes + plane) * 5) + k] *
                          in[static_cast<std::size_t>(plane * 80 + p + offsets[k])];
          EXPECT_NEAR(out[static_cast<std::size_t>(row * 60 + p)], expected, 1e-12);
        }
      }
    }
  }
}

TEST(Kernels, DotsAddWhatTheirDefinitionSays) {
  const std::vector<std::int64_t> offsets = {0, 2, 3, 11, 12, 13, 20, 21};
  for (std::int64_t rows : {1, 2, 5, 7}) {
    for (std::int64_t length : {1, 9, 40}) {
      const std::int64_t batches = 3;
      const auto a = numbers(static_cast<std::size_t>(batches * rows * 50), 3);
      const auto b = numbers(static_cast<std::size_t>(batches * 70), 4);
      std::vector<double> out(static_cast<std::size_t>(rows * 8), 0.5);
      dots({a.data(), rows, 50, rows * 50, b.data(), offsets.data(), 8, 70, batches, length},
           out.data(), 1, rows);
      for (std::int64_t row = 0; row < rows; ++row) {
        for (std::size_t k = 0; k < 8; ++k) {
          double expected = 0.5;
          for (std::int64_t n = 0; n < batches; ++n)
            for (std::int64_t p = 0; p < length; ++p)
              expected += a[static_cast<std::size_t>((n * rows + row) * 50 + p)] *
                          b[static_cast<std::size_t>(n * 70 + offsets[k] + p)];
          EXPECT_NEAR(out[static_cast<std::size_t>(row) + k * static_cast<std::size_t>(rows)],
                      expected, 1e-12);
        }
      }
    }
  }
}

TEST(Kernels, PoolFindsTheLargestAndItsPlaceAndShowsNan) {
  for (std::int64_t edge : {1, 2, 3}) {
    auto sums = numbers(12 * 13, 6);
    sums[14] = std::nan("");
    sums[4] = sums[5] = sums[17] = sums[18] = 50;  // Of equals, the first counts.
    const std::int64_t height = 11 / edge;
    const std::int64_t width = 12 / edge;
    std::vector<double> out(static_cast<std::size_t>(height * width));
    std::vector<int> place(out.size());
    pool({sums.data(), 13, edge, height, width, 0.25, true}, out.data(), place.data());
    for (std::int64_t i = 0; i < height * width; ++i) {
      const std::int64_t corner = i / width * edge * 13 + i % width * edge;
      double best = -1e9;
      for (std::int64_t y = 0; y < edge; ++y)
        for (std::int64_t x = 0; x < edge; ++x) {
          const double other = sums[static_cast<std::size_t>(corner + y * 13 + x)];
          if (std::isnan(best) || std::isnan(other))
            best = std::nan("");
          else
            best = std::max(best, other);
        }
      const auto index = static_cast<std::size_t>(i);
      if (std::isnan(best)) {
        EXPECT_TRUE(std::isnan(out[index]));
        EXPECT_EQ(place[index], 14);
      } else if (best + 0.25 <= 0) {
        EXPECT_EQ(out[index], 0);
        EXPECT_EQ(place[index], -1);
      } else {
        EXPECT_EQ(out[index], best + 0.25);
        EXPECT_EQ(sums[static_cast<std::size_t>(place[index])], best);
        if (best == 50 && edge == 2) {
          EXPECT_EQ(place[index], 4);
        }
      }
    }
  }
}

TEST(Kernels, ANormWithPoolingIsTheNormAndThenThePooling) {
  constexpr std::int64_t kWide = 6, kRows = 2 * 4 * kWide, kChannels = 11;
  constexpr auto kPooled = static_cast<std::size_t>(kRows / 4 * kChannels);
  const auto values = numbers(kRows * kChannels, 13);
  const auto mean = numbers(kChannels, 14), scale = numbers(kChannels, 15),
             shift = numbers(kChannels, 16), slope = numbers(kChannels, 17);
  const auto gradient = numbers(kPooled, 18);
  for (bool relu : {true, false}) {
    const Norm<double> whole{kRows,        kChannels,    values.data(), mean.data(),
                             scale.data(), shift.data(), relu};
    Norm<double> pooled = whole;
    pooled.pool_width = kWide;
    std::vector<double> all(values.size());
    std::vector<double> largest(kPooled);
    normalise(whole, all.data());
    normalise(pooled, largest.data());
    std::vector<double> spread(all.size(), 0);  // The gradient by what was pooled.
    for (std::size_t i = 0; i < kPooled; ++i) {
      const auto window = static_cast<std::int64_t>(i) / kChannels;
      const std::int64_t row = window / (kWide / 2) * 2 * kWide + window % (kWide / 2) * 2;
      std::size_t best = 0;
      for (std::int64_t offset : {std::int64_t{0}, std::int64_t{1}, kWide, kWide + 1}) {
        const auto at = static_cast<std::size_t>((row + offset) * kChannels) + i % kChannels;
        if (offset == 0 || all[at] > all[best]) best = at;
      }
      EXPECT_EQ(largest[i], all[best]);
      spread[best] = gradient[i];
    }
    std::vector<double> sum(kChannels), product(kChannels), other_sum(kChannels),
        other_product(kChannels);
    norm_sums(whole, spread.data(), sum.data(), product.data());
    norm_sums(pooled, gradient.data(), other_sum.data(), other_product.data());
    for (std::size_t c = 0; c < kChannels; ++c) {
      EXPECT_NEAR(other_sum[c], sum[c], 1e-12);
      EXPECT_NEAR(other_product[c], product[c], 1e-12);
    }
    std::vector<double> by_input(all.size()), by_input_pooled(all.size());
    norm_gradient(whole, spread.data(), slope.data(), mean.data(), by_input.data());
    norm_gradient(pooled, gradient.data(), slope.data(), mean.data(), by_input_pooled.data());
    for (std::size_t i = 0; i < all.size(); ++i)
      EXPECT_NEAR(by_input_pooled[i], by_input[i], 1e-12);
  }
}

TEST(Kernels, UnrolledWindowsAreTheImagesAndRollIsTheirAdjoint) {
  for (std::int64_t kernel : {1, 3, 5}) {
    for (std::int64_t stride : {1, 2, 3}) {
      const std::int64_t padding = kernel / 2;
      const std::int64_t high = (5 + 2 * padding - kernel) / stride + 1;
      const std::int64_t wide = (6 + 2 * padding - kernel) / stride + 1;
      const Unrolling windows{3, 5, 6, kernel, stride, padding, high, wide};
      const auto image = numbers(5 * 6 * 3, 7);
      const auto size = static_cast<std::size_t>(windows.rows() * windows.columns());
      std::vector<double> rows(size, 9);
      unroll(windows, image.data(), rows.data());
      for (std::size_t i = 0; i < size; ++i) {
        const auto row = static_cast<std::int64_t>(i) / windows.columns();
        const auto column = static_cast<std::int64_t>(i) % windows.columns();
        const std::int64_t y = row / wide * stride - padding + column / kernel % kernel;
        const std::int64_t x = row % wide * stride - padding + column % kernel;
        const std::int64_t channel = column / (kernel * kernel);
        const bool within = y >= 0 && y < 5 && x >= 0 && x < 6;
        EXPECT_EQ(rows[i], within ? image[static_cast<std::size_t>((y * 6 + x) * 3 + channel)] : 0);
      }
      const auto other = numbers(size, 8);
      std::vector<double> back(image.size(), 0);
      roll(windows, other.data(), back.data());
      double forward = 0, adjoint = 0;
      for (std::size_t i = 0; i < size; ++i) forward += rows[i] * other[i];
      for (std::size_t i = 0; i < back.size(); ++i) adjoint += back[i] * image[i];
      EXPECT_NEAR(forward, adjoint, 1e-11);
    }
  }
}

TEST(Kernels, WinogradsTransformsAreAConvolutionAndItsAdjoint) {
  constexpr std::int64_t kHigh = 6, kWide = 5, kChannels = 67;  // No whole tile, block, vector.
  const Images images{2, kHigh, kWide, kChannels};
  const auto count = static_cast<std::size_t>(2 * kHigh * kWide * kChannels);
  auto image = numbers(count, 9);
  auto weights = numbers(kChannels * 9, 10);  // A window for every channel.
  const auto tiles = static_cast<std::size_t>(images.tiles());
  std::vector<double> planes(kPlanes * tiles * kChannels);
  std::vector<double> factors(kPlanes * kChannels);
  winograd(Transform::kInput, images, image.data(), planes.data());
  winograd(Transform::kWeight, {1, 3, 3, kChannels}, weights.data(), factors.data());
  const auto multiply = [&](std::vector<double>& by) {
    for (std::size_t i = 0; i < by.size(); ++i)
      by[i] *= factors[i / (tiles * kChannels) * kChannels + i % kChannels];
  };
  multiply(planes);
  std::vector<double> out(count);
  winograd(Transform::kOutput, images, out.data(), planes.data());
  const auto at = [](std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t c) {
    return static_cast<std::size_t>(((n * kHigh + y) * kWide + x) * kChannels + c);
  };
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t y = 0; y < kHigh; ++y)
      for (std::int64_t x = 0; x < kWide; ++x)
        for (std::int64_t c = 0; c < kChannels; ++c) {
          double expected = 0;
          for (std::int64_t i = std::max<std::int64_t>(0, 1 - y); i < 3 && y + i - 1 < kHigh; ++i)
            for (std::int64_t j = std::max<std::int64_t>(0, 1 - x); j < 3 && x + j - 1 < kWide; ++j)
              expected += weights[static_cast<std::size_t>(c * 9 + i * 3 + j)] *
                          image[at(n, y + i - 1, x + j - 1, c)];
          EXPECT_NEAR(out[at(n, y, x, c)], expected, 1e-11);
        }
  auto gradient = numbers(count, 11);
  winograd(Transform::kOutputGradient, images, gradient.data(), planes.data());
  multiply(planes);
  std::vector<double> by_input(count, 0);
  winograd(Transform::kInputGradient, images, by_input.data(), planes.data());
  double forward = 0, adjoint = 0;
  for (std::size_t i = 0; i < count; ++i) forward += out[i] * gradient[i];
  for (std::size_t i = 0; i < count; ++i) adjoint += by_input[i] * image[i];
  EXPECT_NEAR(forward / adjoint, 1, 1e-11);
  auto other = numbers(kPlanes * kChannels, 12);
  std::vector<double> by_weight(weights.size());
  winograd(Transform::kWeightGradient, {1, 3, 3, kChannels}, by_weight.data(), other.data());
  forward = adjoint = 0;
  for (std::size_t i = 0; i < other.size(); ++i) forward += factors[i] * other[i];
  for (std::size_t i = 0; i < weights.size(); ++i) adjoint += by_weight[i] * weights[i];
  EXPECT_NEAR(forward / adjoint, 1, 1e-11);
}

TEST(Kernels, TheNormIsOverAllNumbers) {
  const auto all = numbers(37, 5);
  double expected = 0;
  for (double number : all) expected += number * number;
  EXPECT_NEAR(square_norm(all.data(), 37), expected, 1e-12);
}

}  // namespace
}  // namespace clavier::train::kernels
