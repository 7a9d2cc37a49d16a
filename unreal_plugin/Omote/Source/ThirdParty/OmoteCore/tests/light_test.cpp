// Light as 27 harmonics, held against what it does to white paper.

#include <cmath>

#include "omote/light.h"
#include "test.h"

using namespace omote;

namespace {

constexpr double Pi = 3.14159265358979323846;

// What white paper that faces `z` shows of one channel: irradiance / pi, by the nine harmonics of Ramamoorthi and
// Hanrahan.
double PaperFacingZ(const std::vector<double>& light, std::size_t channel) {
    const double* harmonics = light.data() + 9 * channel;
    const double irradiance = Pi * 0.282095 * harmonics[0] + 2 * Pi / 3 * 0.488603 * harmonics[2] +
                              Pi / 4 * 0.315392 * 2 * harmonics[6];
    return irradiance / Pi;
}

bool IsNear(double found, double wanted, double tolerance) { return std::abs(found - wanted) <= tolerance; }

}  // namespace

TEST(white_light_of_radiance_one_is_as_the_wire_says) {
    const auto harmonics = Light().AddAmbient({1, 1, 1}).Harmonics();
    EXPECT_EQUAL(harmonics.size(), std::size_t{27});
    EXPECT(IsNear(harmonics[0], 3.5449, 1e-4) && IsNear(harmonics[9], 3.5449, 1e-4) && harmonics[1] == 0);
    EXPECT(IsNear(PaperFacingZ(harmonics, 0), 1, 1e-4));
}

TEST(a_lamp_lights_white_paper_in_its_colour) {
    const auto harmonics = Light().AddDirectional({0, 0, 5}, {1, 0.5, 0}).Harmonics();
    // Nine harmonics hold 17/16 of a cosine that is met head on.
    EXPECT(IsNear(PaperFacingZ(harmonics, 0), 17.0 / 16, 1e-3));
    EXPECT(IsNear(PaperFacingZ(harmonics, 1), 17.0 / 32, 1e-3));
    EXPECT_EQUAL(PaperFacingZ(harmonics, 2), 0.0);
}

TEST(up_is_y_and_the_pictures_right_is_x) {
    const auto above = Light().AddDirectional({0, 1, 0}, {1, 1, 1}).Harmonics();
    EXPECT(above[1] > 0 && above[3] == 0);
    const auto right = Light().AddDirectional({1, 0, 0}, {1, 1, 1}).Harmonics();
    EXPECT(right[3] > 0 && right[1] == 0);
}

TEST(a_direction_of_no_length_adds_nothing) {
    for (const double number : Light().AddDirectional({0, 0, 0}, {1, 1, 1}).Harmonics()) EXPECT_EQUAL(number, 0.0);
}
