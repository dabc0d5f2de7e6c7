#include "backend.h"

#include "alignment.h"
#include "beyond_end.h"
#include "errors.h"
#include "model_file.h"
#include "open_whisper.h"
#include "speech_edges.h"
#include "token_times.h"
#include "wav_range.h"

#include "ggml-backend.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unistd.h>

namespace mediajob {
namespace {

constexpr int64_t kFrameMs        = 10; // of whisper.cpp's times
constexpr int64_t kLongestPassMs  = 30'000;
constexpr int64_t kShortestMs     = 1'000; // anything shorter is padded with silence: whisper.cpp skips what is too short
constexpr int     kNoMemoryForCache = -7; // of whisper_full_with_state: it has freed the state by then
constexpr double  kEncoderShare   = 0.7; // of the work on a window, for progress
constexpr int64_t kLeastStepMs    = 1'000; // a run that came less far will not come further the next time

struct ContextDeleter {
    void operator()(whisper_context * it) const { whisper_free(it); }
};
struct StateDeleter {
    void operator()(whisper_state * it) const { whisper_free_state(it); }
};
using Context = std::unique_ptr<whisper_context, ContextDeleter>;
using State   = std::unique_ptr<whisper_state, StateDeleter>;

bool has_gpu() {
    for (size_t i = 0; i < ggml_backend_dev_count(); ++i) {
        const auto type = ggml_backend_dev_type(ggml_backend_dev_get(i));
        if (type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU) {
            return true;
        }
    }
    return false;
}

class WhisperDecoder : public Decoder {
public:
    WhisperDecoder(whisper_context * context, State state, int threads)
        : context_(context), state_(std::move(state)), threads_(threads) {}

    std::vector<Segment>             decode(const std::vector<float> & samples, const DecodeTask & task, Observer & observer) override;
    std::vector<LanguageProbability> detect_language(const std::vector<float> & samples, Observer & observer) override;

private:
    whisper_context * context_;
    State             state_;
    int               threads_;
};

// One call of whisper_full: its callbacks land here.
class Decoding {
public:
    Decoding(whisper_context * context, whisper_state * state, int threads, const std::vector<float> & samples, const DecodeTask & task, Observer & observer)
        : context_(context), state_(state), threads_(threads), samples_(samples), task_(task), observer_(observer),
          duration_ms_(static_cast<int64_t>(samples.size()) * 1000 / kSampleRate), levels_(samples) {}

    std::vector<Segment> run();

private:
    whisper_full_params parameters();
    bool                begin_pass();
    void                choose_token(int n_tokens);
    bool                should_abort();
    void                finish_pass();
    void                decode_from(int64_t from_ms, const std::vector<float> & audio);
    void                add_times(std::vector<Segment> & segments, int64_t pass_start_ms);
    Segment             segment(int index) const;
    void                check_cancelled() const;

    whisper_context *          context_;
    whisper_state *            state_;
    int                        threads_;
    const std::vector<float> & samples_;
    const DecodeTask &         task_;
    Observer &                 observer_;
    int64_t                    duration_ms_;
    SoundLevels                levels_;

