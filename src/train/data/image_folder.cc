#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "base/utf8.h"
#include "train/data/bytes.h"
#include "train/data/image.h"
#include "train/data/own_data.h"
#include "train/data/resize.h"

namespace clavier::train::data {
namespace {

namespace fs = std::filesystem;
using Size = std::array<std::int64_t, 2>;

constexpr int kMaxDepth = 16;
const std::set<std::string> kEndings = {".png", ".jpg", ".jpeg", ".jpe",  ".jfif", ".pgm", ".ppm",
                                        ".pnm", ".bmp", ".gif",  ".webp", ".tif",  ".tiff"};

/// Entries that are not hidden, by name.
std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder))
    if (!entry.path().filename().string().starts_with('.') && !of_file_system(entry.path()))
      entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::string lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

/// By its ending, else by its first bytes.
bool is_image(const fs::path& path) {
  if (kEndings.contains(lower(path.extension().string()))) return true;
  std::array<char, 16> start{};
  std::ifstream in(path, std::ios::binary);
  in.read(start.data(), start.size());
  return !image_kind(as_bytes({start.data(), static_cast<std::size_t>(in.gcount())})).empty();
}

/// Files that were passed over, for one line about them.
struct LeftOut {
  std::map<std::string, std::int64_t> by_ending = {};
  std::string first = {};
  std::vector<std::string> empty = {};   ///< Folders of classes without an image.
  std::vector<std::string> system = {};  ///< Of the file system.
  std::int64_t damaged = 0;
  std::string first_damaged = {};  ///< With what is wrong.
  std::size_t looked_at = 0;       ///< Of so many images only; 0: of all.

  /// Whether the image is to be left out for this.
  bool takes(const Error& error) {
    if (error.code == ErrorCode::kUnavailable) return false;
    if (damaged++ == 0) first_damaged = error.message;
    return true;
  }

  void tell(std::vector<std::string>& remarks) const {
    std::vector<std::string> kinds;
    for (const auto& [ending, count] : by_ending)
      kinds.push_back(fmt::format("{} {}", count, ending.empty() ? "without an ending" : ending));
    if (!kinds.empty())
      remarks.push_back(
          fmt::format("left out, no images: {} (such as {})", fmt::join(kinds, ", "), first));
    for (const auto& [what, paths] :
         {std::pair("a folder without an image", &empty), std::pair("of the file system", &system)})
      if (!paths->empty())
        remarks.push_back(fmt::format(
            "left out, {}: {}{}", what, paths->front(),
            paths->size() == 1 ? std::string() : fmt::format(" and {} more", paths->size() - 1)));
    if (damaged > 0)
      remarks.push_back(fmt::format(
          "left out, damaged: {} {}{} (such as {})", damaged, damaged == 1 ? "image" : "images",
          looked_at == 0 ? "" : fmt::format(" of the first {}", looked_at), first_damaged));
  }
};

void find_system(const fs::path& folder, LeftOut& left) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (of_file_system(entry.path())) found.push_back(entry.path().string());
  std::sort(found.begin(), found.end());
  left.system.insert(left.system.end(), found.begin(), found.end());
}

/// The images in a folder and those in it.
void find_images(const fs::path& folder, int depth, std::vector<fs::path>& images, LeftOut& left) {
  find_system(folder, left);
  for (const auto& entry : sorted_entries(folder)) {
    if (fs::is_directory(entry)) {
      if (depth < kMaxDepth) find_images(entry, depth + 1, images, left);
    } else if (fs::is_regular_file(entry) && is_image(entry)) {
      images.push_back(entry);
    } else {
      ++left.by_ending[lower(entry.extension().string())];
      if (left.first.empty()) left.first = entry.string();
    }
  }
}

