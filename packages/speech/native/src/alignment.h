// Times of tokens out of what the model looked at when it chose them.
#pragma once

#include "open_whisper.h"

#include <vector>

namespace mediajob {

// Dynamic time warping over the alignment heads' attention, as in openai/whisper's timing.py: weights normalized over the
// tokens, smoothed by a median of 7 frames, averaged over the heads, and the cheapest monotonic path through −weights.
// Gives `rows` frames of 20 ms: element i is where token i begins and token i − 1 ends. The first is always 0.
// Measured against known words, the ends are right and the first start is not: a path has to begin somewhere.
std::vector<int> align(const open_whisper::CrossAttention & attention);

} // namespace mediajob
