#pragma once

#include <array>
#include <string>

#include "omote/params.h"

namespace omote {

/// 52 ARKit weights, yaw, pitch and roll of the head and both eyes, confidence and presence.
constexpr std::size_t LiveLinkCount = 63;

/// The names under which Unreal's ARKit mappings look for them: "EyeBlinkLeft", "HeadYaw", ...
const std::array<std::string, LiveLinkCount>& LiveLinkNames();

/// What the portrait shows, in the order of the names. Angles in radians, turned about y, x and z, roll applied first,
/// with the signs of the Live Link Face app: the head's +yaw turns to the subject's left and its +pitch looks up, an
/// eye's +yaw turns to the right and its +pitch looks down.
std::array<float, LiveLinkCount> LiveLinkValues(const Params& params);

/// Where the head is and how it is turned, in Unreal's axes: X forward, Y to the subject's right, Z up.
struct HeadPlace {
    std::array<double, 3> centimetres;
    std::array<double, 4> quaternion;  // x, y, z, w
};

/// The head as the portrait shows it, from its place at rest.
HeadPlace HeadPlaceOf(const Params& params);

}  // namespace omote
