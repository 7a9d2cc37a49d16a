// The golden vectors of the wire, which the Python and C# readers decode as well.

#include <cmath>

#include "omote/announcement.h"
#include "omote/control_message.h"
#include "omote/error.h"
#include "omote/params.h"
#include "omote/picture.h"
#include "test.h"
#include "vectors.h"

using namespace omote;

namespace {

Picture Decoded(const std::string& name, Order order) {
    Document document;
    Picture picture;
    const Message message = StoredMessage(name);
    PictureDecoder(order, GreyJpeg).Decode(message.Envelope(document), picture);
    return picture;
}

// Pixels as golden.json tells them, RGBA. Of a JPEG only the alpha: its colours are whose decoder they are.
void ExpectPixels(const Picture& picture, const Json& said) {
    const bool isJpeg = said["topic"].Text().find("jpeg") != std::string::npos;
    const auto& wanted = said["rgba"].Items();
    EXPECT_EQUAL(picture.pixels.size(), wanted.size());
    for (std::size_t at = 0; at < wanted.size(); ++at) {
        if (isJpeg && at % 4 != 3) continue;
        const std::size_t place = picture.order == Order::Bgra && at % 4 != 3 ? at - at % 4 + 2 - at % 4 : at;
        EXPECT_EQUAL(static_cast<double>(picture.pixels[place]), wanted[at].Number());
    }
}

template <std::size_t Count>
void ExpectFloats(const std::array<float, Count>& found, const Json& said) {
    EXPECT_EQUAL(said.Items().size(), Count);
    for (std::size_t at = 0; at < Count; ++at) EXPECT_EQUAL(static_cast<double>(found[at]), said.Items()[at].Number());
}

Params DecodedParams(const std::string& name) {
    Document document;
    Params params;
    const Message message = StoredMessage(name);
    DecodeParams(message.Envelope(document), params);
    return params;
}

void DecodeAny(const Message& message) {
    Document document;
    const Envelope envelope = message.Envelope(document);
    Picture picture;
    Params params;
    if (envelope.topic.kind == 'v') PictureDecoder(Order::Rgba, GreyJpeg).Decode(envelope, picture);
    if (envelope.topic.kind == 'p') DecodeParams(envelope, params);
    if (envelope.topic.kind == 's') DecodeSchema(envelope);
    if (envelope.topic.kind == 'h') DecodeHello(envelope);
}

}  // namespace

TEST(golden_pictures_decode_to_their_pixels_in_both_orders) {
    for (const std::string& name : NamesStartingWith("wire_video")) {
        for (const Order order : {Order::Rgba, Order::Bgra}) {
            const Picture picture = Decoded(name, order);
            const Json& said = Golden()[name];
            EXPECT_EQUAL(static_cast<double>(picture.width), said["width"].Number());
            EXPECT_EQUAL(static_cast<double>(picture.height), said["height"].Number());
            EXPECT_EQUAL(std::string(AlphaWord(picture.alpha)), said["alpha"].Text());
            ExpectPixels(picture, said);
        }
    }
}

TEST(golden_headers_keep_every_nanosecond) {
    Document document;
    const Message message = StoredMessage("wire_video");
    const Envelope envelope = message.Envelope(document);
    const Json& said = Golden()["header"];
    EXPECT_EQUAL(envelope.header.session, said["session"].Uint());
    EXPECT_EQUAL(envelope.header.sequence, said["sequence"].Uint());
    EXPECT_EQUAL(envelope.header.index, said["index"].Uint());
    EXPECT_EQUAL(envelope.header.capturedNs, said["captured_ns"].Uint());
    EXPECT_EQUAL(envelope.header.generatedNs, said["generated_ns"].Uint());
    EXPECT_EQUAL(envelope.header.sentNs, said["sent_ns"].Uint());
    EXPECT_EQUAL(envelope.header.wallNs, said["wall_ns"].Uint());
    EXPECT_EQUAL(envelope.topic.subject, said["subject"].Text());
}

TEST(golden_topics_are_what_one_subscribes_to_for_their_format) {
    for (const std::string& name : NamesStartingWith("wire_video")) {
        const Message message = StoredMessage(name);
        const Topic topic = ReadTopic(Bytes(message.Parts()[0]));
        const std::string format = topic.format.empty() ? "rgba8" : std::string(topic.format);
        EXPECT_EQUAL(TopicName('v', "omote", Format::Parse(format).Name()), Golden()[name]["topic"].Text());
    }
}

void ExpectNames(const std::vector<std::string>& recognised, const Json& said) {
    const std::size_t count = said.Has("recognised") ? said["recognised"].Items().size() : 0;
    EXPECT_EQUAL(recognised.size(), count);
    for (std::size_t at = 0; at < count; ++at) {
        EXPECT_EQUAL(recognised[at], said["recognised"].Items()[at].Text());
    }
}

