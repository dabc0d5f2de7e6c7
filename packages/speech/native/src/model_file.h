// The layout of a ggml Whisper model: walked from end to end before anything is loaded, because whisper.cpp takes a file
// that is cut short inside of its last tensor, or that has no tensors at all, and decodes with zeros.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace mediajob {

// Numbers of ggml's types as files carry them (ggml.h, `enum ggml_type`).
namespace ggml_number {
constexpr int32_t kF32 = 0, kF16 = 1, kQ8_0 = 8, kBF16 = 30;
}

struct ModelTensor {
    int32_t              type = 0;
    std::vector<int64_t> dims;   // slowest first: rows, columns
    int64_t              offset = 0; // of its data in the file
    int64_t              bytes  = 0;
};

struct ModelDimensions {
    int32_t vocabulary, audio_context, audio_state, audio_heads, audio_layers;
    int32_t text_context, text_state, text_heads, text_layers, mels, type;

    bool multilingual() const { return vocabulary >= 51865; }
    int  languages() const { return multilingual() ? vocabulary - 51766 : 1; } // 99, and 100 from large-v3 on
};

struct ModelFile {
    std::string                                  path;
    ModelDimensions                              dimensions{};
    std::vector<std::string>                     tokens; // bytes of the plain ones, by id
    std::unordered_map<std::string, ModelTensor> tensors;
};

// Throws EngineError: model-not-found, or bad-model with what is wrong and where.
ModelFile read_model_file(const std::string & path);

} // namespace mediajob
