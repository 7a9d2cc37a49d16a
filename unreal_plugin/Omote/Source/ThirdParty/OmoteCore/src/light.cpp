#include "omote/light.h"

#include <cmath>

namespace omote {

namespace {

constexpr double Pi = 3.14159265358979323846;

// The real orthonormal harmonics 00, 1-1, 10, 11, 2-2, 2-1, 20, 21, 22.
// Ramamoorthi and Hanrahan, "An efficient representation for irradiance environment maps", 2001, equation 3.
std::array<double, 9> HarmonicsOf(double x, double y, double z) {
    return {0.282095,         0.488603 * y,     0.488603 * z,                 0.488603 * x,    1.092548 * x * y,
            1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y)};
}

}  // namespace

Light& Light::AddAmbient(const Colour& colour) {
    Add({1}, colour, 2 * std::sqrt(Pi));
    return *this;
}

Light& Light::AddDirectional(const Direction& towardsLight, const Colour& colour) {
    const auto [x, y, z] = towardsLight;
    const double length = std::sqrt(x * x + y * y + z * z);
    if (!(length > 1e-9)) return *this;
    // White paper reflects irradiance / pi.
    Add(HarmonicsOf(x / length, y / length, z / length), colour, Pi);
    return *this;
}

void Light::Add(const std::array<double, 9>& basis, const Colour& colour, double scale) {
    for (std::size_t channel = 0; channel < colour.size(); ++channel) {
        const double amount = scale * colour[channel];
        for (std::size_t at = 0; at < basis.size(); ++at) harmonics_[channel][at] += amount * basis[at];
    }
}

std::vector<double> Light::Harmonics() const {
    std::vector<double> numbers;
    for (const auto& channel : harmonics_) numbers.insert(numbers.end(), channel.begin(), channel.end());
    return numbers;
}

}  // namespace omote
