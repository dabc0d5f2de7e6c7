// Reads a time range of a WAV file and nothing else of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mediajob {

constexpr int64_t kSampleRate = 16000;

// Samples of [start_ms, end_ms) as floats of −1 to 1. The file must be 16 kHz, mono, 16-bit PCM (WAV or RF64).
// Throws EngineError: input-not-found, bad-input (not such a file, or cut short), storage-error, bad-request (range outside).
std::vector<float> read_wav_range(const std::string & path, int64_t start_ms, int64_t end_ms);

} // namespace mediajob
