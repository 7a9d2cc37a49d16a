// Runs the tests of the files whose name contains the first argument, or all.

#include <chrono>
#include <cstdio>
#include <exception>

#include "test.h"

std::vector<Test>& Tests() {
    static std::vector<Test> tests;
    return tests;
}

static bool Passes(const Test& test) {
    try {
        test.body();
        std::printf("passed  %s\n", test.name.c_str());
        return true;
    } catch (const std::exception& error) {
        std::printf("FAILED  %s: %s\n", test.name.c_str(), error.what());
        return false;
    }
}

int main(int count, char** words) {
    const std::string wanted = count > 1 ? words[1] : "";
    int run = 0, failed = 0;
    for (const Test& test : Tests()) {
        if (test.file.find(wanted) == std::string::npos) continue;
        ++run;
        failed += !Passes(test);
        std::fflush(stdout);
    }
    std::printf("%d tests, %d failed\n", run, failed);
    return run > 0 && failed == 0 ? 0 : 1;
}
