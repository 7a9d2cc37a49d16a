// A receiver on the command line: shows what arrives and measures how old it is, without Unreal.
//
//     probe [--endpoint E] [--subject S] [--format F] [--keys FILE] [--seconds N | --count N] [--work-ms W]
//           [--warm-up N] [--frames] [--params]
//     probe control ENDPOINT METHOD key=value... [--keys FILE]
//     probe control ENDPOINT measure [--keys FILE]

#include <cstdio>
#include <string>

#include "ask.h"
#include "listen.h"
#include "omote/error.h"

int main(int count, char** words) {
    try {
        if (count > 1 && std::string(words[1]) == "control") {
            Ask({words + 2, words + count});
        } else {
            Listen(CommandLine::Parse(count, words));
        }
        return 0;
    } catch (const omote::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 2;
    }
}
