// Gives CTranslate2 the weights of a ggml file as if they were a directory of its own: one file on disk serves both engines.
#pragma once

#include "model_file.h"
#include "whisper_tokens.h"

#include <ctranslate2/models/model_reader.h>

#include <memory>
#include <string>

namespace mediajob {

class GgmlModelReader : public ctranslate2::models::ModelReader {
public:
    // `quantize`: matrices become int8 with a scale a row (as CTranslate2's own converter makes them) instead of float16.
    GgmlModelReader(ModelFile file, const WhisperTokens & tokens, bool quantize);

    std::string                   get_model_id() const override { return file_.path; }
    std::unique_ptr<std::istream> get_file(const std::string & name, bool binary) override;

private:
    std::string config() const;
    std::string vocabulary() const;

    ModelFile             file_;
    const WhisperTokens & tokens_;
    bool                  quantize_;
};

} // namespace mediajob
