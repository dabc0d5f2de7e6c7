// whisper.cpp takes a model file that is cut short inside of its last tensor, or that has no tensors at all, and decodes
// with zeros. So the file is walked from end to end before it is loaded.
#pragma once

#include <string>

namespace mediajob {

// Throws EngineError: model-not-found, or bad-model with what is wrong and where.
void check_model_file(const std::string & path);

} // namespace mediajob
