// One worker's view of a CTranslate2 Whisper model: encode, generate, align, detect. Weights are shared between workers.
#pragma once

#include "backend.h"
#include "whisper_tokens.h"

#include <ctranslate2/layers/whisper.h>
#include <ctranslate2/models/whisper.h>

#include <functional>
#include <memory>
#include <vector>

namespace mediajob {

// What a window was turned into by one attempt.
struct Hypothesis {
    std::vector<size_t> ids; // text and timestamps
    float               avg_logprob = 0;
    float               no_speech   = 0;
};

// How one text came to be seen by the model.
struct Alignment {
    std::vector<int>   begins;        // frames of 20 ms, one more than tokens; empty when there is none
    std::vector<float> probabilities; // of each token
};

// CTranslate2's own encoder cannot be stopped; this one, of the same layers, can, between any two of them.
class Ct2Encoder {
public:
    explicit Ct2Encoder(const ctranslate2::models::Model & model);

    // `go_on` is asked before each layer; false when it said no.
    bool operator()(const ctranslate2::StorageView & features, ctranslate2::StorageView & output, const std::function<bool(double done)> & go_on);

    ctranslate2::DataType output_type() const { return norm_.output_type(); }

private:
    ctranslate2::ops::ActivationType                                                     activation_ = ctranslate2::ops::ActivationType::GELU;
    ctranslate2::layers::Conv1D                                                          conv1_, conv2_;
    ctranslate2::layers::PositionEmbedding                                               positions_;
    std::vector<std::unique_ptr<const ctranslate2::layers::TransformerEncoderLayer>>     layers_;
    ctranslate2::layers::LayerNorm                                                       norm_;
};

class Ct2Model {
public:
    Ct2Model(std::shared_ptr<const ctranslate2::models::WhisperModel> model, const WhisperTokens & tokens);

    // Log-mel features [mels][3000] to [1][1500][state]; nothing when `go_on`, which is asked again and again, said no.
    std::shared_ptr<ctranslate2::StorageView> encode(const std::vector<float> & mel, const std::function<bool(double done)> & go_on) const;

    // Texts of encoded windows, with `beams` hypotheses each and no randomness.
    std::vector<Hypothesis> search(const std::vector<const ctranslate2::StorageView *> & encoded, const DecodeTask & task,
        const std::function<void(size_t step)> & watch) const;
    // The best of `count` texts drawn at a temperature above 0; always the same ones for the same window.
    Hypothesis sample(const ctranslate2::StorageView & encoded, const DecodeTask & task, float temperature, int count,
        const std::function<void(size_t step)> & watch) const;

    Alignment align(const ctranslate2::StorageView & encoded, const DecodeTask & task, const std::vector<size_t> & text, int64_t audio_ms) const;

    std::vector<LanguageProbability> detect_language(const ctranslate2::StorageView & encoded) const;

private:
    std::vector<size_t>     prompt_of(const DecodeTask & task) const;
    std::vector<Hypothesis> generate(ctranslate2::StorageView memory, const DecodeTask & task, ctranslate2::DecodingOptions options,
        const std::function<void(size_t step)> & watch) const;

    std::shared_ptr<const ctranslate2::models::WhisperModel>     model_;
    const WhisperTokens &                                        tokens_;
    std::unique_ptr<ctranslate2::models::WhisperReplica>         replica_;
    std::unique_ptr<Ct2Encoder>                                  encoder_;
    std::unique_ptr<ctranslate2::layers::WhisperDecoder>         decoder_;
    std::vector<size_t>                                          not_spoken_;
};

} // namespace mediajob
