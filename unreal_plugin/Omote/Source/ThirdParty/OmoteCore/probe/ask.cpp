#include "ask.h"

#include <cinttypes>
#include <cstdio>
#include <optional>
#include <sstream>

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

void Add(omote::Arguments& arguments, const std::string& word) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) throw omote::SettingsError("an argument reads key=value, got '" + word + "'");
    const std::string key = word.substr(0, equals), value = word.substr(equals + 1);
    if (value == "nil") {
        arguments.Nil(key);
    } else if (value.find(',') != std::string::npos) {
        AddList(arguments, key, value);
    } else if (const auto number = AsNumber(value)) {
        arguments.Number(key, *number);
    } else {
        arguments.Text(key, value);
    }
}

}  // namespace

void Ask(const std::vector<std::string>& words) {
    if (words.size() < 2) {
        throw omote::SettingsError("wanted: probe control ENDPOINT METHOD key=value... [--keys FILE]");
    }
    std::optional<omote::ClientKeys> keys;
    omote::Arguments arguments;
    for (std::size_t at = 2; at < words.size(); ++at) {
        if (words[at] == "--keys" && at + 1 < words.size()) {
            keys = omote::ClientKeys::Load(words[++at]);
        } else {
            Add(arguments, words[at]);
        }
    }
    omote::ControlClient client(words[0], keys);
    if (words[1] != "measure-clock") {
        std::puts(client.Call(words[1], arguments).Get().ToJson().c_str());
        return;
    }
    const omote::ClockOffset clock = client.MeasureClock();
    std::printf("{\"offset_ns\":%" PRId64 ",\"uncertainty_ns\":%" PRIu64 ",\"session\":%" PRIu64 "}\n", clock.aheadNs,
                clock.uncertaintyNs, clock.session);
}