TEST(golden_params_decode_to_their_numbers) {
    for (const std::string& name : NamesStartingWith("wire_params")) {
        const Params params = DecodedParams(name);
        const Json& said = Golden()[name];
        EXPECT_EQUAL(params.basis, said["basis"].Text());
        ExpectNames(params.recognised, said);
        ExpectFloats(params.weights, said["weights"]);
        ExpectFloats(params.expression, said["expression"]);
        ExpectFloats(params.jawPose, said["jaw_pose"]);
        ExpectFloats(params.neckPose, said["neck_pose"]);
        ExpectFloats(params.eyePose, said["eye_pose"]);
        ExpectFloats(params.eyelids, said["eyelids"]);
        ExpectFloats(params.translation, said["translation"]);
        ExpectFloats(params.headRotation, said["head_rotation"]);
        ExpectFloats(params.headTranslation, said["head_translation"]);
        ExpectFloats(params.gaze, said["gaze"]);
        ExpectFloats(std::array<float, 1>{params.confidence}, said["confidence"]);
        ExpectFloats(std::array<float, 1>{params.presence}, said["presence"]);
        ExpectFloats(params.shownWeights, said[said.Has("shown_weights") ? "shown_weights" : "weights"]);
    }
}

TEST(golden_schemas_lay_out_the_payload) {
    for (const std::string& name : NamesStartingWith("wire_schema")) {
        Document document;
        const Message message = StoredMessage(name);
        const Schema schema = DecodeSchema(message.Envelope(document));
        const Json& said = Golden()[name];
        EXPECT_EQUAL(schema.weights.size(), said["weights"].Items().size());
        EXPECT_EQUAL(schema.weights[13], said["weights"].Items()[13].Text());
        EXPECT_EQUAL(schema.fields.size(), said["fields"].Items().size());
        for (std::size_t at = 0; at < schema.fields.size(); ++at) {
            EXPECT_EQUAL(schema.fields[at].first, said["fields"].Items()[at].Items()[0].Text());
            EXPECT_EQUAL(schema.fields[at].second, said["fields"].Items()[at].Items()[1].Uint());
        }
    }
}

TEST(golden_hello_says_what_there_is) {
    Document document;
    const Message message = StoredMessage("wire_hello");
    const Hello hello = DecodeHello(message.Envelope(document));
    const Json& said = Golden()["wire_hello"];
    EXPECT_EQUAL(hello.omote, said["omote"].Text());
    EXPECT_EQUAL(hello.wire, said["wire"].Uint());
    EXPECT_EQUAL(hello.formats.size(), said["formats"].Items().size());
    EXPECT_EQUAL(hello.video, said["video"].Uint());
    EXPECT_EQUAL(hello.params, said["params"].Uint());
    EXPECT_EQUAL(hello.control, said["control"].Uint());
    EXPECT_EQUAL(hello.methods.size(), said["methods"].Items().size());
}

TEST(golden_refusals_name_what_is_wrong) {
    for (const auto& [name, word] : Golden()["refused"].Entries()) {
        if (name.rfind("wire_", 0) != 0) continue;
        const Message message = StoredMessage(name);
        ExpectContains(ErrorOf<WireError>([&] { DecodeAny(message); }), word.Text());
    }
}

TEST(golden_requests_are_what_this_client_sends) {
    const auto sent = [](const char* name, const Arguments& arguments) {
        const Json& said = Golden()[name];
        EXPECT(EncodeRequest(said["id"].Uint(), said["method"].Text(), arguments) == StoredMessage(name).Parts()[0]);
    };
    sent("control_request_hello", Arguments());
    sent("control_request_set_light_nil", Arguments().Null("harmonics"));
    std::vector<double> harmonics;
    for (const Json& item : Golden()["control_request_set_light"]["with"]["harmonics"].Items()) {
        harmonics.push_back(item.Number());
    }
    sent("control_request_set_light", Arguments().Numbers("harmonics", harmonics));
    sent("control_request_set_expression",
         Arguments()
             .Weights("weights", {{"mouthSmileLeft", 0.75}, {"mouthSmileRight", 0.5}, {"jawOpen", 0.125}})
             .Number("attack", 0.25)
             .Null("hold")
             .Number("release", 0.5));
}

TEST(golden_replies_decode_to_results_and_errors) {
    for (const std::string& name : NamesStartingWith("control_reply")) {
        Document document;
        const Message message = StoredMessage(name);
        const Reply reply = DecodeReply(Bytes(message.Parts()[0]), document);
        const Json& said = Golden()[name];
        EXPECT_EQUAL(reply.id, said["id"].Uint());
        EXPECT_EQUAL(reply.result.has_value(), said.Has("result"));
        if (!reply.result) {
            EXPECT_EQUAL(reply.code, said["error"]["code"].Text());
            EXPECT_EQUAL(reply.message, said["error"]["message"].Text());
            continue;
        }
        for (const auto& [key, value] : said["result"].Entries()) {
            EXPECT_EQUAL(reply.result->Uint(key.c_str()), value.Uint());
        }
    }
}

TEST(golden_requests_that_are_refused_are_no_replies_either) {
    for (const auto& [name, word] : Golden()["refused"].Entries()) {
        if (name.rfind("control_", 0) != 0) continue;
        const Message message = StoredMessage(name);
        Document document;
        EXPECT(!ErrorOf<WireError>([&] { DecodeReply(Bytes(message.Parts()[0]), document); }).empty());
    }
}
