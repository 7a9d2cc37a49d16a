#include "omote/params.h"

#include <cmath>
#include <cstring>

#include "omote/error.h"
#include "omote/utf8.h"

namespace omote {

namespace {

constexpr std::size_t FewestFloats = 131;
constexpr std::size_t MaxBasisLetters = 64;
constexpr std::size_t MaxRecognised = 16;
constexpr std::size_t MaxNameBytes = 64;

// Hands out little-endian floats from left to right.
class Floats {
public:
    explicit Floats(Bytes payload) : at_(payload.data), left_(payload.size / 4) {}

    std::size_t Left() const { return left_; }

    template <std::size_t Count>
    void Take(const char* name, std::array<float, Count>& into) {
        Take(name, into.data(), Count);
    }

    void TakeShare(const char* name, float& into) {
        Take(name, &into, 1);
        if (into >= 0 && into <= 1) return;
        throw WireError(std::string(name) + " must be between 0 and 1, got " + std::to_string(into));
    }

private:
    void Take(const char* name, float* into, std::size_t count) {
        std::memcpy(into, at_, 4 * count);
        for (std::size_t index = 0; index < count; ++index) {
            if (!std::isfinite(into[index])) throw WireError(std::string(name) + " must be finite numbers");
        }
        at_ += 4 * count;
        left_ -= count;
    }

    const std::uint8_t* at_;
    std::size_t left_;
};

void TakeRecognised(const Value& fields, std::vector<std::string>& into) {
    into.clear();
    if (!fields.Find("recognised")) return;
    into = fields.Texts("recognised");
    if (into.size() > MaxRecognised) {
        throw WireError("'recognised' has at most 16 names, got " + std::to_string(into.size()));
    }
    for (const std::string& name : into) {
        if (!name.empty() && name.size() <= MaxNameBytes) continue;
        throw WireError("a name in 'recognised' has 1 to 64 bytes, got " + std::to_string(name.size()));
    }
}

}  // namespace

void DecodeParams(const Envelope& envelope, Params& into) {
    const Bytes payload = envelope.payload;
    if (payload.size < 4 * FewestFloats || payload.size % 4) {
        throw WireError("params have at least 524 bytes, in fours, got " + std::to_string(payload.size));
    }
    const std::string_view basis = envelope.fields.Text("basis");
    if (basis.empty() || CountLetters(basis) > MaxBasisLetters) {
        throw WireError("basis must have 1 to 64 letters, got " + std::to_string(CountLetters(basis)));
    }
    into.header = envelope.header;
    into.basis = basis;
    TakeRecognised(envelope.fields, into.recognised);
    Floats floats(payload);
    floats.Take("weights", into.weights);
    floats.Take("expression", into.expression);
    floats.Take("jaw_pose", into.jawPose);
    floats.Take("neck_pose", into.neckPose);
    floats.Take("eye_pose", into.eyePose);
    floats.Take("eyelids", into.eyelids);
    floats.Take("translation", into.translation);
    floats.Take("head_rotation", into.headRotation);
    floats.Take("head_translation", into.headTranslation);
    floats.Take("gaze", into.gaze);
    floats.TakeShare("confidence", into.confidence);
    floats.TakeShare("presence", into.presence);
    into.shownWeights = into.weights;
    if (floats.Left() >= WeightCount) floats.Take("shown_weights", into.shownWeights);
}

}  // namespace omote
