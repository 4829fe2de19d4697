#include "train/data/records.h"

#include <fmt/format.h>

#include "train/data/bytes.h"
#include "train/data/csv.h"
#include "train/data/install.h"
#include "train/data/sha256.h"

namespace clavier::train::data {
namespace {

bool of_hundred(RecordKind kind) {
  return kind == RecordKind::kCifar100Fine || kind == RecordKind::kCifar100Coarse;
}
std::size_t label_bytes(RecordKind kind) { return of_hundred(kind) ? 2 : 1; }
std::size_t label_at(RecordKind kind) { return kind == RecordKind::kCifar100Fine ? 1 : 0; }
std::size_t pixels(RecordKind kind) { return kind == RecordKind::kMnist5k ? 28 * 28 : 3 * 32 * 32; }

const KnownSet& set_of(RecordKind kind) {
  return *find_known(of_hundred(kind)               ? "cifar100"
                     : kind == RecordKind::kCifar10 ? "cifar10"
                                                    : "mnist5k");
}

std::string get_hint(const KnownSet& set) {
  return fmt::format("get it with: clavier data {} (or download = true in the study file)",
                     set.name);
}

/// One of the set's files, whose size and, from a wheel, content must be the known ones.
Result<std::vector<std::byte>> read_official(const KnownSet& set, const KnownFile& file,
                                             const std::filesystem::path& data_dir) {
  const auto path = data_dir / set.folder / file.name;
  auto bytes = TRY(read_file(path, file.bytes));
  if (bytes.size() != file.bytes)
    return corrupt_at(path.string(), bytes.size(),
                      fmt::format("the official file has {} bytes", file.bytes));
  if (set.wheel.empty()) return bytes;
  const auto sum = sha256(as_text(bytes));
  if (sum == set.sha256) return bytes;
  return corrupt(fmt::format("{}: damaged (SHA-256 {} instead of {}): delete it, then {}",
                             path.string(), sum, set.sha256, get_hint(set)));
}

Status check_there(const KnownSet& set, const std::filesystem::path& data_dir) {
  if (auto wrong = missing_file(set, data_dir))
    return not_found(fmt::format("{}: {}; {}", set.name, *wrong, get_hint(set)));
  return ok_status();
}

}  // namespace

RecordKind record_kind(std::string_view set, bool coarse) {
  if (set == "mnist5k") return RecordKind::kMnist5k;
  if (set == "cifar10") return RecordKind::kCifar10;
  return coarse ? RecordKind::kCifar100Coarse : RecordKind::kCifar100Fine;
}

std::int64_t classes_of(RecordKind kind) {
  switch (kind) {
    case RecordKind::kMnist5k:
    case RecordKind::kCifar10: return 10;
    case RecordKind::kCifar100Fine: return 100;
    case RecordKind::kCifar100Coarse: return 20;
  }
  check_failed("a kind of records", std::source_location::current());
}

Source empty_records(RecordKind kind) {
  Source source{.shape = set_of(kind).shape, .classes = classes_of(kind), .scale = 1.0F / 255};
  if (kind == RecordKind::kCifar10) {  // The constants that everybody uses for this set.
    source.mean = {0.4914F, 0.4822F, 0.4465F};
    source.deviation = {0.2023F, 0.1994F, 0.2010F};
    source.class_names = {"airplane", "automobile", "bird",  "cat",  "deer",
                          "dog",      "frog",       "horse", "ship", "truck"};
  }
  if (kind == RecordKind::kMnist5k)
    for (char c = '0'; c <= '9'; ++c) source.class_names.emplace_back(1, c);
  else
    source.test.emplace();
  return source;
}

Status append_records(std::span<const std::byte> file, RecordKind kind, std::string_view origin,
                      Split& split) {
  auto& inputs = std::get<std::vector<std::uint8_t>>(split.inputs);
  const std::size_t record = label_bytes(kind) + pixels(kind);
  if (file.size() % record != 0)
    return corrupt_at(origin, file.size(),
                      fmt::format("the file ends within a record of {} bytes", record));
  for (std::size_t at = 0; at < file.size(); at += record) {
    auto label = static_cast<std::int64_t>(file[at + label_at(kind)]);
    if (label >= classes_of(kind))
      return corrupt_at(origin, at + label_at(kind),
                        fmt::format("class {} of {}", label, classes_of(kind)));
    split.labels.push_back(label);
    const auto* first = reinterpret_cast<const std::uint8_t*>(file.data() + at + label_bytes(kind));
    inputs.insert(inputs.end(), first, first + pixels(kind));
    ++split.count;
  }
  return ok_status();
}

Result<Source> read_records(RecordKind kind, const std::filesystem::path& data_dir) {
  const auto& set = set_of(kind);
  TRY(check_there(set, data_dir));
  Source source = empty_records(kind);
  std::get<0>(source.samples.inputs)
      .reserve((kind == RecordKind::kMnist5k ? 5'000 : 50'000) * pixels(kind));
  for (const auto& file : set.files) {
    const auto bytes = TRY(read_official(set, file, data_dir));
    auto& split = file.name.starts_with("test") ? *source.test : source.samples;
    TRY(append_records(bytes, kind, (data_dir / set.folder / file.name).string(), split));
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
  TRY(check_there(set, data_dir));
  const auto& file = set.files.front();
  const auto bytes = TRY(read_official(set, file, data_dir));
  return parse_digits(as_text(bytes), (data_dir / set.folder / file.name).string());
}

}  // namespace clavier::train::data
