#include "app/file/study_file_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/files.h"

// An override edits the text, not the tree: the text is what is logged and shown, with the user's
// comments and order. Where a new key may stand depends on how the tables around it are spelt
// (headers, dotted keys, braces), which the tree does not say. Rather than model that, `apply`
// tries the few possible places, the tidiest first, and keeps the first after which the parsed file
// says what was asked for and nothing else about that key.
namespace clavier::app {
namespace {

using Path = std::vector<std::string>;

std::optional<Path> split_key(std::string_view key) {
  Path parts;
  for (;;) {
    const std::size_t dot = key.find('.');
    const std::string_view part = key.substr(0, dot);
    if (part.empty() || part.find_first_of(" \t\n\"'[]{}=#") != std::string_view::npos) return {};
    parts.emplace_back(part);
    if (dot == std::string_view::npos) return parts;
    key.remove_prefix(dot + 1);
  }
}

std::string joined(std::span<const std::string> parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ".") + toml_key(part);
  return out;
}

/// A key of a table, or the number of a list's item, from 0.
const TomlNode* below(const TomlNode& node, const std::string& part) {
  if (!node.is_array()) return node.find(part);
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  const bool number = error == std::errc() && end == part.data() + part.size();
  return number && index < node.items.size() ? &node.items[index] : nullptr;
}

const TomlNode* find(const TomlNode& root, std::span<const std::string> path) {
  const TomlNode* node = &root;
  for (const std::string& part : path)
    if (!(node = below(*node, part))) return nullptr;
  return node;
}

/// A list written as [[name]] sections rather than as one value.
bool is_sections(const TomlNode& node) {
  return node.is_array() && !node.items.empty() && node.items[0].is_table() &&
         !node.items[0].is_inline;
}

/// Equal but for where they stand and the order of keys.
bool same(const TomlNode& a, const TomlNode& b) {
  if (a.kind != b.kind || a.entries.size() != b.entries.size() ||
      !std::ranges::equal(a.items, b.items, same))
    return false;
  const auto* x = a.scalar.as<double>();
  const auto* y = b.scalar.as<double>();
  if (!(a.scalar == b.scalar) && !(x && y && *x != *x && *y != *y)) return false;
  return std::ranges::all_of(a.entries, [&](const TomlNode::Entry& entry) {
    const TomlNode* other = b.find(entry.key);
    return other && same(entry.node, *other);
  });
}

struct NewValue {
  std::string text;  ///< As it is to stand in the file.
  TomlNode node;
};

NewValue new_value(const std::string& value) {
  const auto parse = [](const std::string& text) -> std::optional<TomlNode> {
    auto parsed = parse_toml("v = " + text);
    auto* root = std::get_if<TomlNode>(&parsed);
    if (!root || root->entries.size() != 1 || root->entries[0].key != "v") return {};
    if (root->entries[0].node.kind == TomlNode::Kind::kDate) return {};
    return std::move(root->entries[0].node);
  };
  // Nothing that a user wrote may turn out to be a comment, in which anything may stand.
  const bool whole = value.find('#') == std::string::npos || !parse(value + " ]");
  if (whole && value.find('\n') == std::string::npos)
    if (auto node = parse(value)) return {value, *std::move(node)};
  const std::string text = toml_value(Value(value));
  auto node = parse(text);
  return {text, node ? *std::move(node) : TomlNode{}};
}

}  // namespace

Result<Override> parse_override(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || !split_key(text.substr(0, equals)))
    return invalid(fmt::format("--set {}: write KEY=VALUE, for example study.trials=50", text));
  return Override{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Result<StudySource> StudySource::parse(std::string_view text, std::string_view file_name,
                                       std::span<const Override> overrides) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  StudySource source;
  source.file_name_ = file_name;
  source.text_ = text;
  const auto breaks = std::ranges::count(text, '\n');
  for (int line = 1; line <= breaks + 1; ++line) source.lines_.push_back(line);
  auto parsed = parse_toml(text);
  if (const auto* error = std::get_if<TomlError>(&parsed))
    return invalid(fmt::format("{}: {}", source.where(error->place), error->message));
  source.root_ = std::get<TomlNode>(std::move(parsed));
  for (const Override& override : overrides) TRY(source.apply(override));
  source.mark();
  return source;
}

Result<StudySource> StudySource::copy_in(const std::filesystem::path& folder) {
  const std::string text = TRY(TRY(Folder::open(folder)).read("study.toml", kMaxTextBytes));
  return parse(text, "study.toml", {});
}

Status StudySource::set(const Override& override) {
  TRY(apply(override));
  mark();
  return {};
}

void StudySource::mark() {
  marks_.clear();
  for (const Override& override : overrides_) {
    const std::string label = fmt::format("--set {}={}", override.key, override.value);
    Path path = *split_key(override.key);
    const std::string last = path.back();
    path.pop_back();
    const TomlNode* parent = find(root_, path);
    if (const TomlNode* item = parent && parent->is_array() ? below(*parent, last) : nullptr)
      marks_.push_back({item->begin, item->end, label});
    else if (const auto* entry = parent ? parent->entry(last) : nullptr)
      marks_.push_back({entry->place, entry->node.end, label});
  }
}

