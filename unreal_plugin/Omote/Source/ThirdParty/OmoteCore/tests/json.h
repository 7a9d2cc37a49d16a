#pragma once

#include <map>
#include <string>
#include <vector>

/// A value of golden.json. Reading what is not there, or is of another kind, ends the test.
class Json {
public:
    static Json Load(const std::string& path);

    bool Has(const std::string& key) const { return entries_.count(key) > 0; }
    const Json& operator[](const std::string& key) const { return entries_.at(key); }
    const std::map<std::string, Json>& Entries() const { return entries_; }
    const std::vector<Json>& Items() const { return items_; }
    const std::string& Text() const { return text_; }
    double Number() const { return std::stod(text_); }
    std::uint64_t Uint() const { return std::stoull(text_); }  // 64 bits travel as text
    bool IsNull() const { return text_ == "null"; }

private:
    friend class JsonReader;
    std::map<std::string, Json> entries_;
    std::vector<Json> items_;
    std::string text_;  // of a text, and of all that is neither list nor map
};
