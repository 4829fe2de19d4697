#include "study/domain.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "base/rng.h"
#include "study/domain_values.h"

namespace clavier {
namespace {

struct Named {
  const char* name;
  Domain domain;
};

std::vector<Named> bounded() {
  return {
      {"uniform", Real{-2, 3}},
      {"loguniform", Real{1e-5, 0.1, Scale::kLog}},
      {"reverseloguniform", Real{0.5, 0.999, Scale::kReverseLog}},
      {"quniform", Real{0, 1, Scale::kLinear, 0.1}},
      {"quniform with loose ends", Real{0.14, 0.97, Scale::kLinear, 0.25}},
      {"qloguniform", Real{1, 1000, Scale::kLog, 1}},
      {"qreverseloguniform", Real{0, 0.99, Scale::kReverseLog, 0.01}},
      {"int", Integer{-3, 4}},
      {"int with step", Integer{1, 10, Scale::kLinear, 4}},
      {"logint", Integer{1, 1024, Scale::kLog}},
      {"logint with step", Integer{2, 100, Scale::kLog, 3}},
      {"pow2", Choice{{4, 8, 16, 32}, true}},
      {"choice", Choice{{"sgd", "adam", true, 1.5, Value::List{1, 2}}}},
      {"a single number", Real{0.5, 0.5}},
  };
}

std::vector<Named> unbounded() {
  return {
      {"normal", Normal{1, 2}},
      {"lognormal", Normal{-3, 0.5, Scale::kLog}},
      {"qnormal", Normal{0, 10, Scale::kLinear, 0.5}},
      {"qlognormal", Normal{2, 1, Scale::kLog, 1}},
  };
}

std::vector<Named> drawable() {
  auto all = bounded();
  for (Named& each : unbounded()) all.push_back(each);
  return all;
}

double number(const Value& value) { return *value.number(); }

TEST(Domain, EveryDrawIsInsideAndOfTheDomainsType) {
  for (const auto& [name, domain] : drawable()) {
    Rng rng(1);
    for (int i = 0; i < 2000; ++i) {
      const auto value = value_at(domain, rng.uniform());
      ASSERT_TRUE(value.has_value()) << name;
      EXPECT_TRUE(contains(domain, *value)) << name;
      EXPECT_TRUE(!std::holds_alternative<Integer>(domain) || value->as<std::int64_t>()) << name;
      EXPECT_TRUE(!std::holds_alternative<Real>(domain) || value->as<double>()) << name;
    }
  }
}

TEST(Domain, RoundingToZeroLeavesNoSign) {
  for (const double unit : {0.0, 0.01, 0.49})
    EXPECT_FALSE(std::signbit(*value_at(Real{0, 1, Scale::kLinear, 1}, unit)->as<double>()));
  EXPECT_FALSE(std::signbit(*value_at(Normal{0, 0.01, Scale::kLinear, 1}, 0.4)->as<double>()));
}

TEST(Domain, ValuesAndUnitsMapToEachOther) {
  for (const auto& [name, domain] : drawable()) {
    Rng rng(2);
    for (int i = 0; i < 2000; ++i) {
      const double unit = rng.uniform();
      const Value value = *value_at(domain, unit);
      const auto back = unit_of(domain, value);
      ASSERT_TRUE(back.has_value()) << name;
      EXPECT_GE(*back, 0) << name;
      EXPECT_LT(*back, 1) << name;
      const Value again = *value_at(domain, *back);
      const auto x = value.number(), y = again.number();
      if (!x || !y) {
        EXPECT_TRUE(value == again) << name;
        continue;
      }
      EXPECT_NEAR(*x, *y, 1e-9 * std::max(1.0, std::abs(*x))) << name << " at " << unit;
      const bool continuous = !cardinality(domain) && name[0] != 'q';
      EXPECT_NEAR(continuous ? unit : *back, *back, 1e-9) << name;
    }
  }
}

TEST(Domain, LargerUnitsNeverGiveSmallerNumbers) {
  for (const auto& [name, domain] : drawable()) {
    if (std::holds_alternative<Choice>(domain)) continue;
    double before = -std::numeric_limits<double>::infinity();
    for (int i = 0; i < 1000; ++i) {
      const double value = number(*value_at(domain, i / 1000.0));
      EXPECT_GE(value, before) << name;
      before = value;
    }
  }
}

TEST(Domain, BothEndsAreReached) {
  const double last = 1 - 0x1p-53;
  for (const auto& [name, domain] : bounded()) {
    if (std::holds_alternative<Choice>(domain)) continue;
    const double low = number(*value_at(domain, 0)), high = number(*value_at(domain, last));
    EXPECT_TRUE(contains(domain, Value(low))) << name;
    if (const auto* integer = std::get_if<Integer>(&domain)) {
      EXPECT_EQ(low, integer->low) << name;
      EXPECT_GT(high + integer->step, integer->high) << name;
    } else if (const auto& real = std::get<Real>(domain); real.quantum == 0) {
      EXPECT_NEAR(low, real.low, 1e-12) << name;
      EXPECT_NEAR(high, real.high, 1e-12) << name;
    } else {
      EXPECT_LT(low - real.quantum, real.low) << name;
      EXPECT_GT(high + real.quantum, real.high) << name;
    }
  }
}

TEST(Domain, FiniteDomainsGiveExactlyAsManyValuesAsTheySay) {
  int tried = 0;
  for (const auto& [name, domain] : bounded()) {
    const auto count = cardinality(domain);
    if (!count || *count > 200) continue;
    std::vector<Value> seen;
    for (int i = 0; i < 20'000; ++i) {
      const Value value = *value_at(domain, i / 2e4);
      if (seen.empty() || !(seen.back() == value)) seen.push_back(value);
    }
    for (std::int64_t index = 0; index < *count; ++index)
      EXPECT_TRUE(same_value(nth_value(domain, index), seen[static_cast<std::size_t>(index)]))
          << name << " at " << index;
    EXPECT_EQ(static_cast<std::int64_t>(seen.size()), *count) << name;
    ++tried;
  }
  EXPECT_GT(tried, 5);
}

std::map<double, int> histogram(const Domain& domain, int draws) {
  std::map<double, int> counts;
  for (int i = 0; i < draws; ++i) ++counts[number(*value_at(domain, (i + 0.5) / draws))];
  return counts;
}

TEST(Domain, WholeNumbersAndQuantaAreEquallyLikelyTheEndsIncluded) {
  for (const Domain& domain : {Domain(Integer{1, 10}), Domain(Integer{0, 27, Scale::kLinear, 3}),
                               Domain(Real{0.1, 1, Scale::kLinear, 0.1})}) {
    const auto counts = histogram(domain, 10'000);
    EXPECT_EQ(counts.size(), 10U);
    for (const auto& [value, count] : counts) EXPECT_NEAR(count, 1000, 2) << value;
  }
}

TEST(Domain, LogScaleGivesEveryDecadeTheSameShare) {
  std::map<int, int> decades;
  const Domain domain = Real{1e-4, 1, Scale::kLog};
  for (int i = 0; i < 4000; ++i)
    ++decades[static_cast<int>(std::floor(std::log10(number(*value_at(domain, (i + .5) / 4000)))))];
  for (const auto& [decade, count] : decades) EXPECT_NEAR(count, 1000, 2) << decade;

  const auto counts = histogram(Integer{1, 1000, Scale::kLog}, 100'000);
  int below_ten = 0;
  for (const auto& [value, count] : counts)
    if (value < 10) below_ten += count;
  // The share of [0.5, 9.5) in [0.5, 1000.5) on a logarithmic axis.
  EXPECT_NEAR(below_ten / 1e5, std::log(9.5 / 0.5) / std::log(1000.5 / 0.5), 0.001);
}

TEST(Domain, ReverseLogScaleIsLogScaleOfTheDistanceToOne) {
  const Domain forward = Real{0.001, 0.5, Scale::kLog};
  const Domain backward = Real{0.5, 0.999, Scale::kReverseLog};
  for (double unit = 0; unit < 1; unit += 0.01)
    EXPECT_NEAR(number(*value_at(backward, unit)), 1 - number(*value_at(forward, 1 - unit)), 1e-9);
}

TEST(Domain, NormalHasItsMomentsAndItsTails) {
  double sum = 0, squares = 0;
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = number(*value_at(Normal{3, 2}, (i + 0.5) / kDraws));
    sum += x;
    squares += (x - 3) * (x - 3);
  }
  EXPECT_NEAR(sum / kDraws, 3, 1e-9);
  EXPECT_NEAR(std::sqrt(squares / kDraws), 2, 2e-3);
  EXPECT_NEAR(number(*value_at(Normal{0, 1}, 0.975)), 1.959963984540054, 1e-12);
  EXPECT_NEAR(number(*value_at(Normal{0, 1}, 1e-10)), -6.361340902404056, 1e-9);
  EXPECT_TRUE(std::isfinite(number(*value_at(Normal{0, 1}, 0))));
  EXPECT_TRUE(std::isfinite(number(*value_at(Normal{0, 1}, 1))));
  EXPECT_NEAR(number(*value_at(Normal{1, 2, Scale::kLog}, 0.5)), std::exp(1), 1e-9);
}

TEST(Domain, QuantaAreWrittenAsPeopleWriteThem) {
  EXPECT_EQ(number(*value_at(Real{0, 1, Scale::kLinear, 0.1}, 0.32)), 0.3);
  EXPECT_EQ(number(*value_at(Real{0, 0.7, Scale::kLinear, 0.1}, 0.999)), 0.7);
  const Domain thirds = Real{0, 3, Scale::kLinear, 0.3};
  const double expected[] = {0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1, 2.4, 2.7, 3};
  for (std::int64_t k = 0; k < 11; ++k) EXPECT_EQ(number(nth_value(thirds, k)), expected[k]);
  EXPECT_EQ(number(nth_value(Real{0, 1e-3, Scale::kLinear, 3e-5}, 3)), 9e-5);
  EXPECT_EQ(number(nth_value(Real{-0.9, 0, Scale::kLinear, 0.3}, 0)), -0.9);
  EXPECT_EQ(number(nth_value(Real{0, 2, Scale::kLinear, 1.0 / 3}, 4)), 4.0 / 3);
  EXPECT_EQ(number(nth_value(Real{0, 1e6, Scale::kLinear, 2.5e5}, 3)), 7.5e5);
}

TEST(Domain, WhatIsNearlyAMultipleIsTakenForIt) {
  EXPECT_TRUE(accepted(Real{0, 3, Scale::kLinear, 0.3}, Value(0.8999999999999999)) == Value(0.9));
  EXPECT_TRUE(accepted(Normal{0, 1, Scale::kLinear, 0.3}, Value(0.3 * 3)) == Value(0.9));
}

TEST(Domain, TheWholeRangeOfWholeNumbersIsNoProblem) {
  const Domain domain =
      Integer{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  EXPECT_EQ(*value_at(domain, 0)->as<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
  EXPECT_GT(*value_at(domain, 1 - 0x1p-53)->as<std::int64_t>(), std::int64_t{1} << 62);
  EXPECT_EQ(cardinality(domain), std::numeric_limits<std::int64_t>::max());
}

TEST(Domain, NumbersCountWhateverTheirTypeButTruthValuesDoNot) {
  EXPECT_TRUE(contains(Real{0, 2}, Value(1)));
  EXPECT_TRUE(contains(Integer{0, 2}, Value(1.0)));
  EXPECT_FALSE(contains(Integer{0, 2}, Value(1.5)));
  EXPECT_FALSE(contains(Integer{0, 2}, Value(true)));
  EXPECT_FALSE(contains(Real{0, 2}, Value(true)));
  EXPECT_FALSE(contains(Real{0, 2}, Value("1")));
  EXPECT_FALSE(contains(Real{0, 2}, Value(std::nan(""))));
  EXPECT_FALSE(contains(Integer{0, 10, Scale::kLinear, 5}, Value(4)));
  EXPECT_FALSE(contains(Real{0, 1, Scale::kLinear, 0.1}, Value(0.15)));
  EXPECT_FALSE(contains(Normal{0, 1, Scale::kLog}, Value(0)));
  EXPECT_TRUE(contains(Choice{{1, "a"}}, Value(1.0)));
  EXPECT_FALSE(contains(Choice{{1, "a"}}, Value("b")));
}

TEST(Domain, OnlyDrawnDomainsHaveUnits) {
  for (const Domain& domain :
       {Domain(Constant{1}), Domain(Grid{{1, 2}}), Domain(Computed{"1"}), Domain(Function{})}) {
    EXPECT_FALSE(value_at(domain, 0.5));
    EXPECT_FALSE(unit_of(domain, Value(1)));
  }
}

TEST(Domain, PowersOfTwoGoAsFarAsThereAreWholeNumbers) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(powers_of_two(3, 16), (Choice{{4, 8, 16}, true}));
  EXPECT_EQ(powers_of_two(-5, 2), (Choice{{1, 2}, true}));
  EXPECT_EQ(powers_of_two(std::int64_t{1} << 61, kMost),
            (Choice{{std::int64_t{1} << 61, std::int64_t{1} << 62}, true}));
}

TEST(Domain, AMiddleValueStandsForAllOfIt) {
  EXPECT_EQ(middle_of(Real{1, 3}), Value(2.0));
  EXPECT_EQ(middle_of(Grid{{7, 8}}), Value(7));
  EXPECT_EQ(middle_of(Constant{7}), std::nullopt);
}

TEST(Domain, IsDescribedInTheWordsOfAStudyFile) {
  EXPECT_EQ(describe(Real{1e-5, 0.1, Scale::kLog}), "loguniform(1e-05, 0.1)");
  EXPECT_EQ(describe(Real{0, 1, Scale::kLinear, 0.25}), "quniform(0, 1, 0.25)");
  EXPECT_EQ(describe(Real{0.9, 0.999, Scale::kReverseLog}), "reverse_loguniform(0.9, 0.999)");
  EXPECT_EQ(describe(Integer{1, 10}), "int(1, 10)");
  EXPECT_EQ(describe(Integer{1, 100, Scale::kLog, 2}), "qlogint(1, 100, 2)");
  EXPECT_EQ(describe(Normal{0, 1}), "normal(0, 1)");
  EXPECT_EQ(describe(Choice{{4, 8, 16}, true}), "pow2(4, 16)");
  EXPECT_EQ(describe(Choice{{"low", "high"}, true}), "ordinal([\"low\", \"high\"])");
  EXPECT_EQ(describe(Choice{{"sgd", 1}}), "choice([\"sgd\", 1])");
  EXPECT_EQ(describe(Grid{{1, 2}}), "grid([1, 2])");
  EXPECT_EQ(describe(Constant{"relu"}), "\"relu\"");
  EXPECT_EQ(describe(Computed{"2 * l1"}), "expr(\"2 * l1\")");
}

}  // namespace
}  // namespace clavier
