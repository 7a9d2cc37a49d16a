#include "vectors.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace {

const std::string Folder = OMOTE_GOLDEN_DIR "/";

}  // namespace

omote::Envelope Message::Envelope(omote::Document& document) const {
    std::vector<omote::Bytes> parts;
    for (const std::string& part : parts_) parts.emplace_back(part);
    return omote::ReadEnvelope(parts.data(), parts.size(), document);
}

const Json& Golden() {
    static const Json golden = Json::Load(Folder + "golden.json");
    return golden;
}

Message StoredMessage(const std::string& name) {
    std::ifstream file(Folder + name + ".bin", std::ios::binary);
    if (!file) throw std::runtime_error("there is no golden vector " + name);
    const std::string data{std::istreambuf_iterator<char>(file), {}};
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < data.size();) {
        std::uint32_t length = 0;
        std::memcpy(&length, data.data() + at, 4);
        parts.push_back(data.substr(at + 4, length));
        at += 4 + length;
    }
    return Message(std::move(parts));
}

std::vector<std::string> NamesStartingWith(const std::string& start) {
    std::vector<std::string> names;
    for (const auto& [name, said] : Golden().Entries()) {
        if (name.rfind(start, 0) == 0) names.push_back(name);
    }
    if (names.empty()) throw std::runtime_error("no golden vector begins with " + start);
    return names;
}

bool GreyJpeg(omote::Bytes, int width, int height, omote::Order, std::uint8_t* out) {
    std::memset(out, 128, static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 4);
    return true;
}
