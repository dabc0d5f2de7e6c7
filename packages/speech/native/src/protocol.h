// The JSON lines of PROTOCOL.md: requests to structures, structures to answers.
#pragma once

#include "backend.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace mediajob {

constexpr int    kProtocolVersion = 1;
constexpr size_t kLongestLine     = 64 * 1024;
constexpr size_t kLongestPrompt   = 4 * 1024;
constexpr int64_t kLongestWindowMs = 30'000;

struct AudioRange {
    std::string wav;
    int64_t     start_ms = 0;
    int64_t     end_ms   = 0;
};

struct DecodeRequest {
    std::string id;
    AudioRange  range;
    DecodeTask  task;
};
struct DetectLanguageRequest {
    std::string id;
    AudioRange  range;
};
struct CancelRequest {
    std::string id;
};
struct PingRequest {
    std::string id;
};
struct InfoRequest {
    std::string id;
};
struct ShutdownRequest {};

using Request = std::variant<DecodeRequest, DetectLanguageRequest, CancelRequest, PingRequest, InfoRequest, ShutdownRequest>;

struct ParsedLine {
    std::string            id; // as far as it could be read: an error is answered under it
    std::optional<Request> request;
    std::string            problem; // why there is no request
};

// Never throws: what is wrong with a line is said in `problem`.
ParsedLine parse_request(const std::string & line);

// Writes whole lines to stdout, from any thread. A host that no longer reads ends the process.
class Answers {
public:
    void ready(const ModelInfo & info, int states, int threads, const std::string & id = {});
    void started(const std::string & id);
    void progress(const std::string & id, double fraction);
    // Segments are shifted by `offset_ms` and kept inside of [offset_ms, end_ms].
    void result(const std::string & id, const std::vector<Segment> & segments, int64_t offset_ms, int64_t end_ms);
    void result(const std::string & id, const std::vector<LanguageProbability> & languages);
    void pong(const std::string & id);
    void error(const std::string & id, const char * code, const std::string & message);

private:
    void write(const std::string & line);

    std::mutex mutex_;
};

} // namespace mediajob
