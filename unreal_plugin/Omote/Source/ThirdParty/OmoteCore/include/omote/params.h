#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "omote/envelope.h"

namespace omote {

constexpr std::size_t WeightCount = 52;

/// A face in numbers. Rotations in radians: +x down, +y to the subject's left, +z tilts to the subject's right.
struct Params {
    Header header;
    std::uint64_t arrivedNs = 0;  // our monotonic clock
    std::string basis;            // the language of `expression`: open, flame2020
    std::vector<std::string> recognised;  // the expressions that the performer makes now, by name

    // The floats, in the order in which they travel. As seen:
    std::array<float, WeightCount> weights{};  // ARKit order, 0 (rest) to 1 (full)
    // as the portrait shows them:
    std::array<float, 50> expression{};
    std::array<float, 3> jawPose{};
    std::array<float, 3> neckPose{};  // the whole turn of the head
    std::array<float, 6> eyePose{};   // left, right
    std::array<float, 2> eyelids{};   // left, right: 0 open, 1 closed
    std::array<float, 3> translation{};  // metres
    // as seen:
    std::array<float, 3> headRotation{};
    std::array<float, 3> headTranslation{};  // metres
    std::array<float, 4> gaze{};             // pitch, yaw of the left eye, then of the right
    float confidence = 0;                    // 0 where no face was seen
    float presence = 0;                      // 1 the performer's face, 0 idle
    // As shown: smoothed, at rest where the face is lost, with triggered expressions. What an older sender does not
    // say is what was seen.
    std::array<float, WeightCount> shownWeights{};
};

/// The face in a `p` message; WireError where it breaks a rule of the wire.
void DecodeParams(const Envelope& envelope, Params& into);

}  // namespace omote
