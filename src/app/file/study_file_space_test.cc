#include "app/file/study_file_space.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "app/file/study_file.h"

namespace clavier::app {
namespace {

std::string with_space(std::string_view lines, std::string_view search = "") {
  return "[study]\nmetric = \"loss\"\nmode = \"min\"\n[worker]\ncommand = [\"a\"]\n[space]\n" +
         std::string(lines) + "\n" + std::string(search);
}

Space space_of(std::string_view lines) {
  const auto spec = parse_study(with_space(lines), "s.toml");
  EXPECT_TRUE(spec.ok()) << (spec.ok() ? "" : spec.error().message);
  return spec.ok() ? spec->space : Space{};
}

struct Written {
  std::string definition;
  Domain domain;
};
void PrintTo(const Written& written, std::ostream* out) { *out << written.definition; }

class SpaceDefinition : public testing::TestWithParam<Written> {};

TEST_P(SpaceDefinition, IsReadAndWrittenBack) {
  const Space space = space_of("x = " + GetParam().definition);
  ASSERT_EQ(space.parameters.size(), 1u);
  EXPECT_EQ(space.parameters[0], (Parameter{"x", GetParam().domain}));
  EXPECT_EQ(space_of("x = " + write_domain(space.parameters[0])), space);
}

INSTANTIATE_TEST_SUITE_P(
    Primitives, SpaceDefinition,
    testing::Values(Written{"{ uniform = [0, 1] }", Real{0, 1}},
                    Written{"{ loguniform = [1e-5, 1e-1] }", Real{1e-5, 1e-1, Scale::kLog}},
                    Written{"{ reverse_loguniform = [0.9, 0.999] }",
                            Real{0.9, 0.999, Scale::kReverseLog}},
                    Written{"{ quniform = [0.0, 1.0, 0.25] }", Real{0, 1, Scale::kLinear, 0.25}},
                    Written{"{ qloguniform = [1, 64, 1] }", Real{1, 64, Scale::kLog, 1}},
                    Written{"{ normal = [0, 2.5] }", Normal{0, 2.5}},
                    Written{"{ qnormal = [0, 2.5, 0.5] }", Normal{0, 2.5, Scale::kLinear, 0.5}},
                    Written{"{ lognormal = [-3, 1] }", Normal{-3, 1, Scale::kLog}},
                    Written{"{ qlognormal = [3, 1, 1] }", Normal{3, 1, Scale::kLog, 1}},
                    Written{"{ int = [1, 10] }", Integer{1, 10}},
                    Written{"{ logint = [1, 1024] }", Integer{1, 1024, Scale::kLog}},
                    Written{"{ qint = [2, 10, 2] }", Integer{2, 10, Scale::kLinear, 2}},
                    Written{"{ qlogint = [8, 512, 8] }", Integer{8, 512, Scale::kLog, 8}},
                    Written{"{ pow2 = [4, 16] }", Choice{{4, 8, 16}, true}},
                    Written{"{ choice = [\"a\", 1, 2.5, true, [1, 2]] }",
                            Choice{{"a", 1, 2.5, true, Value::List{1, 2}}}},
                    Written{"{ ordinal = [1, 3, 9] }", Choice{{1, 3, 9}, true}},
                    Written{"{ grid = [1, 2] }", Grid{{1, 2}}}, Written{"0.1", Constant{0.1}},
                    Written{"[1, 2]", Constant{Value::List{1, 2}}},
                    Written{"{ constant = \"uniform(0, 1)\" }", Constant{"uniform(0, 1)"}},
                    Written{"{ constant = 5 }", Constant{5}}));

TEST(SpaceTable, PriorsAreReadAndWrittenBackWithTheirStrength) {
  const auto prior_of = [](const std::string& definition) {
    const Space space = space_of("k = { choice = [\"a\", \"b\"] }\nx = " + definition);
    EXPECT_EQ(
        space_of("k = { choice = [\"a\", \"b\"] }\nx = " + write_domain(space.parameters.at(1))),
        space);
    return space.parameters.at(1).prior;
  };
  EXPECT_EQ(prior_of("{ loguniform = [1e-4, 1], prior = 0.01 }"), (Prior{0.01, 1}));
  EXPECT_EQ(prior_of("{ uniform = [0, 1], prior = { value = 1, strength = 2.5 } }"),
            (Prior{1, 2.5}));
  EXPECT_EQ(prior_of("{ choice = [[1, 2], [3]], prior = [3], when = { k = \"a\" } }"),
            (Prior{Value::List{3}, 1}));
  EXPECT_EQ(prior_of("{ uniform = [0, 1] }"), std::nullopt);
}

TEST(SpaceTable, ComputedParametersComeBehindWhatTheyName) {
  const Space space = space_of("b = { expr = \"2 * a\" }\na = { int = [1, 4] }");
  ASSERT_EQ(space.parameters.size(), 2u);
  EXPECT_EQ(space.parameters[0].name, "a");
  EXPECT_EQ(space.parameters[1], (Parameter{"b", Computed{"2 * a"}}));
}

TEST(SpaceTable, NestedTablesBecomeDottedNamesHoweverTheyAreWritten) {
  const Space dotted = space_of(
      "optimizer.name = {choice = [\"sgd\", \"adam\"]}\noptimizer.lr = {uniform = [0, 1]}\n"
      "optimizer.eps = 1e-8");
  EXPECT_EQ(dotted.parameters[1].name, "optimizer.lr");
  EXPECT_EQ(space_of("optimizer = { name = {choice = [\"sgd\", \"adam\"]}, lr = {uniform = "
                     "[0, 1]}, eps = 1e-8 }"),
            dotted);
  EXPECT_EQ(space_of("[space.optimizer]\nname = {choice = [\"sgd\", \"adam\"]}\nlr = {uniform = "
                     "[0, 1]}\neps = 1e-8"),
            dotted);
  EXPECT_EQ(space_of("[space.optimizer]\neps = 1e-8\n[space.optimizer.name]\nchoice = [\"sgd\", "
                     "\"adam\"]\n[space.optimizer.lr]\nuniform = [0, 1]")
                .parameters.size(),
            3u);
}

TEST(SpaceTable, ConditionsNameAValueOrSeveralAndNestedParents) {
  const Space space = space_of(
      "o.name = { choice = [\"sgd\", \"adam\", \"rms\"] }\n"
      "m = { uniform = [0, 1], when = { o.name = [\"sgd\", \"rms\"] } }\n"
      "k = { constant = 3, when = { \"o.name\" = \"adam\", m = 1 } }");
  EXPECT_EQ(space.parameters[1].when,
            (std::vector<Condition>{{"o.name", {Value("sgd"), Value("rms")}}}));
  EXPECT_EQ(space.parameters[2].when.size(), 2u);
  EXPECT_EQ(write_domain(space.parameters[2]),
            "{ constant = 3, when = { o.name = \"adam\", m = 1 } }");
}

struct WrongSpace {
  std::string lines;
  std::string message;
};
void PrintTo(const WrongSpace& wrong, std::ostream* out) { *out << wrong.lines; }

class WrongSpaceTable : public testing::TestWithParam<WrongSpace> {};

TEST_P(WrongSpaceTable, IsRefusedWithItsPlace) {
  const auto spec = parse_study(with_space(GetParam().lines), "s.toml");
  EXPECT_EQ(spec ? "no error" : spec.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, WrongSpaceTable,
    testing::Values(
        WrongSpace{"lr = { unifrom = [0, 1] }",
                   "s.toml:7:8: lr: unknown distribution \"unifrom\"; did you mean \"uniform\"?"},
        WrongSpace{"lr = { randint = [0, 1] }",
                   "s.toml:7:8: lr: unknown distribution \"randint\"; did you mean \"int\"?"},
        WrongSpace{"lr = {}",
                   "s.toml:7:6: lr: says nothing; write for example { uniform = [0.0, 1.0] }"},
        WrongSpace{"lr = { uniform = [0, 1], choice = [1] }",
                   "s.toml:7:26: lr is both uniform and choice"},
        WrongSpace{"lr = { uniform = [0, 1], whn = { a = 1 } }",
                   "s.toml:7:26: lr: unknown key \"whn\" beside uniform; did you mean \"when\"?"},
        WrongSpace{"lr = { uniform = [0, 1], prior = { value = 1, strong = 2 } }",
                   "s.toml:7:34: lr.prior must be a value thought good, or a table such as "
                   "{ value = 0.01, strength = 2.0 }, not a table"},
        WrongSpace{"lr = { uniform = [0, 1], prior = { strength = 2 } }",
                   "s.toml:7:34: lr.prior must be a value thought good, or a table such as "
                   "{ value = 0.01, strength = 2.0 }, not a table"},
        WrongSpace{"lr = { loguniform = [1e-4, 0.1], prior = 3 }",
                   "s.toml:7:21: parameter 'lr': its prior 3 is not in loguniform(0.0001, 0.1)"},
        WrongSpace{"n = { choice = [1, 2], prior = { value = 1, strength = -1 } }",
                   "s.toml:7:16: parameter 'n': its prior's strength must be above 0, not -1"},
        WrongSpace{"n = { constant = 1, prior = 1 }",
                   "s.toml:7:18: parameter 'n': a prior is for what is drawn, and this is not"},
        WrongSpace{"n = { grid = [1, 2] }\nm = { uniform = [0, 1], prior = 1 }",
                   "s.toml:8:1: m.prior would have no effect: a grid goes through all values; "
                   "[search] points says what comes first"},
        WrongSpace{"lr = { uniform = [0, 1], when = \"a\" }",
                   "s.toml:7:33: lr.when must be a table such as { optimizer = \"sgd\" }, not "
                   "text"},
        WrongSpace{"lr = { uniform = 0.5 }",
                   "s.toml:7:18: lr: uniform takes numbers [low, high], not 0.5"},
        WrongSpace{"lr = { quniform = [0, 1] }",
                   "s.toml:7:19: lr: quniform takes numbers [low, high, q], not 2 items"},
        WrongSpace{"lr = { uniform = [0, \"one\"] }",
                   "s.toml:7:22: lr: uniform takes numbers [low, high], not \"one\""},
        WrongSpace{"lr = { quniform = [0, 1, 0] }", "s.toml:7:26: lr: quniform needs q > 0, not 0"},
        WrongSpace{"n = { int = [1, 2.5] }",
                   "s.toml:7:17: n: int takes whole numbers [low, high], not 2.5"},
        WrongSpace{"n = { pow2 = [3, 64] }",
                   "s.toml:7:14: n: pow2 takes two powers of two [low, high] with low <= high, "
                   "not [3, 64]"},
        WrongSpace{
            "lr = \"loguniform(1e-4, 1e-1)\"",
            "s.toml:7:6: lr: \"loguniform(1e-4, 1e-1)\" is a text, not a distribution; write "
            "lr = { loguniform = [...] }, or { constant = ... } if the text is meant"},
        WrongSpace{
            "lr = \"tune.randint [1, 3\"",
            "s.toml:7:6: lr: \"tune.randint [1, 3\" is a text, not a distribution; write lr = "
            "{ int = [...] }, or { constant = ... } if the text is meant"},
        WrongSpace{"[space.o]\nchoice = [\"sgd\"]\nlr = { uniform = [0, 1] }",
                   "s.toml:9:1: o is a parameter, and a parameter cannot have parameters below it: "
                   "give o.lr another name"},
        WrongSpace{
            "o = { choice = [\"sgd\"] }\no.lr = 1",
            "s.toml:8:1: cannot redefine existing table as dotted key-value pair; what has "
            "a value, or is written in { }, cannot have keys below it: a parameter cannot have "
            "parameters below it"},
        WrongSpace{std::string(101, 'a') + " = 1",
                   "s.toml:7:1: a parameter's name has at most 100 characters, this one has 101"},
        WrongSpace{"n = { choice = 3 }", "s.toml:7:16: n: choice takes a list of values, not 3"},
        WrongSpace{"n = { choice = [{a = 1}] }",
                   "s.toml:7:16: n: choice takes a list of values, not one with tables or dates"},
        WrongSpace{"n = { expr = 3 }",
                   "s.toml:7:14: n: expr takes text such as \"2 * hidden\", not 3"},
        WrongSpace{"n = 2024-01-01", "s.toml:7:5: n: a constant cannot hold a date"},
        WrongSpace{"\"a b\" = 1",
                   "s.toml:7:1: \"a b\" cannot name a parameter: a name has letters, digits, _ "
                   "and -, and begins with a letter or _"},
        WrongSpace{"dir = 1",
                   "s.toml:7:1: no parameter can be called \"dir\": a command's {dir} "
                   "is something else"}));

/// What `validate` says is its own; here only that it is found in the right place.
struct Misplaced {
  std::string lines, search, place;
};
void PrintTo(const Misplaced& wrong, std::ostream* out) { *out << wrong.lines << wrong.search; }

class InvalidSpace : public testing::TestWithParam<Misplaced> {};

TEST_P(InvalidSpace, IsRefusedAtTheParameterThatIsWrong) {
  const auto spec = parse_study(with_space(GetParam().lines, GetParam().search), "s.toml");
  ASSERT_FALSE(spec.ok());
  EXPECT_TRUE(spec.error().message.starts_with(GetParam().place)) << spec.error().message;
  EXPECT_EQ(spec.error().message.find('\n'), std::string::npos) << spec.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Places, InvalidSpace,
    testing::Values(Misplaced{"ok = 1\nlr = { uniform = [1, 0] }", "", "s.toml:8:18: "},
                    Misplaced{"lr = { loguniform = [-1, 1] }", "", "s.toml:7:21: "},
                    Misplaced{"lr = { loguniform = [0.0, 1] }", "", "s.toml:7:21: "},
                    Misplaced{"lr = { uniform = [0, inf] }", "", "s.toml:7:18: "},
                    Misplaced{"lr = { normal = [0, -1] }", "", "s.toml:7:17: "},
                    Misplaced{"n = { choice = [] }", "", "s.toml:7:16: "},
                    Misplaced{"n = { choice = [1, 1] }", "", "s.toml:7:16: "},
                    Misplaced{"n = { expr = \"2 *\" }", "", "s.toml:7:14: "},
                    Misplaced{"n = { expr = \"2 * m\" }", "", "s.toml:7:14: "},
                    Misplaced{"a = { expr = \"b\" }\nb = { expr = \"a\" }", "", "s.toml:7:14: "},
                    Misplaced{"a = 1\nm = { uniform = [0, 1], when = { b = 2 } }", "",
                              "s.toml:8:17: "},
                    Misplaced{"a = { int = [1, 9] }",
                              "[search]\nconstraints = [\"a > 0\", \"a >\"]", "s.toml:9:25: "},
                    Misplaced{"a = { int = [1, 9] }", "[search]\npoints = [{ a = 3 }, { a = 10 }]",
                              "s.toml:9:22: "}));

std::string complaint_about(std::string_view lines, std::string_view command = "a") {
  const std::string text = fmt::format(
      "[study]\nmetric = \"loss\"\nmode = \"min\"\n[worker]\ncommand = [\"{}\"]\n[space]\n{}\n",
      command, lines);
  const auto spec = parse_study(text, "s.toml");
  EXPECT_FALSE(spec.ok());
  return spec.ok() ? "" : spec.error().message;
}

TEST(SpaceMistakes, EveryWrongRangeIsToldAtOnce) {
  EXPECT_EQ(complaint_about("a = { uniform = [1, 0] }\nb = { loguniform = [-1, 1] }"),
            "s.toml:7:17: parameter 'a': its range is empty: low 1 is above high 0\n"
            "s.toml:8:20: parameter 'b': a logarithmic range must begin above 0, not at -1");
}

TEST(SpaceMistakes, ACircleOfNeedsIsShown) {
  EXPECT_EQ(complaint_about("lr = { uniform = [0, 1], when = { opt = \"a\" } }\n"
                            "opt = { choice = [\"a\"], when = { lr = 0.1 } }\n"
                            "more = { expr = \"2 * lr\" }"),
            "s.toml:7:18: parameters depend on each other in a circle: lr needs opt, opt needs lr");
}

TEST(SpaceMistakes, AParameterWithAMistakeIsNotMissedElsewhere) {
  EXPECT_EQ(complaint_about("lr = { unifrom = [0, 1] }", "{lr}"),
            "s.toml:7:8: lr: unknown distribution \"unifrom\"; did you mean \"uniform\"?");
}

}  // namespace
}  // namespace clavier::app