    std::vector<float>   padded_;
    std::vector<Segment> segments_;
    int                  read_          = 0;  // segments of this call of whisper_full that are in segments_
    int64_t              pass_start_ms_ = -1; // of the pass that runs; -1 before the first
    int                  attempts_      = 0;  // decodings of this pass: each further one is a step hotter
    int                  steps_         = 0;  // tokens chosen in this attempt
    double               fraction_      = 0;
};

whisper_full_params Decoding::parameters() {
    const auto & options    = task_.options;
    auto         params     = whisper_full_default_params(options.beam_size > 1 ? WHISPER_SAMPLING_BEAM_SEARCH : WHISPER_SAMPLING_GREEDY);
    params.n_threads        = threads_;
    params.no_context       = true; // a window stands for itself
    params.translate        = task_.translate;
    params.language         = task_.language.c_str();
    params.print_special    = false;
    params.print_progress   = false;
    params.print_realtime   = false;
    params.print_timestamps = false;
    params.duration_ms      = static_cast<int>(std::max(duration_ms_, kShortestMs));

    params.beam_search.beam_size = options.beam_size;
    params.greedy.best_of        = std::max(options.best_of, 1);
    params.temperature           = options.temperature;
    params.temperature_inc       = options.temperature_step;
    params.logprob_thold         = options.logprob_threshold;
    params.entropy_thold         = options.entropy_threshold;
    params.no_speech_thold       = options.no_speech_threshold;
    if (!task_.prompt.empty()) {
        params.initial_prompt = task_.prompt.c_str();
    }

    params.encoder_begin_callback           = [](whisper_context *, whisper_state *, void * self) { return static_cast<Decoding *>(self)->begin_pass(); };
    params.encoder_begin_callback_user_data = this;
    params.logits_filter_callback           = [](whisper_context *, whisper_state *, const whisper_token_data *, int n_tokens, float *, void * self) {
        static_cast<Decoding *>(self)->choose_token(n_tokens);
    };
    params.logits_filter_callback_user_data = this;
    params.abort_callback                   = [](void * self) { return static_cast<Decoding *>(self)->should_abort(); };
    params.abort_callback_user_data         = this;
    return params;
}

std::vector<Segment> Decoding::run() {
    const std::vector<float> * audio = &samples_;
    if (duration_ms_ < kShortestMs) {
        padded_ = samples_;
        padded_.resize(static_cast<size_t>(kShortestMs * kSampleRate / 1000), 0.0f);
        audio = &padded_;
    }
    for (int64_t from_ms = 0;;) {
        const size_t before = segments_.size();
        decode_from(from_ms, *audio);
        if (from_ms > 0) {
            const size_t heard = segments_.size();
            segments_.resize(speech_until(segments_, before, task_.options));
            if (segments_.size() < heard) {
                break;
            }
        }
        // The model may take one speaker's end for the end of all speech, and say that nothing follows.
        const int64_t end_ms = segments_.size() == before ? from_ms : segments_.back().end_ms;
        if (end_ms - from_ms < kLeastStepMs || !levels_.is_unheard(end_ms)) {
            break;
        }
        from_ms = end_ms;
    }
    return std::move(segments_);
}

void Decoding::decode_from(int64_t from_ms, const std::vector<float> & audio) {
    open_whisper::reset_random(state_);
    auto params         = parameters();
    params.offset_ms    = static_cast<int>(from_ms);
    params.duration_ms -= params.offset_ms;
    read_               = 0;
    pass_start_ms_      = -1;
    open_whisper::set_abort(state_, params.abort_callback, this);
    const int status = whisper_full_with_state(context_, state_, params, audio.data(), static_cast<int>(audio.size()));
    if (status == kNoMemoryForCache) {
        throw FatalEngineError(error_code::kOutOfMemory, "there is no memory for decoding with so many candidates");
    }
    if (status == 0) {
        finish_pass();
    }
    open_whisper::set_abort(state_, nullptr, nullptr);
    check_cancelled();
    if (status != 0) {
        throw EngineError(error_code::kInternal, "decoding failed with status " + std::to_string(status));
    }
}

// Before each pass of the encoder over up to 30 s. A window needs a second one when the model left its end open.
bool Decoding::begin_pass() {
    finish_pass();
    pass_start_ms_ = open_whisper::pass_start_frames() * kFrameMs;
    attempts_      = 0;
    steps_         = 0;
    fraction_      = static_cast<double>(pass_start_ms_) / static_cast<double>(std::max(duration_ms_, kShortestMs));
    observer_.progress(fraction_);
    // What is left after the last words is mostly silence: a pass costs as much as a full window and would invent words.
    const bool silent = pass_start_ms_ > 0 && !levels_.holds_sound(pass_start_ms_);
    return !observer_.cancelled && !silent;
}

void Decoding::finish_pass() {
    if (pass_start_ms_ < 0 || observer_.cancelled) {
        return;
    }
    std::vector<Segment> of_pass;
    for (; read_ < whisper_full_n_segments_from_state(state_); ++read_) {
        of_pass.push_back(segment(read_));
    }
    if (task_.options.word_times && !of_pass.empty()) {
        add_times(of_pass, pass_start_ms_);
    }
    segments_.insert(segments_.end(), std::make_move_iterator(of_pass.begin()), std::make_move_iterator(of_pass.end()));
}

Segment Decoding::segment(int index) const {
    Segment result;
    result.start_ms              = std::clamp<int64_t>(whisper_full_get_segment_t0_from_state(state_, index) * kFrameMs, 0, duration_ms_);
    result.end_ms                = std::clamp<int64_t>(whisper_full_get_segment_t1_from_state(state_, index) * kFrameMs, result.start_ms, duration_ms_);
    result.no_speech_probability = whisper_full_get_segment_no_speech_prob_from_state(state_, index);
    result.temperature           = task_.options.temperature + static_cast<float>(std::max(attempts_ - 1, 0)) * task_.options.temperature_step;

    double    logprob = 0;
    const int eot     = whisper_token_eot(context_);
    for (int i = 0; i < whisper_full_n_tokens_from_state(state_, index); ++i) {
        const auto data = whisper_full_get_token_data_from_state(state_, index, i);
        if (data.id >= eot) {
            continue; // a timestamp or another mark, not text
        }
        const char * bytes = whisper_full_get_token_text_from_state(context_, state_, index, i);
        result.tokens.push_back({data.id, bytes, data.p, result.start_ms, result.end_ms});
        logprob += data.plog;
    }
    if (!result.tokens.empty()) {
        result.avg_logprob = static_cast<float>(logprob / static_cast<double>(result.tokens.size()));
    }
    return result;
}

void Decoding::add_times(std::vector<Segment> & segments, int64_t pass_start_ms) {
    std::vector<whisper_token> text;
    for (const auto & it : segments) {
        for (const auto & token : it.tokens) {
            text.push_back(token.id);
        }
    }
    const int64_t left_ms   = std::max(duration_ms_, kShortestMs) - pass_start_ms;
    const int     frames    = static_cast<int>(std::min<int64_t>(left_ms, kLongestPassMs) / kAttentionMs);
    const auto    attention = open_whisper::cross_attention(context_, state_, text, whisper_lang_id(task_.language.c_str()),
        task_.translate, frames, threads_);
    const auto    begins    = align(attention);
    // It has none when it was aborted or the text is longer than the decoder's context: the segment's own times stay.
    place_tokens(segments, begins, {pass_start_ms, segments_.empty() ? 0 : segments_.back().end_ms, duration_ms_, attention.correction_ms}, levels_);
}

// Called for every candidate before each of its tokens; with none chosen yet, an attempt begins.
void Decoding::choose_token(int n_tokens) {
    if (n_tokens == 0) {
        ++attempts_;
        steps_ = 0;
    }
    steps_ = std::max(steps_, n_tokens);
    // Speech has about five tokens a second; a window that is denser only stays at its end for a while.
    const double whole   = static_cast<double>(std::max(duration_ms_, kShortestMs));
    const double expected = std::max(1.0, (whole - static_cast<double>(pass_start_ms_)) / 1000.0 * 5.0);
    const double share   = (whole - static_cast<double>(pass_start_ms_)) / whole;
    const double done    = kEncoderShare + (1 - kEncoderShare) * std::min(1.0, steps_ / expected);
    fraction_            = std::max(fraction_, std::min(0.99, static_cast<double>(pass_start_ms_) / whole + share * done));
    observer_.progress(fraction_);
}

bool Decoding::should_abort() {
    observer_.progress(fraction_); // a sign of life: the filter behind it keeps it rare
    return observer_.cancelled;
}

void Decoding::check_cancelled() const {
    if (observer_.cancelled) {
        throw EngineError(error_code::kCancelled, "cancelled");
    }
}

std::vector<Segment> WhisperDecoder::decode(const std::vector<float> & samples, const DecodeTask & task, Observer & observer) {
    return Decoding(context_, state_.get(), threads_, samples, task, observer).run();
}

std::vector<LanguageProbability> WhisperDecoder::detect_language(const std::vector<float> & samples, Observer & observer) {
    const int languages = open_whisper::languages(context_);
    if (languages == 1) {
        return {{"en", 1.0f}};
    }
    auto audio = samples;
    audio.resize(std::max(audio.size(), static_cast<size_t>(kShortestMs * kSampleRate / 1000)), 0.0f);

    open_whisper::set_abort(state_.get(), [](void * it) {
        auto & watched = *static_cast<Observer *>(it);
        watched.progress(0);
        return watched.cancelled.load();
    }, &observer);
    std::vector<float> probabilities(static_cast<size_t>(whisper_lang_max_id()) + 1, 0.0f);
    int status = whisper_pcm_to_mel_with_state(context_, state_.get(), audio.data(), static_cast<int>(audio.size()), threads_);
    if (status == 0 && !observer.cancelled) {
        status = whisper_lang_auto_detect_with_state(context_, state_.get(), 0, threads_, probabilities.data());
    }
    open_whisper::set_abort(state_.get(), nullptr, nullptr);
    if (observer.cancelled) {
        throw EngineError(error_code::kCancelled, "cancelled");
    }
    if (status < 0) {
        throw EngineError(error_code::kInternal, "language detection failed with status " + std::to_string(status));
    }

    // whisper.cpp asks for 100 languages of every model; of one that knows 99 the last is the token for something else.
    probabilities.resize(static_cast<size_t>(languages));
    float sum = 0;
    for (const float it : probabilities) {
        sum += it;
    }
    std::vector<LanguageProbability> result;
    for (int i = 0; i < languages; ++i) {
        result.push_back({whisper_lang_str(i), sum > 0 ? probabilities[i] / sum : 0.0f});
    }
    std::stable_sort(result.begin(), result.end(), [](const auto & a, const auto & b) { return a.probability > b.probability; });
    return result;
}

class WhisperBackend : public Backend {
public:
    explicit WhisperBackend(Context context) : context_(std::move(context)) {
        info_.engine_name    = "whisper.cpp";
        info_.engine_version = whisper_version();
        info_.multilingual   = whisper_is_multilingual(context_.get()) != 0;
        info_.languages      = open_whisper::languages(context_.get());
    }

