// From the tokens of an attempt to segments, and whether the attempt is to be trusted.
#pragma once

#include "backend.h"
#include "ct2_model.h"
#include "whisper_tokens.h"

#include <cstdint>
#include <vector>

namespace mediajob {

struct ParsedPass {
    std::vector<Segment> segments;
    int64_t              end_ms = 0;     // how far the pass came in its window
    bool                 open   = false; // the model left what follows to another pass
};

// `pass_start_ms` and `duration_ms`: of the pass and of the window; a pass covers what is left, at most 30 s.
ParsedPass parse_pass(const std::vector<size_t> & ids, const WhisperTokens & tokens, int64_t pass_start_ms, int64_t duration_ms);

// openai/whisper's and whisper.cpp's measures: a text that repeats itself, or of which the model is not sure.
bool is_repetitive(const std::vector<size_t> & ids, const DecodeOptions & options);
bool is_silence(const Hypothesis & it, const DecodeOptions & options);
bool is_doubtful(const Hypothesis & it, const DecodeOptions & options);

} // namespace mediajob
