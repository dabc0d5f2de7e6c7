// What a speech model must be able to do for the rest of the engine. Only whisper_backend.cpp and what it is made of
// (open_whisper.cpp) know of whisper.cpp, and only ct2_*.cpp of CTranslate2: a program is linked with one of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mediajob {

struct DecodeOptions {
    int   beam_size           = 1;     // 1: greedy
    int   best_of             = 1;     // candidates at a temperature above 0
    float temperature         = 0.0f;
    float temperature_step    = 0.0f;  // 0: a decoding that looks doubtful is not tried again
    float logprob_threshold   = -1.0f; // below: doubtful
    float entropy_threshold   = 2.4f;  // below: doubtful, it repeats itself
    float no_speech_threshold = 0.6f;  // above, and doubtful by log probability: no text at all
    bool  word_times          = true;
};

struct DecodeTask {
    std::string   language; // Whisper's code
    bool          translate = false;
    std::string   prompt;
    DecodeOptions options;
};

// Times are ms from the first of the samples that were decoded.
struct Token {
    int32_t     id = 0;
    std::string bytes; // may be a part of a UTF-8 sequence
    float       probability = 0;
    int64_t     start_ms    = 0;
    int64_t     end_ms      = 0;
};

struct Segment {
    int64_t            start_ms = 0;
    int64_t            end_ms   = 0;
    std::vector<Token> tokens;
    float              no_speech_probability = 0;
    float              avg_logprob           = 0;
    float              temperature           = 0;
};

struct LanguageProbability {
    std::string language;
    float       probability = 0;
};

struct ModelInfo {
    std::string engine_name;
    std::string engine_version;
    bool        multilingual = false;
    int         languages    = 0;
};

// How a running decoding is watched and stopped. `progress` gets a fraction of 0 to 1 and may be called often.
struct Observer {
    const std::atomic<bool> &          cancelled;
    std::function<void(double)>        progress;
};

// One of K that work at once over shared weights. Used by one thread at a time. Every call may throw EngineError.
class Decoder {
public:
    virtual ~Decoder() = default;

    virtual std::vector<Segment>             decode(const std::vector<float> & samples, const DecodeTask & task, Observer & observer) = 0;
    virtual std::vector<LanguageProbability> detect_language(const std::vector<float> & samples, Observer & observer) = 0;
};

class Backend {
public:
    virtual ~Backend() = default;

    virtual const ModelInfo &        info() const = 0;
    virtual std::unique_ptr<Decoder> create_decoder(int threads) = 0;
    // Throws EngineError(bad-request) when the model cannot do the task.
    virtual void check(const DecodeTask & task) const = 0;
};

// A backend that decodes windows in batches takes `replicas` and `batch`; another one leaves them alone.
struct BackendOptions {
    std::string model;
    int         states   = 1;
    int         threads  = 1; // of each replica
    int         replicas = 0; // windows are decoded by so many workers over the same weights; 0: it chooses
    int         batch    = 0; // windows that a worker decodes side by side; 0: it chooses
    std::string device;       // auto, cpu or cuda
    std::string compute;      // auto, or a number format that the backend knows
};

// Throws EngineError: model-not-found, bad-model, device-unavailable, out-of-memory.
std::unique_ptr<Backend> load_backend(const BackendOptions & options);

// Name and version of the library, for people.
std::string backend_version();

} // namespace mediajob
