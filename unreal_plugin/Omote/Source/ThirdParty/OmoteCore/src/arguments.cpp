#include "omote/arguments.h"

#include "omote/packer.h"

namespace omote {

namespace {

Packer BeginEntry(std::string& packed, std::uint32_t& count, std::string_view name) {
    ++count;
    Packer packer(packed);
    packer.Text(name);
    return packer;
}

}  // namespace

Arguments& Arguments::Text(std::string_view name, std::string_view value) {
    BeginEntry(packed_, count_, name).Text(value);
    return *this;
}

Arguments& Arguments::Number(std::string_view name, double value) {
    BeginEntry(packed_, count_, name).Float(value);
    return *this;
}

Arguments& Arguments::Null(std::string_view name) {
    BeginEntry(packed_, count_, name).Null();
    return *this;
}

Arguments& Arguments::Numbers(std::string_view name, const std::vector<double>& values) {
    Packer packer = BeginEntry(packed_, count_, name).List(values.size());
    for (const double value : values) packer.Float(value);
    return *this;
}

Arguments& Arguments::Texts(std::string_view name, const std::vector<std::string>& values) {
    Packer packer = BeginEntry(packed_, count_, name).List(values.size());
    for (const std::string& value : values) packer.Text(value);
    return *this;
}

Arguments& Arguments::Weights(std::string_view name, const std::vector<std::pair<std::string, double>>& values) {
    Packer packer = BeginEntry(packed_, count_, name).Map(values.size());
    for (const auto& [key, value] : values) packer.Text(key).Float(value);
    return *this;
}

}  // namespace omote
