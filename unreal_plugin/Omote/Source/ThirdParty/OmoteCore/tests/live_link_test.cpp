// What Unreal's Live Link is given.

#include <cctype>
#include <cmath>

#include "omote/live_link.h"
#include "test.h"
#include "vectors.h"

using namespace omote;

namespace {

void ExpectNear(float found, double wanted) {
    if (std::abs(static_cast<double>(found) - wanted) > 1e-6) {
        throw std::runtime_error(std::to_string(found) + " is not " + std::to_string(wanted));
    }
}

// The value under a name.
float Named(const std::array<float, LiveLinkCount>& values, const std::string& name) {
    for (std::size_t at = 0; at < LiveLinkCount; ++at) {
        if (LiveLinkNames()[at] == name) return values[at];
    }
    throw std::runtime_error("there is no " + name);
}

}  // namespace

TEST(the_names_are_the_weights_of_the_schema_with_a_capital) {
    const auto& weights = Golden()["wire_schema"]["weights"].Items();
    for (std::size_t at = 0; at < WeightCount; ++at) {
        std::string name = weights[at].Text();
        name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
        EXPECT_EQUAL(LiveLinkNames()[at], name);
    }
}

TEST(what_is_shown_is_given_within_0_and_1) {
    Params params;
    params.weights[0] = 0.25f;
    params.shownWeights[0] = 0.75f;
    params.shownWeights[17] = 1.5f;
    const auto values = LiveLinkValues(params);
    EXPECT_EQUAL(Named(values, "EyeBlinkLeft"), 0.75f);
    EXPECT_EQUAL(Named(values, "JawOpen"), 1.0f);
}

TEST(a_turn_about_one_axis_is_that_angle) {
    Params params;
    params.neckPose = {0, 0.5f, 0};
    ExpectNear(Named(LiveLinkValues(params), "HeadYaw"), 0.5);
    params.neckPose = {0.25f, 0, 0};
    ExpectNear(Named(LiveLinkValues(params), "HeadPitch"), -0.25);  // looks down
    params.neckPose = {0, 0, -0.25f};
    ExpectNear(Named(LiveLinkValues(params), "HeadRoll"), -0.25);
}

TEST(a_turn_about_all_axes_is_taken_apart_roll_first) {
    // The matrix Ry(0.5) Rx(0.25) Rz(-0.3) multiplied out, as a rotation vector.
    Params params;
    params.neckPose = {0.16856687f, 0.53114305f, -0.35473755f};
    const auto values = LiveLinkValues(params);
    ExpectNear(Named(values, "HeadYaw"), 0.5);
    ExpectNear(Named(values, "HeadPitch"), -0.25);
    ExpectNear(Named(values, "HeadRoll"), -0.3);
}

TEST(eyes_and_confidence_are_given) {
    Params params;
    params.eyePose = {0.1f, 0.2f, 0, 0.3f, 0.4f, 0};
    params.confidence = 0.5f;
    params.presence = 0.75f;
    const auto values = LiveLinkValues(params);
    EXPECT_EQUAL(Named(values, "LeftEyePitch"), 0.1f);
    EXPECT_EQUAL(Named(values, "LeftEyeYaw"), -0.2f);
    EXPECT_EQUAL(Named(values, "RightEyePitch"), 0.3f);
    EXPECT_EQUAL(Named(values, "RightEyeYaw"), -0.4f);
    EXPECT_EQUAL(Named(values, "OmoteConfidence"), 0.5f);
    EXPECT_EQUAL(Named(values, "OmotePresence"), 0.75f);
}

TEST(the_head_is_placed_in_unreals_axes) {
    Params params;
    params.translation = {0.01f, 0.02f, 0.03f};  // to the subject's left, up, to the camera
    params.neckPose = {0, 0.5f, 0};  // to the subject's left
    HeadPlace place = HeadPlaceOf(params);
    ExpectNear(float(place.centimetres[0]), 3);
    ExpectNear(float(place.centimetres[1]), -1);
    ExpectNear(float(place.centimetres[2]), 2);
    // Unreal's yaw turns from X (forward) to Y (right), so it is negative.
    ExpectNear(float(place.quaternion[2]), -std::sin(0.25));
    ExpectNear(float(place.quaternion[3]), std::cos(0.25));
    params.neckPose = {0.5f, 0, 0};  // looks down: X turns to -Z, which is a positive angle about Y
    place = HeadPlaceOf(params);
    ExpectNear(float(place.quaternion[1]), std::sin(0.25));
    params.neckPose = {0, 0, 0.5f};  // tilts to the subject's right: Z turns to Y, a negative angle about X
    place = HeadPlaceOf(params);
    ExpectNear(float(place.quaternion[0]), -std::sin(0.25));
}
