#include "train/data/cifar.h"

#include <fmt/format.h>

#include "train/data/bytes.h"
#include "train/data/csv.h"
#include "train/data/install.h"
#include "train/data/sha256.h"

namespace clavier::train::data {
namespace {

constexpr std::size_t kPixels = 3 * 32 * 32;
constexpr std::string_view kDigitsSha256 =
    "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8";

std::size_t label_bytes(CifarKind kind) { return kind == CifarKind::kCifar10 ? 1 : 2; }
std::size_t label_at(CifarKind kind) { return kind == CifarKind::kCifar100Fine ? 1 : 0; }

std::string get_hint(const KnownSet& set) {
  return fmt::format("get it with: clavier data {} (or download = true in the study file)",
                     set.name);
}

}  // namespace

std::int64_t classes_of(CifarKind kind) {
  switch (kind) {
    case CifarKind::kCifar10: return 10;
    case CifarKind::kCifar100Fine: return 100;
    case CifarKind::kCifar100Coarse: return 20;
  }
  check_failed("a kind of CIFAR", std::source_location::current());
}

Source empty_cifar(CifarKind kind) {
  Source source{.shape = {3, 32, 32}, .classes = classes_of(kind), .scale = 1.0F / 255};
  if (kind == CifarKind::kCifar10) {  // The constants that everybody uses for this set.
    source.mean = {0.4914F, 0.4822F, 0.4465F};
    source.deviation = {0.2023F, 0.1994F, 0.2010F};
    source.class_names = {"airplane", "automobile", "bird",  "cat",  "deer",
                          "dog",      "frog",       "horse", "ship", "truck"};
  }
  source.test.emplace();
  return source;
}

Status append_cifar(std::span<const std::byte> file, CifarKind kind, std::string_view origin,
                    Split& split) {
  auto& inputs = std::get<std::vector<std::uint8_t>>(split.inputs);
  const std::size_t record = label_bytes(kind) + kPixels;
  if (file.size() % record != 0)
    return corrupt_at(origin, file.size(),
                      fmt::format("the file ends within a record of {} bytes", record));
  for (std::size_t at = 0; at < file.size(); at += record) {
    auto label = static_cast<std::int64_t>(file[at + label_at(kind)]);
    if (label >= classes_of(kind))
      return corrupt_at(origin, at + label_at(kind),
                        fmt::format("class {} of {}", label, classes_of(kind)));
    split.labels.push_back(label);
    const auto* pixels =
        reinterpret_cast<const std::uint8_t*>(file.data() + at + label_bytes(kind));
    inputs.insert(inputs.end(), pixels, pixels + kPixels);
    ++split.count;
  }
  return ok_status();
}

Result<Source> read_cifar(CifarKind kind, const std::filesystem::path& data_dir) {
  const auto& set = *find_known(kind == CifarKind::kCifar10 ? "cifar10" : "cifar100");
  if (auto wrong = missing_file(set, data_dir))
    return not_found(fmt::format("{}: {}; {}", set.name, *wrong, get_hint(set)));
  Source source = empty_cifar(kind);
  std::get<0>(source.samples.inputs).reserve(50'000 * kPixels);
  for (const auto& file : set.files) {
    auto path = data_dir / set.folder / file.name;
    auto bytes = TRY(read_file(path, file.bytes));
    if (bytes.size() != file.bytes)
      return corrupt_at(path.string(), bytes.size(),
                        fmt::format("the official file has {} bytes", file.bytes));
    auto& split = file.name.starts_with("test") ? *source.test : source.samples;
    TRY(append_cifar(bytes, kind, path.string(), split));
  }
  return source;
}

Result<Source> parse_digits(std::string_view csv, std::string_view origin) {
  auto table =
      TRY(parse_csv(csv, {.label = "65", .header = false, .missing = Missing::kRefuse}, origin));
  if (table.width != 64)
    return corrupt(fmt::format("{}: {} brightnesses a line instead of 64", origin, table.width));
  Source source{.shape = {1, 8, 8}, .classes = 10};
  for (std::size_t i = 0; i < table.inputs.size(); ++i) {
    if (!(table.inputs[i] >= 0 && table.inputs[i] <= 16))
      return corrupt(fmt::format("{}: line {}: brightness {} is not from 0 to 16", origin,
                                 i / 64 + 1, table.inputs[i]));
    table.inputs[i] /= 16;
  }
  for (std::size_t i = 0; i < table.labels.size(); ++i) {
    const auto& label = table.labels[i];
    if (label.size() != 1 || label[0] < '0' || label[0] > '9')
      return corrupt(fmt::format("{}: line {}: \"{}\" is no digit", origin, i + 1, label));
    source.samples.labels.push_back(label[0] - '0');
  }
  source.samples.inputs = std::move(table.inputs);
  source.samples.count = table.rows;
  for (char c = '0'; c <= '9'; ++c) source.class_names.emplace_back(1, c);
  return source;
}

Result<Source> read_digits(const std::filesystem::path& data_dir) {
  const auto& set = *find_known("digits");
  if (auto wrong = missing_file(set, data_dir))
    return not_found(fmt::format("digits: {}; {}", *wrong, get_hint(set)));
  auto path = data_dir / set.folder / set.files.front().name;
  auto bytes = TRY(read_file(path));
  auto sum = sha256(as_text(bytes));
  if (sum != kDigitsSha256)
    return corrupt(fmt::format("{}: damaged (SHA-256 {} instead of {}): delete it, then {}",
                               path.string(), sum, kDigitsSha256, get_hint(set)));
  return parse_digits(as_text(bytes), path.string());
}

}  // namespace clavier::train::data
