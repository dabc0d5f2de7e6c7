// Whisper on CTranslate2. Requests come one by one, as from any host; workers decode them side by side (ct2_work.h).
#include "backend.h"
#include "beyond_end.h"

#include "ct2_model.h"
#include "ct2_model_reader.h"
#include "ct2_window.h"
#include "ct2_work.h"
#include "errors.h"
#include "mel_spectrogram.h"
#include "model_file.h"
#include "token_times.h"
#include "wav_range.h"

#include <ctranslate2/devices.h>
#include <ctranslate2/logging.h>
#include <ctranslate2/utils.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <list>
#include <thread>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace mediajob {
namespace {

using ctranslate2::ComputeType;
using ctranslate2::Device;
using ctranslate2::StorageView;

constexpr int     kMostPasses    = 6;     // over one window
constexpr int64_t kLeastLeftMs   = 1'000; // less is no pass of its own
constexpr int64_t kLeastStepMs   = 1'000; // a pass that came less far will not come further the next time
constexpr double  kEncoderShare  = 0.5;   // of the work on a window, for progress
constexpr size_t  kKeptEncodings = 8;     // of windows whose language was asked for: they are decoded soon
constexpr int     kLargestBatch  = 8;

// Nobody waits for any window of the batch.
class Abandoned : public std::exception {};

uint64_t sum_of(const std::vector<float> & samples) {
    uint64_t sum = 0xcbf29ce484222325ULL ^ samples.size();
    for (const float it : samples) {
        uint32_t bits;
        std::memcpy(&bits, &it, 4);
        sum = (sum ^ bits) * 0x100000001b3ULL;
        sum ^= sum >> 29;
    }
    return sum;
}

// What the encoder made of windows that were only asked for their language, by the sum of their samples.
class Encodings {
public:
    void put(uint64_t sum, const StorageView & encoding) {
        const std::lock_guard<std::mutex> lock(mutex_);
        kept_.emplace_back(sum, std::make_shared<StorageView>(encoding));
        if (kept_.size() > kKeptEncodings) {
            kept_.pop_front();
        }
    }

    // Gives it away: a window is decoded once.
    std::shared_ptr<StorageView> take(uint64_t sum) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto                        it = std::find_if(kept_.begin(), kept_.end(), [&](const auto & kept) { return kept.first == sum; });
        if (it == kept_.end()) {
            return nullptr;
        }
        const auto found = std::move(it->second);
        kept_.erase(it);
        return found;
    }

private:
    std::mutex                                                   mutex_;
    std::list<std::pair<uint64_t, std::shared_ptr<StorageView>>> kept_;
};

// Everything that workers and those who ask share.
struct Shared {
    Shared(const ModelFile & file, std::shared_ptr<const ctranslate2::models::WhisperModel> loaded, std::unique_ptr<WhisperTokens> vocabulary, int workers, int batch)
        : model(std::move(loaded)), tokens(std::move(vocabulary)), mel(file.dimensions.mels), queue(workers, batch),
          correction_ms(alignment_correction_ms(file.dimensions.text_layers, file.dimensions.text_state, file.dimensions.vocabulary)) {}

    const std::shared_ptr<const ctranslate2::models::WhisperModel> model;
    const std::unique_ptr<WhisperTokens>                           tokens;
    const MelSpectrogram                                           mel;
    WorkQueue                                                      queue;
    Encodings                                                      encodings;
    const int                                                      correction_ms;
};

class Worker {
public:
    explicit Worker(Shared & shared) : shared_(shared), model_(shared.model, *shared.tokens) {}

    void run() {
        for (;;) {
            auto batch = shared_.queue.take();
            if (batch.empty()) {
                return;
            }
            try {
                if (batch.front()->detects) {
                    detect(batch);
                } else {
                    decode(batch);
                }
            } catch (const Abandoned &) {
                // Nothing to tell, and nobody to tell it to.
            } catch (const std::bad_alloc &) {
                fail(batch, std::make_exception_ptr(EngineError(error_code::kOutOfMemory, "not enough memory for these windows")));
            } catch (const std::exception & error) {
                fail(batch, std::make_exception_ptr(EngineError(error_code::kInternal, error.what())));
            }
        }
    }

private:
    using Batch = std::vector<std::shared_ptr<Work>>;

    void fail(const Batch & batch, const std::exception_ptr & error) {
        for (const auto & it : batch) {
            shared_.queue.finish(it, error);
        }
    }

