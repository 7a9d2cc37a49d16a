#include "omote/client_keys.h"

#include <fstream>
#include <sstream>
#include <string_view>

#include "omote/error.h"

namespace omote {

namespace {

constexpr std::size_t MaxFileBytes = 16384;
constexpr std::size_t KeyLetters = 40;
// ZeroMQ RFC 32.
constexpr std::string_view Z85 =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

std::string_view Trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// The value of a line of the form: key = "value". Nothing where it is another key's line, a comment, or blank.
bool ReadLine(std::string_view line, std::string_view key, std::string& value) {
    const auto equals = line.find('=');
    if (line.empty() || line[0] == '#' || equals == std::string_view::npos) return false;
    if (Trimmed(line.substr(0, equals)) != key) return false;
    const std::string_view quoted = Trimmed(line.substr(equals + 1));
    const auto end = quoted.size() > 1 && quoted[0] == '"' ? quoted.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return false;
    value = quoted.substr(1, end - 1);
    return true;
}

std::string KeyNamed(std::string_view key, const std::string& text, const std::string& path) {
    std::istringstream lines(text);
    std::string value;
    bool isFound = false;
    for (std::string line; std::getline(lines, line);) isFound = ReadLine(Trimmed(line), key, value) || isFound;
    const bool isZ85 = value.find_first_not_of(Z85) == std::string::npos;
    if (isFound && value.size() == KeyLetters && isZ85) return value;
    throw SettingsError(path + ": '" + std::string(key) + "' must be 40 letters of Z85 in quotes, " +
                        (isFound ? "found " + std::to_string(value.size()) : "found none") +
                        "; make the file with: omote keys new NAME");
}

}  // namespace

ClientKeys ClientKeys::Load(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw SettingsError(path + ": this key file cannot be read; make one with: omote keys new NAME");
    std::string text(MaxFileBytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > MaxFileBytes) throw SettingsError(path + ": a key file has at most 16384 bytes");
    return Parse(text, path);
}

ClientKeys ClientKeys::Parse(const std::string& text, const std::string& path) {
    return {KeyNamed("server", text, path), KeyNamed("public", text, path), KeyNamed("secret", text, path)};
}

}  // namespace omote
