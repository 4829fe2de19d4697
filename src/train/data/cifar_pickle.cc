#include "train/data/cifar_pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "train/data/bytes.h"

// A pickle is a program for a machine with a stack. This one knows the instructions that build
// numbers, texts, lists and dictionaries; an object (NumPy's array) becomes the list of what it was
// made of, and its longest text is the array's bytes.
namespace clavier::train::data {
namespace {

constexpr std::size_t kPixels = 3 * 32 * 32;
constexpr int kMaxDepth = 16;

struct Value {
  enum class Kind { kOther, kNumber, kText, kItems, kMark };
  Kind kind = Kind::kOther;
  std::int64_t number = 0;
  std::string text = {};
  std::vector<Value*> items = {};  ///< Of a dictionary: key, value, key, …
};

/// UTF-8 back into the bytes it stands for; unchanged if it is none.
std::string latin1(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      bytes += text[i];
    } else if ((c == 0xc2 || c == 0xc3) && i + 1 < text.size()) {
      bytes += static_cast<char>((c & 3) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f));
    } else {
      return text;
    }
  }
  return bytes;
}

class Machine {
 public:
  Machine(std::span<const std::byte> file, std::string_view origin)
      : text_(as_text(file)), origin_(origin) {}

  Result<const Value*> run() {
    for (;;) {
      if (place_ >= text_.size()) return error("the file ends too early");
      const char instruction = text_[place_++];
      if (instruction == '.') break;
      if (!step(instruction))
        return error(fmt::format("no pickle of CIFAR: instruction {:#04x}",
                                 static_cast<unsigned char>(instruction)));
    }
    if (stack_.empty()) return error("an empty pickle");
    return stack_.back();
  }

  Error error(std::string_view what) const { return corrupt_at(origin_, place_, what); }

 private:
  using Kind = Value::Kind;

  Value* make(Value value) { return &values_.emplace_back(std::move(value)); }
  bool push(Value value) {
    stack_.push_back(make(std::move(value)));
    return true;
  }
  /// A number of so many bytes, little endian.
  std::optional<std::uint64_t> number(std::size_t bytes) {
    if (text_.size() - place_ < bytes) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = bytes; i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(text_[place_ + i]);
    place_ += bytes;
    return value;
  }
  bool push_number(std::size_t bytes) {
    const auto value = number(bytes);
    return value && push({.kind = Kind::kNumber,
                          .number = bytes == 4 ? static_cast<std::int32_t>(*value)
                                               : static_cast<std::int64_t>(*value)});
  }
  bool push_text(std::size_t length_bytes) {
    const auto length = number(length_bytes);
    if (!length || text_.size() - place_ < *length) return false;
    place_ += *length;
    return push(
        {.kind = Kind::kText, .text = std::string(text_.substr(place_ - *length, *length))});
  }
  bool skip_line() {
    const auto end = text_.find('\n', place_);
    if (end == text_.npos) return false;
    place_ = end + 1;
    return true;
  }
  /// The last `count` values become one.
  bool gather(std::size_t count) {
    if (stack_.size() < count) return false;
    Value list{.kind = Kind::kItems};
    list.items.assign(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return push(std::move(list));
  }
  std::optional<std::size_t> above_mark() const {
    for (std::size_t i = stack_.size(); i-- > 0;)
      if (stack_[i]->kind == Kind::kMark) return stack_.size() - i - 1;
    return std::nullopt;
  }
  bool gather_to_mark() {
    const auto count = above_mark();
    if (!count || !gather(*count)) return false;
    stack_.erase(stack_.end() - 2);
    return true;
  }
  /// Appends the last `count` values, and takes away a mark below them, to what is under it.
  bool append(std::optional<std::size_t> count, bool mark) {
    const std::size_t extra = mark ? 2 : 1;
    if (!count || stack_.size() < *count + extra) return false;
    Value* const into = stack_[stack_.size() - *count - extra];
    into->items.insert(into->items.end(), stack_.end() - static_cast<std::ptrdiff_t>(*count),
                       stack_.end());
    stack_.resize(stack_.size() - *count - extra + 1);
    return true;
  }
  bool put(std::optional<std::uint64_t> at) {
    if (!at || stack_.empty()) return false;
    memo_[*at] = stack_.back();
    return true;
  }
  bool get(std::optional<std::uint64_t> at) {
    const auto found = at ? memo_.find(*at) : memo_.end();
    if (found == memo_.end()) return false;
    stack_.push_back(found->second);
    return true;
  }

  bool step(char instruction) {
    switch (static_cast<unsigned char>(instruction)) {
      case 0x80: return number(1).has_value();  // the version
      case 0x95: return number(8).has_value();  // a frame
      case '(': return push({.kind = Kind::kMark});
      case '}':
      case ']':
      case ')': return push({.kind = Kind::kItems});
      case 'N':
      case 0x88:
      case 0x89: return push({});  // None, True, False
      case 'K': return push_number(1);
      case 'M': return push_number(2);
      case 'J': return push_number(4);
      case 'U':
      case 'C':
      case 0x8c: return push_text(1);
      case 'T':
      case 'X':
      case 'B': return push_text(4);
      case 0x8d:
      case 0x8e:
      case 0x96: return push_text(8);
      case 'q': return put(number(1));
      case 'r': return put(number(4));
      case 0x94: return put(memo_.size());
      case 'h': return get(number(1));
      case 'j': return get(number(4));
      case 'c': return skip_line() && skip_line() && push({});  // a class or function, by name
      case 0x85: return gather(1);
      case 0x86:
      case 0x93:  // a class or function, by the two texts on the stack
      case 'R':   // a call
      case 0x81: return gather(2);
      case 0x87: return gather(3);
      case 't':
      case 'l': return gather_to_mark();
      case 'a':
      case 'b': return append(1, false);  // 'b': the state of an object
      case 's': return append(2, false);
      case 'e':
      case 'u': return append(above_mark(), true);
      default: return false;
    }
  }

  std::string_view text_;
  std::string_view origin_;
  std::size_t place_ = 0;
  std::deque<Value> values_;  ///< Owns them all.
  std::vector<Value*> stack_;
  std::map<std::uint64_t, Value*> memo_;
};

const Value* find(const Value& dictionary, std::string_view key) {
  for (std::size_t i = 0; i + 1 < dictionary.items.size(); i += 2) {
    const Value& name = *dictionary.items[i];
    if (name.text == key) return dictionary.items[i + 1];
    // Where Python 3 wrote version 2, bytes are a call with a text.
    for (const Value* part : name.items)
      for (const Value* word : part->items)
        if (word->text == key) return dictionary.items[i + 1];
  }
  return nullptr;
}

const Value* longest_text(const Value& value, int depth) {
  const Value* longest = value.kind == Value::Kind::kText ? &value : nullptr;
  if (depth == 0) return longest;
  for (const Value* item : value.items) {
    const Value* text = longest_text(*item, depth - 1);
    if (text != nullptr && (longest == nullptr || text->text.size() > longest->text.size()))
      longest = text;
  }
  return longest;
}

}  // namespace

