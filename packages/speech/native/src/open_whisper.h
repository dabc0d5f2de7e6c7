// What the engine needs of whisper.cpp beyond its public API. Its source is compiled into this translation unit
// (open_whisper.cpp), because only there the cross-attention of a decoding can be read, the random numbers be reset and
// a running encoder be stopped. It is pinned: another version must be read again before it is taken.
#pragma once

#include "whisper.h"

#include <cstdint>
#include <vector>

namespace mediajob::open_whisper {

// Number of languages of a multilingual model: 99, or 100 from large-v3 on. 1 for an English-only one.
int languages(whisper_context * context);

// Sampling at a temperature above 0 draws from a generator that lives as long as its state; whisper.cpp seeds the ones
// of the further candidates at each call, but not the first. Without this the same window gives another text after
// another history, and a restarted job another transcript.
void reset_random(whisper_state * state);

// `callback` is asked between the operations of every graph, the encoder's too (whisper_full's own abort_callback is
// asked only between graphs: seconds apart, minutes with a large model). It must stay valid until it is replaced.
void set_abort(whisper_state * state, ggml_abort_callback callback, void * user_data);

// Where the encoder pass that begins or began last on this thread starts, in frames of 10 ms.
int pass_start_frames();

// Cross-attention of the model's alignment heads for a text, over the last encoder pass of the state.
struct CrossAttention {
    int                frames = 0; // of 20 ms
    int                rows   = 0; // one more than text tokens: row i is what the model looked at when it chose token i
    int                heads  = 0;
    std::vector<float> weights;    // [heads][rows][frames], softmax over frames
    int                correction_ms = 0; // the heads of some models look a little ahead of the sound or behind it
};

// `frames`: how many frames of 20 ms of the pass hold the audio. An empty result: the computation failed or was aborted.
CrossAttention cross_attention(whisper_context * context, whisper_state * state, const std::vector<whisper_token> & text,
    int language_id, bool translate, int frames, int threads);

} // namespace mediajob::open_whisper
