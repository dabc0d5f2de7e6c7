// What is done to the logits before each token is chosen: Whisper's rules for timestamps, and a way out.
#pragma once

#include "whisper_tokens.h"

#include <ctranslate2/decoding_utils.h>

#include <functional>
#include <vector>

namespace mediajob {

// Asked before each step; what it throws ends the decoding.
class StepWatch : public ctranslate2::LogitsProcessor {
public:
    explicit StepWatch(std::function<void(size_t step)> watch) : watch_(std::move(watch)) {}

    bool apply_first() const override { return true; }
    void apply(ctranslate2::dim_t step, ctranslate2::StorageView &, ctranslate2::DisableTokens &, const ctranslate2::StorageView &,
        const std::vector<ctranslate2::dim_t> &, const std::vector<std::vector<size_t>> *) override {
        watch_(static_cast<size_t>(step));
    }

private:
    std::function<void(size_t step)> watch_;
};

// Probability of no speech where the first token is chosen right after the start of the transcript.
class NoSpeechProbe : public ctranslate2::LogitsProcessor {
public:
    explicit NoSpeechProbe(size_t no_speech) : no_speech_(no_speech) {}

    bool apply_first() const override { return true; }
    void apply(ctranslate2::dim_t step, ctranslate2::StorageView & logits, ctranslate2::DisableTokens &, const ctranslate2::StorageView &,
        const std::vector<ctranslate2::dim_t> & batch_offset, const std::vector<std::vector<size_t>> *) override;

    const std::vector<float> & probabilities() const { return probabilities_; }

private:
    size_t             no_speech_;
    std::vector<float> probabilities_;
};

// openai/whisper's ApplyTimestampRules (decoding.py): a timestamp comes first, they come in pairs and never go back, and one is
// taken when all of them together are more likely than any text.
class TimestampRules : public ctranslate2::LogitsProcessor {
public:
    explicit TimestampRules(const WhisperTokens & tokens) : tokens_(tokens) {}

    void apply(ctranslate2::dim_t step, ctranslate2::StorageView & logits, ctranslate2::DisableTokens & disable,
        const ctranslate2::StorageView & sequences, const std::vector<ctranslate2::dim_t> & batch_offset,
        const std::vector<std::vector<size_t>> * prefix) override;

private:
    const WhisperTokens & tokens_;
};

// Softmax of one row of logits, at one token.
float probability_of(const float * logits, size_t size, size_t token);

} // namespace mediajob
