#include "json.h"

#include <cctype>
#include <fstream>
#include <iterator>
#include <stdexcept>

// Reads what Python's json.dumps writes: a file of ours, so it need not be wary.
class JsonReader {
public:
    explicit JsonReader(std::string text) : text_(std::move(text)) {}

    Json Read() {
        Json value;
        const char first = Next();
        if (first == '{') {
            ReadEntries(value);
        } else if (first == '[') {
            ReadItems(value);
        } else {
            value.text_ = first == '"' ? ReadText() : ReadWord();
        }
        return value;
    }

private:
    char Next() {
        while (std::isspace(static_cast<unsigned char>(text_.at(at_)))) ++at_;
        return text_[at_];
    }

    void Skip(char wanted) {
        if (Next() != wanted) throw std::runtime_error("golden.json: wanted a " + std::string(1, wanted));
        ++at_;
    }

    void ReadEntries(Json& value) {
        for (Skip('{'); Next() != '}';) {
            Next();
            const std::string key = ReadText();
            Skip(':');
            value.entries_.emplace(key, Read());
            if (Next() == ',') ++at_;
        }
        Skip('}');
    }

    void ReadItems(Json& value) {
        for (Skip('['); Next() != ']';) {
            value.items_.push_back(Read());
            if (Next() == ',') ++at_;
        }
        Skip(']');
    }

    std::string ReadText() {
        const std::size_t end = text_.find('"', at_ + 1);
        const std::string text = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
        return text;
    }

    std::string ReadWord() {
        const std::size_t end = text_.find_first_of(",]} \n", at_);
        const std::string word = text_.substr(at_, end - at_);
        at_ = end;
        return word;
    }

    std::string text_;
    std::size_t at_ = 0;
};

Json Json::Load(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + " cannot be read");
    return JsonReader({std::istreambuf_iterator<char>(file), {}}).Read();
}
