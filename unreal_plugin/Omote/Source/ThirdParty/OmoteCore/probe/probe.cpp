// A receiver on the command line: shows what arrives and measures how old it is, without Unreal.
//
//     probe [--endpoint E] [--subject S] [--format F] [--keys FILE] [--seconds N | --count N] [--work-ms W]
//           [--warm-up N] [--frames] [--params]
//     probe control ENDPOINT METHOD key=value... [--keys FILE]
//     probe control ENDPOINT measure [--keys FILE]
//     probe discover

#include <cstdio>
#include <string>

#include "ask.h"
#include "listen.h"
#include "omote/discovery.h"
#include "omote/error.h"

namespace {

void Discover() {
    for (const omote::Sender& one : omote::FindSenders(std::chrono::seconds(1))) {
        std::printf("%llu %s %s %s %s %s %s\n", static_cast<unsigned long long>(one.session), one.name.c_str(),
                    one.subject.c_str(), one.video.c_str(), one.params.c_str(), one.control.c_str(),
                    one.isEncrypted ? "True" : "False");
    }
}

}  // namespace

int main(int count, char** words) {
    try {
        if (count > 1 && std::string(words[1]) == "control") {
            Ask({words + 2, words + count});
        } else if (count > 1 && std::string(words[1]) == "discover") {
            Discover();
        } else {
            Listen(CommandLine::Parse(count, words));
        }
        return 0;
    } catch (const omote::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 2;
    }
}
