// whisper.cpp behind the Backend interface.
#pragma once

#include "backend.h"

#include <memory>
#include <string>

namespace mediajob {

// Loads a ggml model; its decoders share its weights. Throws EngineError(model-not-found, bad-model).
std::unique_ptr<Backend> load_whisper(const std::string & model_path);

// Version of the library, for --version and the ready message.
std::string whisper_library_version();

} // namespace mediajob