    const ModelInfo & info() const override { return info_; }

    std::unique_ptr<Decoder> create_decoder(int threads) override {
        State state(whisper_init_state(context_.get()));
        if (!state) {
            throw EngineError(error_code::kOutOfMemory, "there is no memory for another decoding state");
        }
        return std::make_unique<WhisperDecoder>(context_.get(), std::move(state), threads);
    }

    void check(const DecodeTask & task) const override {
        const int id = task.language == "auto" ? -1 : language_id(task.language);
        if (id < 0 || id >= info_.languages) {
            throw EngineError(error_code::kBadRequest, "this model does not know the language '" + task.language + "'");
        }
        if (task.translate && !info_.multilingual) {
            throw EngineError(error_code::kBadRequest, "this model knows English only, so that it cannot translate");
        }
    }

private:
    // whisper_lang_id would also take "english", and logs what it does not know.
    static int language_id(const std::string & code) {
        for (int i = 0; i <= whisper_lang_max_id(); ++i) {
            if (code == whisper_lang_str(i)) {
                return i;
            }
        }
        return -1;
    }

    Context   context_;
    ModelInfo info_;
};

void log_line(ggml_log_level level, const char * text, void *) {
    if (level == GGML_LOG_LEVEL_DEBUG || level == GGML_LOG_LEVEL_NONE || text == nullptr) {
        return;
    }
    const size_t length = std::strlen(text);
    if (length == 0 || (length == 1 && text[0] == '\n')) {
        return;
    }
    const char * name = level == GGML_LOG_LEVEL_ERROR ? "error: " : level == GGML_LOG_LEVEL_WARN ? "warn: " : level == GGML_LOG_LEVEL_INFO ? "info: " : "";
    std::string line = std::string(name) + text;
    if (line.back() != '\n' && level != GGML_LOG_LEVEL_CONT) {
        line += '\n';
    }
    // One write a line, past stdio: lines of several threads do not mix, and a full pipe loses a log line, nothing else.
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

std::string directory_of_program() {
    char          path[4096];
    const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (length <= 0) {
        return {};
    }
    const std::string program(path, static_cast<size_t>(length));
    return program.substr(0, program.rfind('/'));
}

// Programs built for many CPUs carry their kernels as libraries beside them; others have them inside already.
void load_kernels() {
    if (ggml_backend_reg_count() == 0) {
        const auto directory = directory_of_program();
        ggml_backend_load_all_from_path(directory.empty() ? nullptr : directory.c_str());
    }
    if (ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) == nullptr) {
        throw EngineError(error_code::kInternal, "there are no kernels for this CPU beside the program");
    }
}

} // namespace

std::unique_ptr<Backend> load_backend(const BackendOptions & options) {
    whisper_log_set(log_line, nullptr);
    load_kernels();
    read_model_file(options.model);
    auto params = whisper_context_default_params();
    params.use_gpu = has_gpu();
    // In the decoder only: the encoder always uses it (patch_whisper.cmake). On a GPU it pays there, too.
    params.flash_attn = params.use_gpu;
    Context context(whisper_init_from_file_with_params_no_state(options.model.c_str(), params));
    if (!context) {
        throw EngineError(error_code::kBadModel, "the model " + options.model + " is damaged, or no ggml Whisper model");
    }
    return std::make_unique<WhisperBackend>(std::move(context));
}

std::string backend_version() { return std::string("whisper.cpp ") + whisper_version(); }

} // namespace mediajob
