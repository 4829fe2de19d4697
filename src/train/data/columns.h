#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/data/dataset.h"

namespace clavier::train::data {

/// Turns the inputs of a table (Source::columns) into what a network can take: missing numbers
/// become the mean of the first split, the training split; a category becomes an input for each
/// text that the training split has, all of them 0 for any other and for none. Sets `fill` and
/// `categories`; the inputs per sample.
std::int64_t learn_columns(std::vector<Column>& columns, std::span<Split* const> splits);

/// The same for rows read later, with what was learnt. The places of categories are those in the
/// column's list.
std::vector<float> encode_columns(std::span<const Column> columns, std::span<const float> rows);

/// How many inputs a network has for these columns.
std::int64_t encoded_width(std::span<const Column> columns);

}  // namespace clavier::train::data
