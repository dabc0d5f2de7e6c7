// mediajob-engine: speech to tokens for a host that speaks JSON lines (PROTOCOL.md).
#include "command_line.h"
#include "errors.h"
#include "line_reader.h"
#include "protocol.h"
#include "scheduler.h"
#include "whisper_backend.h"

#include "ggml-backend.h"
#include "whisper.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace {

using namespace mediajob;

constexpr int kExitUsage = 64;
constexpr int kExitModel = 78;

// An engine without its host has nothing to do. The end of stdin says so; this covers a host that dies while the
// engine is loading or while somebody else holds the pipe.
void die_with_parent() {
#ifdef __linux__
    const pid_t parent = ::getppid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) {
        std::_Exit(EXIT_FAILURE); // it died in between
    }
#endif
}

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

void serve(Scheduler & scheduler, Answers & answers, const ModelInfo & info, const CommandLine & options) {
    LineReader  reader(STDIN_FILENO, kLongestLine);
    std::string line;
    for (;;) {
        switch (reader.next(line)) {
            case LineReader::Status::kEnd:
                std::_Exit(EXIT_SUCCESS); // nobody waits for what still runs
            case LineReader::Status::kTooLong:
                answers.error({}, error_code::kBadRequest, "a line is longer than " + std::to_string(kLongestLine) + " bytes");
                continue;
            case LineReader::Status::kLine: break;
        }
        ParsedLine parsed = parse_request(line);
        if (!parsed.request) {
            answers.error(parsed.id, error_code::kBadRequest, parsed.problem);
            continue;
        }
        try {
            if (auto * decode = std::get_if<DecodeRequest>(&*parsed.request)) {
                scheduler.submit(std::move(*decode));
            } else if (auto * detect = std::get_if<DetectLanguageRequest>(&*parsed.request)) {
                scheduler.submit(std::move(*detect));
            } else if (const auto * cancel = std::get_if<CancelRequest>(&*parsed.request)) {
                scheduler.cancel(cancel->id);
            } else if (const auto * ping = std::get_if<PingRequest>(&*parsed.request)) {
                answers.pong(ping->id);
            } else if (const auto * ask = std::get_if<InfoRequest>(&*parsed.request)) {
                answers.ready(info, options.states, options.threads, ask->id);
            } else {
                return;
            }
        } catch (const EngineError & error) {
            answers.error(parsed.id, error.code, error.what());
        }
    }
}

int run(const CommandLine & options) {
    Answers answers;
    try {
        load_kernels();
        const auto                            backend = load_whisper(options.model);
        std::vector<std::unique_ptr<Decoder>> decoders;
        for (int i = 0; i < options.states; ++i) {
            decoders.push_back(backend->create_decoder(options.threads));
        }
        Scheduler scheduler(*backend, answers, std::move(decoders));
        answers.ready(backend->info(), options.states, options.threads);
        serve(scheduler, answers, backend->info(), options);
        return EXIT_SUCCESS;
    } catch (const EngineError & error) {
        answers.error({}, error.code, error.what());
        return kExitModel;
    } catch (const std::bad_alloc &) {
        answers.error({}, error_code::kOutOfMemory, "not enough memory to load the model");
        return kExitModel;
    } catch (const std::exception & error) {
        answers.error({}, error_code::kInternal, error.what());
        return EXIT_FAILURE;
    }
}

} // namespace

int main(int argc, char ** argv) {
    const CommandLine options = parse_command_line(argc, argv);
    if (!options.problem.empty()) {
        std::fprintf(stderr, "mediajob-engine: %s\n\n%s", options.problem.c_str(), kUsage);
        return kExitUsage;
    }
    if (options.help) {
        std::fputs(kUsage, stdout);
        return EXIT_SUCCESS;
    }
    if (options.version) {
        std::printf("mediajob-engine %s (whisper.cpp %s)\n", MEDIAJOB_ENGINE_VERSION, whisper_library_version().c_str());
        return EXIT_SUCCESS;
    }
    die_with_parent();
    std::signal(SIGPIPE, SIG_IGN);
    whisper_log_set(log_line, nullptr);
    return run(options);
}
