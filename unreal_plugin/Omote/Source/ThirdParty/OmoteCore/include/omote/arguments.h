#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace omote {

/// What a control method is asked with, packed as it is added: `Arguments().Text("name", "ada")`.
class Arguments {
public:
    Arguments& Text(std::string_view name, std::string_view value);
    Arguments& Number(std::string_view name, double value);
    Arguments& Null(std::string_view name);
    Arguments& Numbers(std::string_view name, const std::vector<double>& values);
    Arguments& Texts(std::string_view name, const std::vector<std::string>& values);
    Arguments& Weights(std::string_view name, const std::vector<std::pair<std::string, double>>& values);

    std::uint32_t Count() const { return count_; }
    const std::string& Packed() const { return packed_; }  // the entries, without the map around them

private:
    std::string packed_;
    std::uint32_t count_ = 0;
};

}  // namespace omote