std::string StudySource::where(Place place) const {
  for (const Mark& mark : marks_)
    if (mark.begin <= place && place < mark.end) return mark.label;
  const auto index = static_cast<std::size_t>(std::max(place.line, 1) - 1);
  const int line = index < lines_.size() ? lines_[index] : place.line;
  return fmt::format("{}:{}:{}", file_name_, line, place.column);
}

std::size_t StudySource::offset_of(Place place) const {
  std::size_t at = 0;
  for (int line = 1; line < place.line && at < text_.size(); ++line)
    at = std::min(text_.find('\n', at), text_.size() - 1) + 1;
  for (int column = 1; column < place.column && at < text_.size(); ++column) do
      ++at;
    while (at < text_.size() && (static_cast<unsigned char>(text_[at]) & 0xC0) == 0x80);
  return at;
}

void StudySource::splice(const Edit& edit) {
  const std::string_view all = text_;
  const auto line = static_cast<std::size_t>(std::ranges::count(all.substr(0, edit.offset), '\n'));
  const auto removed = std::ranges::count(all.substr(edit.offset, edit.length), '\n');
  const auto added = std::ranges::count(edit.text, '\n');
  const auto next = lines_.begin() + static_cast<std::ptrdiff_t>(line) + 1;
  const int stem = lines_[line];
  const auto at = lines_.erase(next, next + removed);
  lines_.insert(at, static_cast<std::size_t>(added), stem);
  text_.replace(edit.offset, edit.length, edit.text);
}

std::vector<StudySource::Edit> StudySource::edits(std::span<const std::string> path,
                                                  std::size_t known,
                                                  const std::string& value) const {
  const TomlNode* node = find(root_, path.first(known));
  if (known == path.size()) {
    const std::size_t begin = offset_of(node->begin);
    return {{begin, offset_of(node->end) - begin, value}};
  }
  if (node->is_inline) {
    const std::size_t behind = text_.find_last_not_of(" \t", offset_of(node->end) - 2) + 1;
    return {{behind, 0,
             fmt::format("{} {} = {}", node->entries.empty() ? "" : ",",
                         joined(path.subspan(known)), value)}};
  }
  std::vector<Edit> ways;
  const auto below_header = [&](std::size_t parts) {
    const std::size_t start = offset_of(find(root_, path.first(parts))->begin);
    if (parts == 0 || start >= text_.size() || text_[start] != '[') return;
    ways.push_back({std::min(text_.find('\n', start), text_.size()), 0,
                    fmt::format("\n{} = {}", joined(path.subspan(parts)), value)});
  };
  below_header(known);
  if (path.size() > 1)
    ways.push_back(
        {text_.size(), 0,
         fmt::format("{}[{}]\n{} = {}\n", text_.empty() || text_.ends_with('\n') ? "" : "\n",
                     joined(path.first(path.size() - 1)), toml_key(path.back()), value)});
  for (std::size_t parts = known; parts-- > 0;) below_header(parts);
  ways.push_back({0, 0, fmt::format("{} = {}\n", joined(path), value)});
  return ways;
}

/// Tries the places where the new text may stand, the tidiest first, and keeps the first after
/// which the file says what was asked for.
Status StudySource::apply(const Override& override) {
  const auto split = split_key(override.key);
  CHECK(split.has_value(), "an override that parse_override refuses");
  const Path& path = *split;
  const NewValue value = new_value(override.value);
  const auto refuse = [&](std::string_view why) {
    return invalid(fmt::format("--set {}={}: {}", override.key, override.value, why));
  };

  std::size_t known = path.size();
  const TomlNode* node = nullptr;
  while (!(node = find(root_, std::span(path).first(known)))) --known;
  const std::span<const std::string> all(path);
  if (known > 0 && known == path.size() && node->is_table() && !node->is_inline)
    return refuse(fmt::format("{} is a table; set one of its keys", override.key));
  if (known == path.size() && is_sections(*node))
    return refuse(
        fmt::format("{0} is written as [[{0}]] sections; set their keys by number, from "
                    "0: {0}.0.KEY=VALUE",
                    override.key));
  if (known < path.size() && node->is_array())
    return refuse(fmt::format("{} is a list of {}; its items are numbered from 0",
                              joined(all.first(known)), node->items.size()));
  if (known < path.size() && !node->is_table())
    return refuse(
        fmt::format("{} is {}, not a table", joined(all.first(known)), node->kind_name()));

  for (const Edit& edit : edits(all, known, value.text)) {
    StudySource candidate = *this;
    candidate.splice(edit);
    auto parsed = parse_toml(candidate.text_);
    auto* root = std::get_if<TomlNode>(&parsed);
    const TomlNode* set = root ? find(*root, path) : nullptr;
    if (!set || !same(*set, value.node)) continue;
    candidate.root_ = std::move(*root);
    candidate.overrides_.push_back(override);
    *this = std::move(candidate);
    return {};
  }
  return refuse("this key cannot be set from the command line; edit the file");
}

}  // namespace clavier::app