    // Where a window is: this far in a pass over what is left of it.
    static void progress(Work & work, double of_pass) {
        const double begun = static_cast<double>(work.pass_start_ms) / static_cast<double>(std::max<int64_t>(work.duration_ms(), 1));
        work.fraction      = std::max(work.fraction.load(), std::min(0.99, begun + (1 - begun) * of_pass));
    }

    // Nothing when it was abandoned meanwhile.
    std::shared_ptr<StorageView> encoded(Work & work) {
        if (work.pass_start_ms == 0) {
            if (auto known = shared_.encodings.take(work.sum)) {
                return known;
            }
        }
        const auto mel = std::move(work.mel);
        return model_.encode(mel, [&](double done) {
            progress(work, kEncoderShare * done);
            return !work.abandoned;
        });
    }

    void detect(Batch & batch) {
        for (const auto & work : batch) {
            const auto encoding = work->abandoned ? nullptr : encoded(*work);
            if (!encoding) {
                continue;
            }
            work->languages     = model_.detect_language(*encoding);
            shared_.encodings.put(work->sum, *encoding);
            shared_.queue.finish(work, nullptr);
        }
    }

    void decode(Batch & batch) {
        std::vector<std::shared_ptr<StorageView>> encodings;
        Batch                                     alive;
        for (auto & work : batch) {
            auto encoding = work->abandoned ? nullptr : encoded(*work);
            if (!encoding) {
                continue;
            }
            encodings.push_back(std::move(encoding));
            alive.push_back(work);
            progress(*work, kEncoderShare);
        }
        batch = alive;
        if (batch.empty()) {
            return;
        }
        const auto & task = batch.front()->task;
        const auto   watch = [&](size_t step) {
            bool wanted = false;
            for (const auto & it : batch) {
                // Speech has about five tokens a second; a window that is denser only stays at its end for a while.
                const double expected = std::max(1.0, static_cast<double>(it->duration_ms() - it->pass_start_ms) / 1000.0 * 5.0);
                progress(*it, kEncoderShare + (1 - kEncoderShare) * 0.9 * std::min(1.0, static_cast<double>(step) / expected));
                wanted = wanted || !it->abandoned;
            }
            if (!wanted) {
                throw Abandoned();
            }
        };
        std::vector<Hypothesis> texts;
        float                   temperature = task.options.temperature;
        if (temperature == 0) {
            std::vector<const StorageView *> side_by_side;
            for (const auto & it : encodings) {
                side_by_side.push_back(it.get());
            }
            texts = model_.search(side_by_side, task, watch);
        } else {
            texts.push_back(model_.sample(*encodings.front(), task, temperature, task.options.best_of, watch));
        }
        for (size_t i = 0; i < batch.size(); ++i) {
            if (batch[i]->abandoned) {
                continue;
            }
            finish_pass(batch[i], *encodings[i], std::move(texts[i]), watch);
            encodings[i].reset();
        }
    }

    void finish_pass(const std::shared_ptr<Work> & work, const StorageView & encoding, Hypothesis text, const std::function<void(size_t)> & watch) {
        const auto & options     = work->task.options;
        float        temperature = options.temperature;
        float        taken       = temperature;
        // A doubtful text is drawn again, hotter and hotter. When none is to be trusted, the likeliest that does not repeat itself stays.
        Hypothesis best = text;
        while (options.temperature_step > 0 && is_doubtful(text, options) && temperature + options.temperature_step <= 1.0f + 1e-3f && !work->abandoned) {
            temperature += options.temperature_step;
            text = model_.sample(encoding, work->task, temperature, options.best_of, watch);
            const bool was = is_repetitive(best.ids, options), is = is_repetitive(text.ids, options);
            if (!is_doubtful(text, options) || (was && !is) || (was == is && text.avg_logprob > best.avg_logprob)) {
                best  = text;
                taken = temperature;
            }
        }
        auto pass = parse_pass(best.ids, *shared_.tokens, work->pass_start_ms, work->duration_ms());
        if (is_silence(best, options)) {
            pass = {{}, work->duration_ms(), false};
        }
        const bool goes_on = pass.open && may_go_on(*work, pass.end_ms) && work->levels.holds_sound(pass.end_ms);
        if (goes_on) { // what has no end of its own is heard again, and better
            pass.segments.erase(std::remove_if(pass.segments.begin(), pass.segments.end(), [&](const Segment & it) { return it.start_ms >= pass.end_ms; }),
                pass.segments.end());
        }
        describe(pass.segments, *work, encoding, best, taken);
        const size_t heard = pass.segments.size();
        if (work->beyond_end) {
            pass.segments.resize(speech_until(pass.segments, 0, options));
        }
        const bool noise = pass.segments.size() < heard;
        work->segments.insert(work->segments.end(), std::make_move_iterator(pass.segments.begin()), std::make_move_iterator(pass.segments.end()));
        if (noise) {
            shared_.queue.finish(work, nullptr);
            return;
        }
        if (goes_on) {
            begin_pass(work, pass.end_ms);
            return;
        }
        // The model may take one speaker's end for the end of all speech, and say that nothing follows.
        const int64_t heard_ms = work->segments.empty() ? 0 : work->segments.back().end_ms;
        if (may_go_on(*work, heard_ms) && work->levels.is_unheard(heard_ms)) {
            work->beyond_end = true;
            begin_pass(work, heard_ms);
            return;
        }
        shared_.queue.finish(work, nullptr);
    }

