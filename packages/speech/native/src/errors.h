// What the engine can tell its host about a request that failed. The codes are part of the protocol (PROTOCOL.md).
#pragma once

#include <stdexcept>
#include <string>

namespace mediajob {

class EngineError : public std::runtime_error {
public:
    EngineError(const char * error_code, const std::string & message) : std::runtime_error(message), code(error_code) {}

    const char * const code;
};

// After which the process cannot go on: the scheduler answers, and ends it.
class FatalEngineError : public EngineError {
    using EngineError::EngineError;
};

namespace error_code {
constexpr const char * kBadRequest     = "bad-request";
constexpr const char * kInputNotFound  = "input-not-found";
constexpr const char * kBadInput       = "bad-input";
constexpr const char * kStorageError   = "storage-error";
constexpr const char * kModelNotFound  = "model-not-found";
constexpr const char * kBadModel       = "bad-model";
constexpr const char * kDeviceUnavailable = "device-unavailable";
constexpr const char * kCancelled      = "cancelled";
constexpr const char * kOutOfMemory    = "out-of-memory";
constexpr const char * kInternal       = "internal";
} // namespace error_code

} // namespace mediajob
