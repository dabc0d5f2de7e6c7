// From the frames at which tokens begin to their times.
#pragma once

#include "backend.h"
#include "speech_edges.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace mediajob {

constexpr int64_t kAttentionMs = 20; // of the encoder's output

// The heads of some models look a little ahead of the sound or behind it. Measured against words with known times, the
// same for a synthetic voice and for a person's (bench/README.md, "Word times"). Of the other models nobody has measured
// it: they stay as they are.
int alignment_correction_ms(int text_layers, int text_state, int vocabulary);

// [layer, head] whose attention follows the audio, as OpenAI published them for each model (openai/whisper, `_ALIGNMENT_HEADS`);
// a model is known by its shape. Of a model that nobody has measured: all heads of the upper half, as openai/whisper does.
std::vector<std::pair<int, int>> alignment_heads(int text_layers, int text_state, int text_heads, int vocabulary);

// Where a pass of the decoder lies in its window, all in ms of the window.
struct PassTimes {
    int64_t start_ms    = 0;
    int64_t previous_ms = 0; // nothing begins before
    int64_t duration_ms = 0; // of the window
    int     correction_ms = 0;
};

// `begins`: one frame more than `segments` have tokens; element i is where token i begins and token i − 1 ends.
// A token begins where the one before it ends; the first of a segment not before the model's own timestamp. Then silence is
// taken off its ends. Leaves everything as it is when `begins` does not fit.
void place_tokens(std::vector<Segment> & segments, const std::vector<int> & begins, const PassTimes & pass, const SoundLevels & levels);

} // namespace mediajob
