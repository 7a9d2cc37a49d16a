#include "ask.h"

#include <cinttypes>
#include <cstdio>
#include <map>
#include <optional>
#include <sstream>

#include "figures.h"
#include "omote/control_client.h"

namespace {

std::optional<double> AsNumber(const std::string& text) {
    std::size_t read = 0;
    try {
        const double number = std::stod(text, &read);
        if (read == text.size()) return number;
    } catch (const std::exception&) {
        return std::nullopt;  // it is a text, then
    }
    return std::nullopt;
}

void AddList(omote::Arguments& arguments, const std::string& key, const std::string& value) {
    std::vector<std::string> texts;
    std::vector<double> numbers;
    std::istringstream items(value);
    for (std::string item; std::getline(items, item, ',');) {
        texts.push_back(item);
        if (const auto number = AsNumber(item)) numbers.push_back(*number);
    }
    if (numbers.size() == texts.size()) {
        arguments.Numbers(key, numbers);
    } else {
        arguments.Texts(key, texts);
    }
}

// What a command line asks with. Entries of a map come one by one, so they are kept until the end.
class Question {
public:
    void Add(const std::string& word) {
        const auto equals = word.find('=');
        if (equals == std::string::npos) throw omote::SettingsError("an argument reads key=value, got '" + word + "'");
        const std::string key = word.substr(0, equals), value = word.substr(equals + 1);
        const auto dot = key.find('.');
        if (dot == std::string::npos) {
            AddValue(key, value);
        } else {
            maps_[key.substr(0, dot)].emplace_back(key.substr(dot + 1), AsNumber(value).value_or(0));
        }
    }

    omote::Arguments Arguments() const {
        omote::Arguments all = arguments_;
        for (const auto& [name, entries] : maps_) all.Weights(name, entries);
        return all;
    }

private:
    void AddValue(const std::string& key, const std::string& value) {
        if (value == "nil") {
            arguments_.Null(key);
        } else if (value.find(',') != std::string::npos) {
            AddList(arguments_, key, value);
        } else if (const auto number = AsNumber(value)) {
            arguments_.Number(key, *number);
        } else {
            arguments_.Text(key, value);
        }
    }

    omote::Arguments arguments_;
    std::map<std::string, std::vector<std::pair<std::string, double>>> maps_;
};

void PrintClock(omote::ControlClient& client) {
    const omote::ClockOffset clock = client.MeasureClock();
    std::printf("{\"offset_ns\":%" PRId64 ",\"uncertainty_ns\":%" PRIu64 ",\"session\":\"%" PRIu64 "\"}\n",
                clock.aheadNs, clock.uncertaintyNs, clock.session);
}

void PrintResult(omote::ControlClient& client, const std::string& method, const omote::Arguments& arguments) {
    try {
        std::printf("{\"result\":%s}\n", client.Call(method, arguments).Get().ToJson().c_str());
    } catch (const omote::ControlError& error) {
        std::printf("{\"error\":{\"code\":%s,\"message\":%s}}\n", JsonText(error.Code()).c_str(),
                    JsonText(error.what()).c_str());
    }
}

}  // namespace

void Ask(const std::vector<std::string>& words) {
    if (words.size() < 2) {
        throw omote::SettingsError("wanted: probe control ENDPOINT METHOD key=value... [--keys FILE]");
    }
    std::optional<omote::ClientKeys> keys;
    Question question;
    for (std::size_t at = 2; at < words.size(); ++at) {
        if (words[at] == "--keys" && at + 1 < words.size()) {
            keys = omote::ClientKeys::Load(words[++at]);
        } else {
            question.Add(words[at]);
        }
    }
    omote::ControlClient client(words[0], keys);
    if (words[1] == "measure") {
        PrintClock(client);
    } else {
        PrintResult(client, words[1], question.Arguments());
    }
}
