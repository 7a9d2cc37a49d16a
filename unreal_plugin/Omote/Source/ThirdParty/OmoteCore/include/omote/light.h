#pragma once

#include <array>
#include <vector>

namespace omote {

using Colour = std::array<double, 3>;     // red, green, blue, linear light
using Direction = std::array<double, 3>;  // in the picture's frame: x to its right, y up, z to who looks at it

/// Light on the portrait, as `set_light` wants it: nine harmonics of incoming radiance for each colour.
class Light {
public:
    /// The same from everywhere; white paper in it has this colour.
    Light& AddAmbient(const Colour& colour);

    /// From far away; white paper that faces it has this colour. A direction of no length adds nothing.
    Light& AddDirectional(const Direction& towardsLight, const Colour& colour);

    /// 27 numbers: nine for red, nine for green, nine for blue.
    std::vector<double> Harmonics() const;

private:
    void Add(const std::array<double, 9>& basis, const Colour& colour, double scale);

    std::array<std::array<double, 9>, 3> harmonics_{};
};

}  // namespace omote
