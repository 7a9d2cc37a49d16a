#pragma once

#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

// The few lines of a test framework that these tests need: a test is a sentence, a failure is an exception.

struct Test {
    std::string file;
    std::string name;
    std::function<void()> body;
};

std::vector<Test>& Tests();

struct Registration {
    Registration(const char* file, const char* name, void (*body)()) { Tests().push_back({file, name, body}); }
};

#define TEST(name)                                                  \
    static void name();                                             \
    static const Registration register_##name(__FILE__, #name, name); \
    static void name()

#define EXPECT(claim) \
    if (!(claim)) throw std::runtime_error(std::string(__FILE__) + ":" + std::to_string(__LINE__) + ": not so: " #claim)

template <class Left, class Right>
void ExpectEqual(const Left& found, const Right& wanted, const char* what, int line) {
    if (found == wanted) return;
    std::ostringstream text;
    text << "line " << line << ": " << what << " is " << found << ", wanted " << wanted;
    throw std::runtime_error(text.str());
}

#define EXPECT_EQUAL(found, wanted) ExpectEqual(found, wanted, #found, __LINE__)

/// The message of the `Kind` of error that `action` throws; a failure where it throws none.
template <class Kind>
std::string ErrorOf(const std::function<void()>& action) {
    try {
        action();
    } catch (const Kind& error) {
        return error.what();
    }
    throw std::runtime_error("no such error was thrown");
}

inline void ExpectContains(const std::string& text, const std::string& part) {
    if (text.find(part) == std::string::npos) throw std::runtime_error("'" + text + "' does not name '" + part + "'");
}
