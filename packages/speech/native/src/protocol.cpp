#include "protocol.h"

#include "errors.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <json.hpp>
#include <unistd.h>

namespace mediajob {
namespace {

using nlohmann::json;

constexpr size_t kLongestId   = 128;
constexpr size_t kLongestPath = 4096;
constexpr int    kMostDecoders = 8; // more sequences than this cannot be decoded side by side

class Invalid : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::string quoted(const char * field) { return "'" + std::string(field) + "'"; }

std::string text(const json & from, const char * field, size_t longest) {
    const auto it = from.find(field);
    if (it == from.end() || !it->is_string()) {
        throw Invalid(quoted(field) + " must be a string");
    }
    auto value = it->get<std::string>();
    if (value.size() > longest) {
        throw Invalid(quoted(field) + " must be at most " + std::to_string(longest) + " bytes long");
    }
    if (value.find('\0') != std::string::npos) {
        throw Invalid(quoted(field) + " must not hold a NUL character");
    }
    return value;
}

int64_t integer(const json & from, const char * field, int64_t least, int64_t most) {
    const auto it = from.find(field);
    if (it == from.end() || !it->is_number_integer() || it->get<int64_t>() < least || it->get<int64_t>() > most ||
        (it->is_number_unsigned() && it->get<uint64_t>() > static_cast<uint64_t>(most))) {
        throw Invalid(quoted(field) + " must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return it->get<int64_t>();
}

void optional_integer(const json & from, const char * field, int64_t least, int64_t most, int & target) {
    if (from.contains(field)) {
        target = static_cast<int>(integer(from, field, least, most));
    }
}

void optional_number(const json & from, const char * field, double least, double most, float & target) {
    const auto it = from.find(field);
    if (it == from.end()) {
        return;
    }
    if (!it->is_number() || !(it->get<double>() >= least && it->get<double>() <= most)) {
        throw Invalid(quoted(field) + " must be a number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    target = it->get<float>();
}

AudioRange range_of(const json & from) {
    constexpr int64_t kLongestFileMs = 1'000LL * 3'600 * 1'000; // 1000 h: keeps all arithmetic far from overflow
    AudioRange range;
    range.wav      = text(from, "wav", kLongestPath);
    range.start_ms = integer(from, "startMs", 0, kLongestFileMs);
    range.end_ms   = integer(from, "endMs", 0, kLongestFileMs);
    if (range.wav.empty() || range.wav[0] != '/') {
        throw Invalid("'wav' must be an absolute path");
    }
    if (range.end_ms <= range.start_ms || range.end_ms - range.start_ms > kLongestWindowMs) {
        throw Invalid("'endMs' must be 1 to " + std::to_string(kLongestWindowMs) + " ms after 'startMs'");
    }
    return range;
}

DecodeOptions options_of(const json & from) {
    DecodeOptions options;
    const auto    it = from.find("options");
    if (it == from.end()) {
        return options;
    }
    if (!it->is_object()) {
        throw Invalid("'options' must be an object");
    }
    optional_integer(*it, "beamSize", 1, kMostDecoders, options.beam_size);
    optional_integer(*it, "bestOf", 1, kMostDecoders, options.best_of);
    optional_number(*it, "temperature", 0, 1, options.temperature);
    optional_number(*it, "temperatureStep", 0, 1, options.temperature_step);
    if (options.temperature_step > 0 && options.temperature_step < 0.05f) {
        throw Invalid("'temperatureStep' must be 0 or at least 0.05");
    }
    optional_number(*it, "logprobThreshold", -100, 0, options.logprob_threshold);
    optional_number(*it, "entropyThreshold", 0, 100, options.entropy_threshold);
    optional_number(*it, "noSpeechThreshold", 0, 1, options.no_speech_threshold);
    if (it->contains("wordTimes")) {
        if (!(*it)["wordTimes"].is_boolean()) {
            throw Invalid("'wordTimes' must be true or false");
        }
        options.word_times = (*it)["wordTimes"].get<bool>();
    }
    return options;
}

DecodeTask task_of(const json & from) {
    DecodeTask task;
    task.language     = text(from, "language", 8);
    const auto wanted = from.contains("task") ? text(from, "task", 16) : "transcribe";
    if (wanted != "transcribe" && wanted != "translate") {
        throw Invalid("'task' must be transcribe or translate");
    }
    task.translate = wanted == "translate";
    if (from.contains("prompt")) {
        task.prompt = text(from, "prompt", kLongestPrompt);
    }
    task.options = options_of(from);
    return task;
}

Request request_of(const json & from, const std::string & id) {
    const auto op = text(from, "op", 32);
    if (op == "shutdown") {
        return ShutdownRequest{};
    }
    if (id.empty()) {
        throw Invalid("'id' must be a string of 1 to " + std::to_string(kLongestId) + " bytes");
    }
    if (op == "decode") {
        return DecodeRequest{id, range_of(from), task_of(from)};
    }
    if (op == "detect-language") {
        return DetectLanguageRequest{id, range_of(from)};
    }
    if (op == "cancel") {
        return CancelRequest{id};
    }
    if (op == "ping") {
        return PingRequest{id};
    }
    if (op == "info") {
        return InfoRequest{id};
    }
    throw Invalid("there is no operation '" + op + "'; there are decode, detect-language, cancel, ping, info and shutdown");
}

std::string hex(const std::string & bytes) {
    constexpr const char * kDigits = "0123456789abcdef";
    std::string            result;
    result.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        result += kDigits[byte >> 4];
        result += kDigits[byte & 15];
    }
    return result;
}

// JSON knows no infinity and no NaN; four digits are more than a probability is worth.
double rounded(float value) {
    if (std::isnan(value)) {
        return 0;
    }
    return std::round(std::clamp(static_cast<double>(value), -1e6, 1e6) * 1e4) / 1e4;
}

std::string line_of(const json & value) { return value.dump(-1, ' ', false, json::error_handler_t::replace) + '\n'; }

} // namespace

ParsedLine parse_request(const std::string & line) {
    ParsedLine result;
    const json parsed = json::parse(line, nullptr, false);
    if (parsed.is_discarded() || !parsed.is_object()) {
        result.problem = "a line must be one JSON object in UTF-8";
        return result;
    }
    try {
        if (parsed.contains("id")) {
            result.id = text(parsed, "id", kLongestId);
        }
        result.request = request_of(parsed, result.id);
    } catch (const std::exception & error) {
        result.problem = error.what();
    }
    return result;
}

void Answers::ready(const ModelInfo & info, int states, int threads, const std::string & id) {
    json answer = {
        {"event", "ready"},
        {"protocol", kProtocolVersion},
        {"engine", {{"name", info.engine_name}, {"version", info.engine_version}}},
        {"model", {{"multilingual", info.multilingual}, {"languages", info.languages}}},
        {"states", states},
        {"threads", threads},
    };
    if (!id.empty()) {
        answer["id"] = id;
    }
    write(line_of(answer));
}

void Answers::started(const std::string & id) { write(line_of({{"event", "started"}, {"id", id}})); }

void Answers::progress(const std::string & id, double fraction) {
    write(line_of({{"event", "progress"}, {"id", id}, {"fraction", std::round(fraction * 1e4) / 1e4}}));
}

void Answers::result(const std::string & id, const std::vector<Segment> & segments, int64_t offset_ms, int64_t end_ms) {
    const auto absolute = [&](int64_t ms) { return std::clamp(ms + offset_ms, offset_ms, end_ms); };
    json       list     = json::array();
    for (const auto & segment : segments) {
        json tokens = json::array();
        for (const auto & token : segment.tokens) {
            tokens.push_back({
                {"id", token.id},
                {"bytes", hex(token.bytes)},
                {"probability", rounded(token.probability)},
                {"startMs", absolute(token.start_ms)},
                {"endMs", absolute(token.end_ms)},
            });
        }
        list.push_back({
            {"startMs", absolute(segment.start_ms)},
            {"endMs", absolute(segment.end_ms)},
            {"noSpeechProbability", rounded(segment.no_speech_probability)},
            {"avgLogprob", rounded(segment.avg_logprob)},
            {"temperature", rounded(segment.temperature)},
            {"tokens", std::move(tokens)},
        });
    }
    write(line_of({{"event", "result"}, {"id", id}, {"segments", std::move(list)}}));
}

void Answers::result(const std::string & id, const std::vector<LanguageProbability> & languages) {
    json list = json::array();
    for (const auto & it : languages) {
        list.push_back({{"language", it.language}, {"probability", rounded(it.probability)}});
    }
    write(line_of({{"event", "result"}, {"id", id}, {"languages", std::move(list)}}));
}

void Answers::pong(const std::string & id) { write(line_of({{"event", "pong"}, {"id", id}})); }

void Answers::error(const std::string & id, const char * code, const std::string & message) {
    json answer = {{"event", "error"}, {"code", code}, {"message", message}};
    if (!id.empty()) {
        answer["id"] = id;
    }
    write(line_of(answer));
}

void Answers::write(const std::string & line) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const char *                      from = line.data();
    size_t                            left = line.size();
    while (left > 0) {
        const ssize_t put = ::write(STDOUT_FILENO, from, left);
        if (put < 0) {
            if (errno == EINTR) {
                continue;
            }
            std::_Exit(EXIT_FAILURE); // nobody listens any more: there is nothing left to do
        }
        from += put;
        left -= static_cast<size_t>(put);
    }
}

} // namespace mediajob
