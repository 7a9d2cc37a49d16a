#include "omote/live_link.h"

#include <algorithm>
#include <cmath>

namespace omote {

namespace {

struct Angles {
    double yaw, pitch, roll;
};

struct Quaternion {
    double x, y, z, w;
};

Quaternion QuaternionOf(const std::array<float, 3>& rotation) {
    const double angle = std::sqrt(rotation[0] * double(rotation[0]) + rotation[1] * double(rotation[1]) +
                                   rotation[2] * double(rotation[2]));
    const double scale = angle > 1e-12 ? std::sin(angle / 2) / angle : 0.5;
    return {rotation[0] * scale, rotation[1] * scale, rotation[2] * scale, std::cos(angle / 2)};
}

// Of a rotation vector, as the turns Ry(yaw) Rx(pitch) Rz(roll).
Angles AnglesOf(const std::array<float, 3>& rotation) {
    const auto [x, y, z, w] = QuaternionOf(rotation);
    return {std::atan2(2 * (x * z + w * y), 1 - 2 * (x * x + y * y)),
            std::asin(std::clamp(2 * (w * x - y * z), -1.0, 1.0)),
            std::atan2(2 * (x * y + w * z), 1 - 2 * (x * x + z * z))};
}

}  // namespace

const std::array<std::string, LiveLinkCount>& LiveLinkNames() {
    static const std::array<std::string, LiveLinkCount> names = {
        "EyeBlinkLeft",       "EyeLookDownLeft",    "EyeLookInLeft",     "EyeLookOutLeft",   "EyeLookUpLeft",
        "EyeSquintLeft",      "EyeWideLeft",        "EyeBlinkRight",     "EyeLookDownRight", "EyeLookInRight",
        "EyeLookOutRight",    "EyeLookUpRight",     "EyeSquintRight",    "EyeWideRight",     "JawForward",
        "JawLeft",            "JawRight",           "JawOpen",           "MouthClose",       "MouthFunnel",
        "MouthPucker",        "MouthLeft",          "MouthRight",        "MouthSmileLeft",   "MouthSmileRight",
        "MouthFrownLeft",     "MouthFrownRight",    "MouthDimpleLeft",   "MouthDimpleRight", "MouthStretchLeft",
        "MouthStretchRight",  "MouthRollLower",     "MouthRollUpper",    "MouthShrugLower",  "MouthShrugUpper",
        "MouthPressLeft",     "MouthPressRight",    "MouthLowerDownLeft", "MouthLowerDownRight", "MouthUpperUpLeft",
        "MouthUpperUpRight",  "BrowDownLeft",       "BrowDownRight",     "BrowInnerUp",      "BrowOuterUpLeft",
        "BrowOuterUpRight",   "CheekPuff",          "CheekSquintLeft",   "CheekSquintRight", "NoseSneerLeft",
        "NoseSneerRight",     "TongueOut",          "HeadYaw",           "HeadPitch",        "HeadRoll",
        "LeftEyeYaw",         "LeftEyePitch",       "LeftEyeRoll",       "RightEyeYaw",      "RightEyePitch",
        "RightEyeRoll",       "OmoteConfidence",    "OmotePresence"};
    return names;
}

std::array<float, LiveLinkCount> LiveLinkValues(const Params& params) {
    std::array<float, LiveLinkCount> values{};
    for (std::size_t at = 0; at < WeightCount; ++at) values[at] = std::clamp(params.shownWeights[at], 0.0f, 1.0f);
    const Angles head = AnglesOf(params.neckPose);
    const std::array<float, LiveLinkCount - WeightCount> rest = {
        float(head.yaw),    float(-head.pitch), float(head.roll),
        -params.eyePose[1], params.eyePose[0],  0,  // an eye's rotation is small: yaw about y, pitch about x
        -params.eyePose[4], params.eyePose[3],  0,
        params.confidence,  params.presence};
    std::copy(rest.begin(), rest.end(), values.begin() + WeightCount);
    return values;
}

// The wire's axes are the subject's left, up and the camera's side; as one is mirrored, the sense of rotations changes.
HeadPlace HeadPlaceOf(const Params& params) {
    const auto& [left, up, towards] = params.translation;
    const Quaternion turn = QuaternionOf(params.neckPose);
    return {{100.0 * towards, -100.0 * left, 100.0 * up}, {-turn.z, turn.x, -turn.y, turn.w}};
}

}  // namespace omote