    static bool may_go_on(const Work & work, int64_t from_ms) {
        return work.duration_ms() - from_ms >= kLeastLeftMs && from_ms - work.pass_start_ms >= kLeastStepMs && work.passes + 1 < kMostPasses;
    }

    void begin_pass(const std::shared_ptr<Work> & work, int64_t from_ms) {
        ++work->passes;
        work->pass_start_ms = from_ms;
        work->mel           = shared_.mel(work->samples, static_cast<size_t>(from_ms * kSampleRate / 1000));
        shared_.queue.push_again(work);
    }

    void describe(std::vector<Segment> & segments, const Work & work, const StorageView & encoding, const Hypothesis & text, float temperature) {
        std::vector<size_t> ids;
        for (auto & segment : segments) {
            segment.no_speech_probability = text.no_speech;
            segment.avg_logprob           = text.avg_logprob;
            segment.temperature           = temperature;
            for (auto & token : segment.tokens) {
                token.probability = std::exp(text.avg_logprob);
                ids.push_back(static_cast<size_t>(token.id));
            }
        }
        if (!work.task.options.word_times || ids.empty()) {
            return;
        }
        const auto found = model_.align(encoding, work.task, ids, work.duration_ms() - work.pass_start_ms);
        size_t     i     = 0;
        for (auto & segment : segments) {
            double logprob = 0;
            for (auto & token : segment.tokens) {
                if (i < found.probabilities.size()) {
                    token.probability = found.probabilities[i];
                }
                logprob += std::log(std::max(token.probability, 1e-10f));
                ++i;
            }
            segment.avg_logprob = static_cast<float>(logprob / static_cast<double>(std::max<size_t>(segment.tokens.size(), 1)));
        }
        place_tokens(segments, found.begins, {work.pass_start_ms, work.segments.empty() ? 0 : work.segments.back().end_ms, work.duration_ms(), shared_.correction_ms},
            work.levels);
    }

    Shared & shared_;
    Ct2Model model_;
};

class Ct2Decoder : public Decoder {
public:
    explicit Ct2Decoder(Shared & shared) : shared_(shared) {}

    std::vector<Segment> decode(const std::vector<float> & samples, const DecodeTask & task, Observer & observer) override {
        return std::move(ask(samples, task, false, observer)->segments);
    }

    std::vector<LanguageProbability> detect_language(const std::vector<float> & samples, Observer & observer) override {
        if (!shared_.tokens->multilingual()) {
            return {{"en", 1.0f}};
        }
        return std::move(ask(samples, {}, true, observer)->languages);
    }

private:
    std::shared_ptr<Work> ask(const std::vector<float> & samples, const DecodeTask & task, bool only_language, Observer & observer) {
        constexpr int kLookMs = 20; // how long a cancelled request is not noticed at most
        shared_.queue.announce();
        std::shared_ptr<Work> work;
        try {
            work      = std::make_shared<Work>(samples, task, only_language);
            work->sum = sum_of(samples);
            work->mel = shared_.mel(samples, 0);
        } catch (...) {
            shared_.queue.withdraw();
            throw;
        }
        shared_.queue.push(work);
        while (!shared_.queue.wait(*work, kLookMs)) {
            observer.progress(work->fraction);
            if (observer.cancelled) {
                work->abandoned = true;
                throw EngineError(error_code::kCancelled, "cancelled");
            }
        }
        return work;
    }

    Shared & shared_;
};

class Ct2Backend : public Backend {
public:
    Ct2Backend(std::unique_ptr<Shared> shared, const BackendOptions & options) : shared_(std::move(shared)) {
        info_.engine_name    = "CTranslate2";
        info_.engine_version = MEDIAJOB_CTRANSLATE2_VERSION;
        info_.multilingual   = shared_->tokens->multilingual();
        info_.languages      = shared_->tokens->languages();
        std::vector<std::unique_ptr<Worker>> workers;
        for (int i = 0; i < options.replicas; ++i) {
            workers.push_back(std::make_unique<Worker>(*shared_));
        }
        for (auto & worker : workers) {
            threads_.emplace_back([threads = options.threads, it = std::shared_ptr<Worker>(std::move(worker))] {
                ctranslate2::set_num_threads(static_cast<size_t>(threads));
                it->run();
            });
        }
    }

