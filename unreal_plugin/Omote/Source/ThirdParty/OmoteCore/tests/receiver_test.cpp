// The life of a receiver: it starts, stops, starts again, and nothing that is sent to it ends it.

#include <thread>

#include "omote/error.h"
#include "omote/receiver.h"
#include "packed.h"
#include "publisher.h"
#include "test.h"

using namespace omote;

namespace {

constexpr std::chrono::seconds Patience(60);

ReceiverSettings SettingsFor(const std::string& endpoint) {
    ReceiverSettings settings;
    settings.endpoint = endpoint;
    return settings;
}

// A port on which nobody listens.
std::string DeadEndpoint() { return TestPublisher().Endpoint(); }

// The stored message, whose number is 41, with another below 128.
Message WithSequence(Message message, int sequence) {
    std::string& header = message.Parts()[1];
    header[header.find("seq") + 3] = static_cast<char>(sequence);
    return message;
}

template <class Claim>
bool Becomes(Claim claim) {
    const auto deadline = std::chrono::steady_clock::now() + Patience;
    while (!claim()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

}  // namespace

TEST(a_picture_that_is_sent_is_taken) {
    TestPublisher publisher;
    Receiver receiver(SettingsFor(publisher.Endpoint()));
    receiver.Start();
    EXPECT(publisher.WaitForSubscription("v/omote"));
    publisher.Send(StoredMessage("wire_video"));
    Picture picture;
    EXPECT(receiver.TakePicture(picture, Patience));
    EXPECT_EQUAL(picture.width, 5);
    EXPECT_EQUAL(picture.header.index, std::uint64_t{42});
    EXPECT(!receiver.TakePicture(picture));
    EXPECT(receiver.Report().state == State::Live);
}

TEST(params_schema_and_hello_are_kept_apart) {
    TestPublisher publisher;
    Receiver receiver(SettingsFor(publisher.Endpoint()));
    receiver.Start();
    for (const char* topic : {"p/omote", "s/omote", "h/omote"}) EXPECT(publisher.WaitForSubscription(topic));
    for (const char* name : {"wire_schema", "wire_hello", "wire_params"}) publisher.Send(StoredMessage(name));
    Params params;
    EXPECT(receiver.TakeParams(params, Patience));
    EXPECT_EQUAL(params.basis, std::string("open"));
    EXPECT_EQUAL(receiver.LastSchema()->weights.size(), WeightCount);
    EXPECT_EQUAL(receiver.LastHello()->control, std::uint64_t{5558});
}

TEST(malformed_messages_are_counted_and_survived) {
    TestPublisher publisher;
    Receiver receiver(SettingsFor(publisher.Endpoint()));
    receiver.Start();
    EXPECT(publisher.WaitForSubscription("v/omote"));
    publisher.Send(Message({"v/omote"}));
    publisher.Send(Message({"v/omote", "", ""}));
    publisher.Send(Message(std::vector<std::string>(20, "v/omote")));
    publisher.Send(StoredMessage("wire_refused_short_picture"));
    publisher.Send(StoredMessage("wire_video"));
    Picture picture;
    EXPECT(receiver.TakePicture(picture, Patience));
    EXPECT(Becomes([&] { return receiver.Report().received == 1; }));
    EXPECT_EQUAL(receiver.Report().rejected, std::uint64_t{4});
    ExpectContains(receiver.Report().lastError, "bytes");
}

TEST(a_slow_decoder_gets_the_newest_picture_and_skips_the_others) {
    TestPublisher publisher;
    ReceiverSettings settings = SettingsFor(publisher.Endpoint());
    settings.format = "jpeg";
    std::atomic<bool> mayDecode{false};
    settings.jpeg = [&mayDecode](Bytes jpeg, int width, int height, Order order, std::uint8_t* out) {
        while (!mayDecode) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return GreyJpeg(jpeg, width, height, order, out);
    };
    Receiver receiver(settings);
    receiver.Start();
    EXPECT(publisher.WaitForSubscription("v.jpeg/omote"));
    constexpr int count = 6;  // fewer than the sockets hold, so that none is lost
    for (int sent = 0; sent < count; ++sent) publisher.Send(WithSequence(StoredMessage("wire_video_jpeg"), sent));
    mayDecode = true;
    EXPECT(Becomes([&] { return receiver.Report().received == count; }));
    Picture picture;
    EXPECT(receiver.TakePicture(picture, Patience));
    EXPECT_EQUAL(picture.header.sequence, std::uint64_t{count - 1});
    EXPECT_EQUAL(receiver.Report().skipped, std::uint64_t{count - 1});
    EXPECT_EQUAL(receiver.Report().missed, std::uint64_t{0});
}

TEST(another_subject_that_begins_alike_is_passed_over) {
    TestPublisher publisher;
    Receiver receiver(SettingsFor(publisher.Endpoint()));
    receiver.Start();
    EXPECT(publisher.WaitForSubscription("v/omote"));
    Message other = StoredMessage("wire_video");
    other.Parts()[0] = "v/omote-2";
    publisher.Send(other);
    publisher.Send(StoredMessage("wire_video"));
    Picture picture;
    EXPECT(receiver.TakePicture(picture, Patience));
    EXPECT(Becomes([&] { return receiver.Report().received == 1; }));
    EXPECT_EQUAL(receiver.Report().rejected, std::uint64_t{0});
}

TEST(a_publisher_may_go_and_come_again) {
    auto publisher = std::make_unique<TestPublisher>();
    const std::string endpoint = publisher->Endpoint();
    Receiver receiver(SettingsFor(endpoint));
    receiver.Start();
    Picture picture;
    for (int run = 0; run < 3; ++run) {
        EXPECT(publisher->WaitForSubscription("v/omote"));
        publisher->Send(StoredMessage("wire_video"));
        EXPECT(receiver.TakePicture(picture, Patience));
        publisher.reset();
        publisher = std::make_unique<TestPublisher>(endpoint);
    }
}

TEST(a_receiver_starts_again_after_each_stop) {
    TestPublisher publisher;
    Receiver receiver(SettingsFor(publisher.Endpoint()));
    Picture picture;
    for (int run = 0; run < 20; ++run) {
        receiver.Start();
        receiver.Start();
        EXPECT(publisher.WaitForSubscription("v/omote"));
        publisher.Send(StoredMessage("wire_video"));
        EXPECT(receiver.TakePicture(picture, Patience));
        receiver.Stop();
        receiver.Stop();
        EXPECT(receiver.Report().state == State::Stopped);
    }
}

TEST(stopping_while_nobody_answers_ends) {
    const std::string nobody = DeadEndpoint();
    for (int run = 0; run < 20; ++run) {
        Receiver receiver(SettingsFor(nobody));
        receiver.Start();
        EXPECT(receiver.Report().state == State::Connecting);
    }
}

TEST(starting_and_stopping_from_several_threads_ends_stopped) {
    Receiver receiver(SettingsFor(DeadEndpoint()));
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&receiver] {
            for (int run = 0; run < 10; ++run) {
                receiver.Start();
                receiver.Stop();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT(receiver.Report().state == State::Stopped);
}

TEST(an_endpoint_that_is_none_is_refused_and_may_be_tried_again) {
    Receiver receiver(SettingsFor("udp//nonsense"));
    for (int run = 0; run < 2; ++run) {
        ExpectContains(ErrorOf<SettingsError>([&] { receiver.Start(); }), "tcp://HOST:PORT");
    }
    EXPECT(receiver.Report().state == State::Stopped);
}

TEST(a_receiver_with_a_key_that_the_sender_does_not_want_says_that_it_is_refused) {
    TestPublisher publisher;
    ReceiverSettings settings = SettingsFor(publisher.Endpoint());
    settings.keys = ClientKeys{"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
                               "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"};
    Receiver receiver(settings);
    receiver.Start();
    EXPECT(Becomes([&] { return receiver.Report().state == State::Refused; }));
}