/// Whoever waits for a study to begin waits for this: it ends after 64 MB.
void find_damaged(const std::vector<fs::path>& images, LeftOut& left) {
  constexpr std::size_t kMostBytes = 64 << 20;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (bytes >= kMostBytes) {
      left.looked_at = i;
      return;
    }
    const auto file = read_file(images[i]);
    if (!file) continue;  // Who loads the data says so.
    bytes += file->size();
    if (const auto image = decode_image(*file, images[i].string()); !image)
      left.takes(image.error());
  }
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
  Collector(std::optional<Size> size, bool skip_damaged, LeftOut& left)
      : size_(size), skip_damaged_(skip_damaged), left_(left) {}

  /// `classes` get numbers when first seen if `grow`, else unknown ones are refused.
  enum class Classes { kGrow, kFixed };
  Status read(const fs::path& root, Classes mode, std::map<std::string, std::int64_t>& classes) {
    find_system(root, left_);
    for (const auto& folder : sorted_entries(root)) {
      if (!fs::is_directory(folder)) continue;
      std::vector<fs::path> images;
      find_images(folder, 0, images, left_);
      if (images.empty()) {
        left_.empty.push_back(folder.string());
        continue;
      }
      auto name = folder.filename().string();
      if (find_not_utf8(name) != name.npos)
        return invalid(fmt::format("{}: its name is no UTF-8: rename it", folder.string()));
      if (mode == Classes::kGrow) classes.emplace(name, std::ssize(classes));
      auto found = classes.find(name);
      if (found == classes.end())
        return invalid(
            fmt::format("{}: the training data have no class \"{}\"", folder.string(), name));
      auto before = labels_.size();
      for (const auto& file : images) TRY(add(file, found->second));
      if (labels_.size() == before)
        return invalid(fmt::format("{}: every image in it is damaged", folder.string()));
    }
    if (labels_.empty()) return invalid(no_classes(root, left_));
    return ok_status();
  }

  /// One image that needs no class.
  Status add(const fs::path& file, std::int64_t label) {
    auto bytes = TRY(read_file(file));
    auto decoded = decode_image(bytes, file.string());
    if (!decoded && skip_damaged_ && left_.takes(decoded.error())) return ok_status();
    if (!decoded)
      return Error{decoded.error().code,
                   decoded.error().message + (decoded.error().code == ErrorCode::kCorrupt
                                                  ? "; skip_damaged = true leaves such images out"
                                                  : "")};
    auto image = *std::move(decoded);
    if (!size_) size_ = {image.height, image.width};
    if (!given_ && (image.height != (*size_)[0] || image.width != (*size_)[1]))
      return invalid(
          fmt::format("{}: {} x {} pixels, the images before it are {} x {}; set image_size in "
                      "[trainer] (for `clavier data`: --image-size)",
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
  static std::string no_classes(const fs::path& root, const LeftOut& left);

  std::optional<Size> size_;
  bool given_ = size_.has_value();
  bool skip_damaged_;
  LeftOut& left_;
  bool colour_ = false;
  std::vector<std::vector<std::uint8_t>> samples_;  ///< Planes: one or three per image.
  std::vector<std::int64_t> labels_;
};

std::string Collector::no_classes(const fs::path& root, const LeftOut& left) {
  if (!left.empty.empty())
    return fmt::format("{}: no image (PNG, JPEG, PGM, PPM, BMP, WebP, GIF, TIFF) in it",
                       left.empty.front());
  std::vector<std::string> files;
  for (const auto& entry : sorted_entries(root))
    if (files.size() < 5) files.push_back(entry.filename().string());
  return fmt::format("{}: no folder of images for each class in it{}{}", root.string(),
                     files.empty() ? "" : "; there are: ", fmt::join(files, ", "));
}

struct Folders {
  fs::path train;
  std::optional<fs::path> validation = {};
  std::optional<fs::path> test = {};
};

bool has_folders(const fs::path& folder) {
  auto entries = sorted_entries(folder);
  return std::any_of(entries.begin(), entries.end(),
                     [](const fs::path& entry) { return fs::is_directory(entry); });
}

/// The folder in `root` that has one of these names.
Result<std::optional<fs::path>> split_folder(const fs::path& root,
                                             std::span<const std::string_view> names) {
  std::vector<fs::path> found;
  for (const auto& entry : sorted_entries(root))
    if (fs::is_directory(entry) &&
        std::count(names.begin(), names.end(), lower(entry.filename().string())) > 0)
      found.push_back(entry);
  if (found.size() > 1)
    return invalid(fmt::format("{}: {} and {} stand for the same part of the data; leave one",
                               root.string(), found[0].filename().string(),
                               found[1].filename().string()));
  return found.empty() ? std::optional<fs::path>() : std::optional(found[0]);
}

Result<Folders> folders_of(const fs::path& root, std::vector<std::string>& remarks) {
  auto train = TRY(split_folder(root, kTrainNames));
  auto validation = TRY(split_folder(root, kValidationNames));
  auto test = TRY(split_folder(root, kTestNames));
  // A folder "train" that holds images is a class: things that run on rails.
  if (!train || !has_folders(*train)) {
    const bool parts = (validation && has_folders(*validation)) || (test && has_folders(*test));
    if (!parts) return Folders{root};
    return invalid(fmt::format("{}: {} beside no folder \"train\" with a folder for each class",
                               root.string(),
                               (validation ? *validation : *test).filename().string()));
  }
  for (const auto& entry : sorted_entries(root))
    if (fs::is_directory(entry) && entry != *train && entry != validation && entry != test)
      remarks.push_back(fmt::format("left out: the folder {}", entry.string()));
  // As in competitions, whose test images have no classes.
  if (test && !has_folders(*test)) {
    remarks.push_back(fmt::format("left out: {} has no folder for each class", test->string()));
    test.reset();
  }
  return Folders{*train, validation, test};
}

}  // namespace

bool of_file_system(const fs::path& path) {
  const auto name = path.filename().string();
  return name == ".DS_Store" || name == "__MACOSX";
}

Result<Source> read_image_folder(const fs::path& root, const DataSpec& spec) {
  std::vector<std::string> remarks;
  const auto folders = TRY(folders_of(root, remarks));
  LeftOut left;
  std::map<std::string, std::int64_t> classes;
  Collector train(spec.resize, spec.skip_damaged, left);
  TRY(train.read(folders.train, Collector::Classes::kGrow, classes));
  if (classes.size() < 2 && !left.empty.empty())
    return invalid(
        fmt::format("{}: no image (PNG, JPEG, PGM, PPM, BMP, WebP, GIF, TIFF) in it, and "
                    "no other class than \"{}\" is there",
                    left.empty.front(), classes.begin()->first));
  bool colour = train.colour();
  auto other = [&](const std::optional<fs::path>& folder) -> Result<std::optional<Collector>> {
    if (!folder) return std::optional<Collector>();
    Collector collector(train.size(), spec.skip_damaged, left);
    TRY(collector.read(*folder, Collector::Classes::kFixed, classes));
    colour |= collector.colour();
    return std::optional(std::move(collector));
  };
  auto validation = TRY(other(folders.validation));
  auto test = TRY(other(folders.test));

  int channels = colour ? 3 : 1;
  Source source{.shape = {channels, (*train.size())[0], (*train.size())[1]},
                .classes = std::ssize(classes),
                .scale = 1.0F / 255,
                .remarks = std::move(remarks)};
  left.tell(source.remarks);
  for (const auto& [name, number] : classes) source.class_names.push_back(name);
  source.samples = train.split(channels);
  if (validation) source.validation = validation->split(channels);
  if (test) source.test = test->split(channels);
  return source;
}

std::vector<std::string> images_left_out(const fs::path& root, bool skip_damaged) {
  std::vector<std::string> remarks;
  const auto folders = folders_of(root, remarks);
  if (!folders.ok()) return {};
  LeftOut left;
  std::vector<fs::path> images;
  for (const auto& part : {std::optional(folders->train), folders->validation, folders->test}) {
    if (!part) continue;
    find_system(*part, left);
    for (const auto& entry : sorted_entries(*part)) {
      const auto before = images.size();
      if (!fs::is_directory(entry)) continue;
      find_images(entry, 0, images, left);
      if (images.size() == before) left.empty.push_back(entry.string());
    }
  }
  if (skip_damaged) find_damaged(images, left);
  left.tell(remarks);
  return remarks;
}

Result<NamedImages> read_images(const fs::path& path, const std::vector<std::int64_t>& shape,
                                bool skip_damaged) {
  std::vector<fs::path> files = {path};
  LeftOut left;
  if (fs::is_directory(path)) files.clear(), find_images(path, 0, files, left);
  if (files.empty()) return not_found(fmt::format("{}: no image in it", path.string()));
  NamedImages images;
  Collector collector(Size{shape[1], shape[2]}, skip_damaged, left);
  for (const auto& file : files) {
    const auto before = left.damaged;
    TRY(collector.add(file, 0));
    if (left.damaged == before)
      images.names.push_back(files.size() == 1 && file == path
                                 ? file.filename().string()
                                 : file.lexically_relative(path).string());
  }
  if (shape[0] == 1 && collector.colour())
    return invalid(
        fmt::format("{}: images with colour; the model was trained on grey ones", path.string()));
  left.tell(images.remarks);
  images.split = collector.split(static_cast<int>(shape[0]));
  images.split.labels.clear();
  return images;
}

}  // namespace clavier::train::data
