#pragma once

#include "train/data/dataset.h"

namespace clavier::train::data {

/// Data that can be learnt and whose best possible score is known.
///
/// A sample is decoded from a short latent vector z by an orthogonal transform (the lowest cosine
/// frequencies: at most 4 × 4 per channel, at most 16 for plain features), scaled so that values
/// have a variance near 1: smooth images that a small convolution sees, and no information is lost.
/// Prototypes: z = m_c + s n with class means m_c and noise n drawn from normal distributions and
/// s = difficulty × half the expected distance of two means. Teacher: z is normal and the label is
/// the largest output of a fixed random network of 32 tanh units; a part `difficulty` of the labels
/// is drawn at random. Means and teacher depend on the shape and the number of classes only, the
/// test samples on nothing else, training and validation samples also on `seed`. All of it is
/// floats.
Result<Dataset> synthetic_dataset(const SyntheticSpec& spec, std::uint64_t seed);

/// What no model can beat, apart from the luck of a finite test set. Classification: the accuracy
/// of the Bayes classifier (prototypes: a Monte Carlo estimate from 20,000 draws with a fixed key,
/// exact to about 0.003; teacher: 1 - d + d / classes). Regression: the least mean squared error,
/// d².
Result<double> synthetic_ceiling(const SyntheticSpec& spec);

/// A few synthetic samples of the shape, type and classes given, for trying a study out.
Result<Dataset> smoke_dataset(const std::string& name, const std::vector<std::int64_t>& shape,
                              std::int64_t classes, bool bytes, std::uint64_t seed);

}  // namespace clavier::train::data
