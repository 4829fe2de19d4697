#pragma once

/// Everything a program needs that tunes its own code with Clavier.
#include "app/tuning.h"
#include "study/config.h"
#include "study/space.h"
#include "study/state.h"
#include "worker/trial_context.h"