    ~Ct2Backend() override {
        shared_->queue.close();
        for (auto & thread : threads_) {
            thread.join();
        }
    }

    const ModelInfo & info() const override { return info_; }

    std::unique_ptr<Decoder> create_decoder(int) override { return std::make_unique<Ct2Decoder>(*shared_); }

    void check(const DecodeTask & task) const override {
        if (shared_->tokens->language_index(task.language) < 0) {
            throw EngineError(error_code::kBadRequest, "this model does not know the language '" + task.language + "'");
        }
        if (task.translate && !info_.multilingual) {
            throw EngineError(error_code::kBadRequest, "this model knows English only, so that it cannot translate");
        }
    }

private:
    std::unique_ptr<Shared>  shared_;
    ModelInfo                info_;
    std::vector<std::thread> threads_;
};

Device device_of(const BackendOptions & options) {
    if (options.device == "cpu") {
        return Device::CPU;
    }
    const bool there = ctranslate2::get_device_count(Device::CUDA) > 0;
    if (options.device == "cuda" && !there) {
        throw EngineError(error_code::kDeviceUnavailable, "there is no CUDA device that can be used");
    }
    if (options.device != "cuda" && options.device != "auto") {
        throw EngineError(error_code::kDeviceUnavailable, "there is no device '" + options.device + "'; there are auto, cpu and cuda");
    }
    return there ? Device::CUDA : Device::CPU;
}

ComputeType compute_type_of(const BackendOptions & options, Device device) {
    if (options.compute == "auto") {
        return device == Device::CUDA ? ComputeType::FLOAT16 : ComputeType::INT8;
    }
    try {
        return ctranslate2::str_to_compute_type(options.compute);
    } catch (const std::exception &) {
        throw EngineError(error_code::kDeviceUnavailable, "there is no number format '" + options.compute + "'");
    }
}

bool is_int8(ComputeType type) {
    return type == ComputeType::INT8 || type == ComputeType::INT8_FLOAT32 || type == ComputeType::INT8_FLOAT16 || type == ComputeType::INT8_BFLOAT16;
}

// The encoder takes and gives back blocks of up to a hundred MiB several times a layer. By itself glibc asks the kernel for each
// and lets it clear every page of them: a third of all time (bench/README.md). So what was taken once is kept, in one place.
void keep_memory() {
#ifdef __GLIBC__
    ::mallopt(M_ARENA_MAX, 1);
    ::mallopt(M_MMAP_MAX, 0);
    ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

} // namespace

std::unique_ptr<Backend> load_backend(const BackendOptions & given) {
    keep_memory();
    ctranslate2::set_log_level(ctranslate2::LogLevel::Warning);
    BackendOptions options = given;
    const auto     cpus    = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    const auto     file    = read_model_file(options.model);
    const auto     device  = device_of(options);
    if (options.replicas == 0) {
        options.replicas = device == Device::CUDA ? 1 : std::max(1, std::min(options.states, cpus / options.threads));
    }
    if (options.batch == 0) {
        options.batch = kLargestBatch;
    }
    const auto compute = compute_type_of(options, device);
    auto       tokens  = std::make_unique<WhisperTokens>(file.tokens, file.dimensions.vocabulary, file.dimensions.multilingual(), file.dimensions.languages());
    ctranslate2::set_num_threads(static_cast<size_t>(options.threads));
    std::shared_ptr<const ctranslate2::models::Model> model;
    try {
        GgmlModelReader reader(file, *tokens, is_int8(compute) && device == Device::CPU);
        model = ctranslate2::models::Model::load(reader, device, 0, compute);
    } catch (const EngineError &) {
        throw;
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception & error) {
        throw EngineError(device == Device::CUDA ? error_code::kDeviceUnavailable : error_code::kBadModel,
            "the model " + options.model + " cannot be loaded: " + error.what());
    }
    auto whisper = std::dynamic_pointer_cast<const ctranslate2::models::WhisperModel>(model);
    return std::make_unique<Ct2Backend>(std::make_unique<Shared>(file, std::move(whisper), std::move(tokens), options.replicas, options.batch), options);
}

std::string backend_version() { return std::string("CTranslate2 ") + MEDIAJOB_CTRANSLATE2_VERSION; }

} // namespace mediajob