Status append_cifar_pickle(std::span<const std::byte> file, RecordKind kind,
                           std::string_view origin, Split& split) {
  Machine machine(file, origin);
  const Value& dictionary = *TRY(machine.run());
  const Value* data = find(dictionary, "data");
  const Value* labels = find(dictionary, kind == RecordKind::kCifar10        ? "labels"
                                         : kind == RecordKind::kCifar100Fine ? "fine_labels"
                                                                             : "coarse_labels");
  const Value* text = data == nullptr ? nullptr : longest_text(*data, kMaxDepth);
  if (text == nullptr || labels == nullptr)
    return machine.error("a dictionary with data and labels must stand here");
  std::string pixels = text->text;
  if (pixels.size() != labels->items.size() * kPixels) pixels = latin1(pixels);
  if (pixels.size() != labels->items.size() * kPixels)
    return machine.error(fmt::format("{} labels and {} bytes of images of {}", labels->items.size(),
                                     pixels.size(), kPixels));
  for (const Value* label : labels->items) {
    if (label->kind != Value::Kind::kNumber || label->number < 0 ||
        label->number >= classes_of(kind))
      return machine.error("a label that is no class");
    split.labels.push_back(label->number);
  }
  auto& inputs = std::get<std::vector<std::uint8_t>>(split.inputs);
  inputs.insert(inputs.end(), pixels.begin(), pixels.end());
  split.count = std::ssize(split.labels);
  return ok_status();
}

Result<Source> read_cifar_pickles(RecordKind kind, const std::filesystem::path& folder) {
  Source source = empty_records(kind);
  std::vector<std::string> names = {"train"};
  if (kind == RecordKind::kCifar10)
    names = {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"};
  const auto read = [&](const std::string& name, Split& split) -> Status {
    const auto path = folder / name;
    const auto bytes = TRY(read_file(path));
    return append_cifar_pickle(bytes, kind, path.string(), split);
  };
  for (const auto& name : names) TRY(read(name, source.samples));
  TRY(read(kind == RecordKind::kCifar10 ? "test_batch" : "test", *source.test));
  return source;
}

}  // namespace clavier::train::data
