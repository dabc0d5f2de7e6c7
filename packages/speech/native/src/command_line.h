#pragma once

#include <string>

namespace mediajob {

struct CommandLine {
    std::string model;
    int         states  = 1;
    int         threads = 1;
    int         replicas = 0;
    int         batch    = 0;
    std::string device   = "auto";
    std::string compute  = "auto";
    bool        help    = false;
    bool        version = false;
    std::string problem; // not empty: what is wrong
};

extern const char * const kUsage;

CommandLine parse_command_line(int argc, char ** argv);

} // namespace mediajob
