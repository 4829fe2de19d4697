#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "train/data/bytes.h"
#include "train/data/image.h"
#include "train/data/own_data.h"
#include "train/data/resize.h"

namespace clavier::train::data {
namespace {

namespace fs = std::filesystem;
using Size = std::array<std::int64_t, 2>;

const std::set<std::string> kExtensions = {".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".pnm"};

/// Entries that are not hidden, by name.
std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder))
    if (!entry.path().filename().string().starts_with('.')) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool is_image(const fs::path& path) {
  auto extension = path.extension().string();
  for (auto& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return kExtensions.count(extension) > 0 && fs::is_regular_file(path);
}

/// One plane of an image, at the size wanted.
std::vector<std::uint8_t> plane(const Image& image, int channel, const Size& size) {
  auto pixels = static_cast<std::size_t>(image.height * image.width);
  std::vector<std::uint8_t> bytes(pixels);
  for (std::size_t p = 0; p < pixels; ++p)
    bytes[p] = image.pixels[p * static_cast<std::size_t>(image.channels) +
                            static_cast<std::size_t>(channel)];
  if (image.height == size[0] && image.width == size[1]) return bytes;
  std::vector<float> values(bytes.begin(), bytes.end());
  std::vector<float> out(static_cast<std::size_t>(size[0] * size[1]));
  Resizer(image.height, image.width, size[0], size[1]).apply(values, out);
  bytes.clear();
  for (float value : out) bytes.push_back(static_cast<std::uint8_t>(std::lround(value)));
  return bytes;
}

/// The samples of one split before it is known whether any image has colour.
class Collector {
 public:
  explicit Collector(std::optional<Size> size) : size_(size) {}

  /// `classes` get numbers when first seen if `grow`, else unknown ones are refused.
  enum class Classes { kGrow, kFixed };
  Status read(const fs::path& root, Classes mode, std::map<std::string, std::int64_t>& classes) {
    for (const auto& folder : sorted_entries(root)) {
      if (!fs::is_directory(folder)) continue;
      auto name = folder.filename().string();
      if (mode == Classes::kGrow) classes.emplace(name, std::ssize(classes));
      auto found = classes.find(name);
      if (found == classes.end())
        return invalid(
            fmt::format("{}: the training data have no class \"{}\"", folder.string(), name));
      auto before = labels_.size();
      for (const auto& file : sorted_entries(folder))
        if (is_image(file)) TRY(add(file, found->second));
      if (labels_.size() == before)
        return invalid(fmt::format("{}: no image (png, jpg, pgm, ppm) in it", folder.string()));
    }
    if (labels_.empty())
      return invalid(fmt::format("{}: no folder of images for each class in it", root.string()));
    return ok_status();
  }

  std::optional<Size> size() const { return size_; }
  bool colour() const { return colour_; }

  Split split(int channels) {
    Split split;
    std::vector<std::uint8_t> inputs;
    auto bytes = static_cast<std::size_t>((*size_)[0] * (*size_)[1] * channels);
    inputs.reserve(samples_.size() * bytes);
    for (auto& sample : samples_) {
      // A grey image is repeated in every channel.
      for (auto copies = bytes / sample.size(); copies > 0; --copies)
        inputs.insert(inputs.end(), sample.begin(), sample.end());
      sample = {};
    }
    split.inputs = std::move(inputs);
    split.labels = std::move(labels_);
    split.count = std::ssize(split.labels);
    return split;
  }

 private:
  Status add(const fs::path& file, std::int64_t label) {
    auto bytes = TRY(read_file(file));
    auto image = TRY(decode_image(bytes, file.string()));
    if (!size_) size_ = {image.height, image.width};
    if (!given_ && (image.height != (*size_)[0] || image.width != (*size_)[1]))
      return invalid(
          fmt::format("{}: {} x {} pixels, the images before it are {} x {}; set resize = "
                      "[height, width]",
                      file.string(), image.height, image.width, (*size_)[0], (*size_)[1]));
    std::vector<std::uint8_t> sample;
    for (int c = 0; c < image.channels; ++c) {
      auto values = plane(image, c, *size_);
      sample.insert(sample.end(), values.begin(), values.end());
    }
    colour_ |= image.channels == 3;
    samples_.push_back(std::move(sample));
    labels_.push_back(label);
    return ok_status();
  }

  std::optional<Size> size_;
  bool given_ = size_.has_value();
  bool colour_ = false;
  std::vector<std::vector<std::uint8_t>> samples_;  ///< Planes: one or three per image.
  std::vector<std::int64_t> labels_;
};

struct Folders {
  fs::path train;
  std::optional<fs::path> validation;
  std::optional<fs::path> test;
};

Folders folders_of(const fs::path& root) {
  if (!fs::is_directory(root / "train")) return {root, {}, {}};
  Folders folders{root / "train", {}, {}};
  for (const char* name : {"validation", "val"})
    if (!folders.validation && fs::is_directory(root / name)) folders.validation = root / name;
  if (fs::is_directory(root / "test")) folders.test = root / "test";
  return folders;
}

}  // namespace

Result<Source> read_image_folder(const fs::path& root, std::optional<Size> resize) {
  auto folders = folders_of(root);
  std::map<std::string, std::int64_t> classes;
  Collector train(resize);
  TRY(train.read(folders.train, Collector::Classes::kGrow, classes));
  bool colour = train.colour();
  auto other = [&](const std::optional<fs::path>& folder) -> Result<std::optional<Collector>> {
    if (!folder) return std::optional<Collector>();
    Collector collector(train.size());
    TRY(collector.read(*folder, Collector::Classes::kFixed, classes));
    colour |= collector.colour();
    return std::optional(std::move(collector));
  };
  auto validation = TRY(other(folders.validation));
  auto test = TRY(other(folders.test));

  int channels = colour ? 3 : 1;
  Source source{.shape = {channels, (*train.size())[0], (*train.size())[1]},
                .classes = std::ssize(classes),
                .scale = 1.0F / 255};
  for (const auto& [name, number] : classes) source.class_names.push_back(name);
  source.samples = train.split(channels);
  if (validation) source.validation = validation->split(channels);
  if (test) source.test = test->split(channels);
  return source;
}

}  // namespace clavier::train::data
